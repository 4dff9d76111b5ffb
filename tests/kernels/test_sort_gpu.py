"""Sorting planned for GPUs: lines of one work-group, and lines that groups share."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import clnet
from clnet.device import current_device
from clnet.kernels import sort
from clnet.tensor.runner import Runner
from clnet.tensor.tensor import Tensor

CASES = [("float32", (3, 700), 1, False, "line"), ("float32", (2, 20000), 1, True, "move"),
         ("int64", (5000, 3), 0, True, "line"), ("float16", (1, 9001), 1, False, "move"),
         ("uint8", (12000,), 0, True, "move"), ("int16", (40, 17), 1, False, "line")]


@pytest.mark.parametrize(("dtype", "shape", "dim", "descending", "phase"), CASES)
def test_stable_order(dtype, shape, dim, descending, phase):
    rng = np.random.default_rng(4)
    # Many equal elements; both zeros and NaN among the floating ones.
    values = rng.integers(-90, 90, shape).clip(0 if dtype == "uint8" else -90).astype(dtype)
    if dtype.startswith("float"):
        values = values / 2
        values.flat[5], values.flat[9], values.flat[11] = np.nan, -0.0, np.inf
    x = clnet.tensor(values)
    caps = current_device().caps.with_plan_class("gpu")
    units = 1 if phase == "line" else 64
    plan = sort.plan(x.layout, dim, descending, dataclasses.replace(caps, units=units))
    assert f"sort_radix_{phase}" in {launch.spec.name for launch in plan.launches}
    got = [Tensor.allocate(x.device, layout) for layout in plan.outputs]
    Runner(plan, x.device)((x,), got)
    keys = np.nan_to_num(values.astype("float64"), nan=2e9, posinf=1e9)
    order = np.argsort(-keys if descending else keys, dim, kind="stable")
    np.testing.assert_array_equal(got[1].numpy(), order)
    np.testing.assert_array_equal(got[0].numpy(), np.take_along_axis(values, order, dim))
