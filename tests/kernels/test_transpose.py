"""Copies between layouts whose innermost dimensions disagree, in both device classes."""

from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.core import layout as lay
from clnet.core.presets import PRESETS
from clnet.device import current_device
from clnet.kernels import elementwise, transpose
from clnet.tensor.runner import Runner
from clnet.tensor.tensor import Tensor

CASES = [((40, 33), (1, 0)), ((3, 150, 20), (0, 2, 1)), ((2, 3, 45, 7), (0, 2, 3, 1)),
         ((17, 5, 130), (2, 1, 0)), ((2, 20, 3, 18), (3, 2, 1, 0))]
PAIRS = [("float32", "float32"), ("float64", "float64"), ("float16", "float16"), ("int8", "int8"),
         ("float32", "float16"), ("int16", "float32"), ("bool", "bool"), ("float32", "int64")]


@pytest.mark.parametrize("plan_class", ["cpu", "gpu"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_element_arrives(plan_class, source, target):
    rng = np.random.default_rng(3)
    caps = current_device().caps.with_plan_class(plan_class)
    shape, order = CASES[PAIRS.index((source, target)) % len(CASES)]
    array = (rng.standard_normal(shape) * 20).astype(source)
    x = clnet.tensor(array).permute(*order)
    want = array.transpose(order).astype(target)
    y = lay.dense(want.shape, getattr(clnet, target))
    plan = elementwise.plan("copy", lambda v: [v], (x.layout,), x.dtype, (y,), caps)
    assert plan_class == "gpu" or plan.launches[0].spec.template == "transpose"
    got = Tensor.allocate(x.device, y)
    Runner(plan, x.device)((x,), (got,))
    np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize(("shape", "order"), CASES)
def test_what_copies_uses_it(shape, order):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    x = clnet.tensor(array).permute(*order)
    want = array.transpose(order)
    np.testing.assert_array_equal(x.contiguous().numpy(), want)
    np.testing.assert_array_equal(x.reshape(-1).numpy(), want.reshape(-1))
    np.testing.assert_array_equal(clnet.cat([x, x]).numpy(), np.concatenate([want, want]))
    target = clnet.empty(*want.shape, dtype=clnet.float64)
    np.testing.assert_array_equal(target.copy_(x).numpy(), want)


def test_squares_fit_the_local_memory():
    for caps in PRESETS.values():
        if caps.plan_class == "gpu":
            launch = transpose.launch("copy", 0, clnet.complex128, clnet.complex128, [64, 64], [1, 64], [64, 1],
                                      caps)
            assert launch is not None
            side = dict(launch.spec.params)["tile_a"]
            assert side * (side + 1) * 16 <= caps.local_mem_size
            assert launch.spec.local_size[0] <= caps.max_work_group_size
