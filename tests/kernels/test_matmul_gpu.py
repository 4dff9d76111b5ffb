"""Products planned for GPUs: every variant, on whatever device is at hand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import clnet
from clnet.codegen.render import render
from clnet.core import layout as lay
from clnet.core.presets import PRESETS
from clnet.core.tunables import Trial
from clnet.device import current_device
from clnet.kernels import matmul
from clnet.tensor.runner import Runner
from clnet.tensor.tensor import Tensor
from tests.presets.test_limits import local_bytes

# (m, n, k), batches of a and b, whether a and b lie transposed: whole tiles, odd ends, splits, broadcasts.
CASES = [((128, 128, 32), (), (), False, False), ((70, 97, 45), (3,), (3,), True, False),
         ((65, 40, 33), (2, 3), (3,), False, True), ((40, 130, 1100), (), (), True, True)]
# One column, few rows, few columns of turned stacks, fewer k than a vector, one row.
SKINNY = [((300, 1, 70), (), (), False, False), ((3, 90, 1100), (2,), (), False, True),
          ((70, 7, 33), (3,), (3,), True, False), ((1, 8, 3), (), (), False, False),
          ((1, 40, 2100), (), (), False, False)]


def operand(rng: Any, shape: tuple[int, ...], dtype: Any, transposed: bool) -> tuple[np.ndarray, Any]:
    """Values and a tensor of them, whose last dimensions lie in memory as asked."""
    if dtype.is_floating_point:
        values = rng.uniform(-1, 1, shape)
    else:
        values = rng.integers(-9, 9, shape)
    tensor = clnet.tensor(np.ascontiguousarray(np.swapaxes(values, -1, -2)) if transposed else values).to(dtype)
    tensor = tensor.mT if transposed else tensor
    return tensor.to(clnet.float64 if dtype.is_floating_point else clnet.int64).numpy(), tensor


def run(case: Any, dtype: Any, choices: dict[str, Any], numbers: tuple[float, ...] = (), **capabilities: Any) -> Any:
    """(result, reference, templates used) of beta * c + alpha * (a @ b) planned by ``choices``."""
    (m, n, k), a_batch, b_batch, a_turned, b_turned = case
    rng = np.random.default_rng(0)
    a, x = operand(rng, (*a_batch, m, k), dtype, a_turned)
    b, y = operand(rng, (*b_batch, k, n), dtype, b_turned)
    caps = dataclasses.replace(current_device().caps.with_plan_class("gpu"), **capabilities)
    tensors, expected, values = [x, y], a @ b, []
    if numbers:
        c, z = operand(rng, (n,), dtype, False)
        tensors.append(z)
        values = [matmul.Number("float")] * 2
        expected = numbers[0] * c + numbers[1] * expected
    trial = Trial({("matmul_local", name): value for name, value in choices.items()})
    with trial.running():
        plan = matmul.plan((*(t.layout for t in tensors), *values), caps, tf32=choices.get("variant") == "mma")
    got = Tensor.allocate(x.device, plan.outputs[0])
    Runner(plan, x.device)((*tensors, *numbers), (got,))
    wide = got.to(clnet.float64 if dtype.is_floating_point else clnet.int64).numpy()
    return wide, expected, [launch.spec.template for launch in plan.launches]


def check(case: Any, dtype: Any, choices: dict[str, Any], numbers: tuple[float, ...] = (),
          **capabilities: Any) -> list[str]:
    """Run and compare; returns the templates used."""
    got, expected, templates = run(case, dtype, choices, numbers, **capabilities)
    if not dtype.is_floating_point:
        np.testing.assert_array_equal(got, expected.astype(dtype.storage).astype(np.int64))
        return templates
    exact = 4e-3 if "matmul_matrix" in templates else 1e-6
    epsilon = {clnet.float64: 1e-13, clnet.float32: exact}.get(dtype, 4e-3 if dtype is clnet.float16 else 2e-2)
    np.testing.assert_allclose(got, expected, atol=epsilon * math.sqrt(case[0][2]) * 4, rtol=epsilon)
    return templates


@pytest.mark.parametrize("case", CASES, ids=str)
def test_register_blocks(case):
    templates = check(case, clnet.float32, {"variant": "block"}, (0.5, -2.0) if case[1] else ())
    assert templates[0] == "matmul_block"
    assert ("matmul_combine" in templates) == (case[0][2] > 1000)


@pytest.mark.parametrize("case", SKINNY, ids=str)
def test_few_columns(case):
    templates = check(case, clnet.float32, {"split_k": 256}, (0.5, -2.0) if case[1] else ())
    assert templates[0] == "matmul_skinny"


@pytest.mark.parametrize("dtype", ["bfloat16", "int64"])
def test_few_columns_of_other_types(dtype):
    assert check(((5, 40, 50), (), (), False, True), getattr(clnet, dtype), {})[0] == "matmul_skinny"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int64", "int8"])
def test_register_blocks_of_other_types(dtype):
    if dtype == "float64" and not current_device().caps.fp64:
        pytest.skip("no float64 on this device")
    check(((50, 66, 37), (), (), True, False), getattr(clnet, dtype),
          {"variant": "block", "tile_m": 64, "tile_n": 64, "rows": 4, "columns": 4})


@pytest.mark.parametrize(("tile_m", "tile_n", "rows", "columns"), [(32, 128, 4, 4), (64, 64, 8, 4)])
def test_shapes_of_blocks(tile_m, tile_n, rows, columns):
    check(((129, 65, 20), (), (), False, False), clnet.float32,
          {"variant": "block", "tile_m": tile_m, "tile_n": tile_n, "rows": rows, "columns": columns})


@pytest.mark.parametrize("imitated", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_subgroups(case, imitated):
    if not imitated and not current_device().caps.subgroups:
        pytest.skip("no subgroups on this device")
    templates = check(case, clnet.float32, {"variant": "subgroup"}, (0.5, -2.0) if case[1] else (),
                      subgroups=not imitated)
    assert templates[0] == "matmul_subgroup"


def test_subgroups_of_integers():
    check(((50, 66, 37), (), (), True, False), clnet.int64, {"variant": "subgroup", "rows": 4})


# What the unit computes with; lanes of imitated ones.
UNITS = [("mma", "float16", 32), ("mma", "float32", 32), ("mma", "bfloat16", 32), ("mma", "int8", 32),
         ("dpas", "float16", 16), ("dpas", "bfloat16", 8), ("dpas", "int8", 16), ("dot", "int8", 1)]


@pytest.mark.parametrize(("unit", "dtype", "lanes"), UNITS)
def test_matrix_units_imitated(unit, dtype, lanes):
    case = CASES[1 + UNITS.index((unit, dtype, lanes)) % 3]
    templates = check(case, getattr(clnet, dtype), {"variant": unit}, matrix_unit="", matrix_lanes=lanes,
                      int_dot=False)
    assert templates[0] == "matmul_matrix"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8"])
def test_matrix_units_of_the_device(dtype):
    caps = current_device().caps
    unit = caps.matrix_unit or ("dot" if caps.int_dot and dtype == "int8" else "")
    if not unit:
        pytest.skip("no matrix unit for this type on this device")
    assert check(CASES[1], getattr(clnet, dtype), {})[0] == "matmul_matrix"


def test_tf32_is_taken_only_where_it_is_asked_for():
    a = lay.dense((256, 256), clnet.float32)
    used = [matmul.plan((a, a), caps, tf32=asked).launches[0].spec.template
            for caps in (PRESETS["rtx3060"], PRESETS["rx6600"]) for asked in (False, True)]
    assert used == ["matmul_block", "matmul_matrix", "matmul_block", "matmul_block"]


@pytest.mark.parametrize("preset", PRESETS)
def test_limits_of_devices_are_kept(preset):
    caps = PRESETS[preset]
    for dtype in (clnet.float32, clnet.bfloat16, clnet.int64, clnet.int8):
        for m, n, k in ((2048, 2048, 2048), (64, 100, 9000), (300, 40, 70)):
            plan = matmul.plan((lay.dense((m, k), dtype), lay.dense((k, n), dtype)), caps)
            for launch in plan.launches:
                assert launch.spec.local_size[0] <= caps.max_work_group_size
                assert local_bytes(render(launch.spec, caps).source) <= caps.local_mem_size
