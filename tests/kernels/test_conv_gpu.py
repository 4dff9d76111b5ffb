"""Convolutions planned for GPUs: gathered products in every variant, and few channels, on any device."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import clnet
from clnet.codegen.render import render
from clnet.core import layout as lay
from clnet.core.presets import PRESETS
from clnet.core.tunables import Trial
from clnet.device import current_device
from clnet.kernels import conv
from clnet.tensor.runner import Runner
from clnet.tensor.tensor import Tensor
from tests.presets.test_limits import local_bytes

# Images, channels, input, outputs, taps, stride, padding, dilation, groups: several tiles and parts of sums, strides
# whose phases have taps or none, runs of places that vectors don't divide, one and three dimensions, groups.
CASES = [(2, 10, (9, 12), 40, (3, 3), (1, 1), (1, 1), (1, 1), 1),
         (3, 24, (8, 7), 20, (3, 2), (2, 3), (1, 0), (2, 1), 2),
         (1, 70, (6, 6), 17, (1, 1), (2, 2), (0, 0), (1, 1), 1),
         (2, 12, (70,), 10, (5,), (1,), (2,), (1,), 1),
         (1, 9, (3, 5, 6), 12, (2, 3, 3), (1, 2, 1), (1, 1, 1), (1, 1, 1), 1)]
# Rows that no tile serves: depthwise, several outputs of each channel, and few outputs of many channels.
FEW = [(2, 5, (9, 11), 5, (3, 3), (1, 1), (1, 1), (1, 1), 5), (3, 4, (40, 39), 12, (3, 5), (2, 2), (1, 2), (1, 1), 4),
       (2, 20, (7, 6), 3, (3, 3), (1, 1), (1, 1), (1, 1), 1), (1, 4, (2, 3, 5), 4, (1, 2, 3), (1, 1, 1), (0, 1, 1),
                                                               (1, 1, 1), 4)]


def direct(x: np.ndarray, w: np.ndarray, case: Any) -> tuple[np.ndarray, Any]:
    """The convolution by definition, and a function from a cotangent to those of both operands."""
    _, _, size, _, taps, stride, padding, dilation, groups = case
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    out = tuple((n + 2 * p - d * (t - 1) - 1) // s + 1 for n, p, d, t, s in zip(size, padding, dilation, taps, stride))
    y = np.zeros((len(x), len(w), *out))
    each, own = len(w) // groups, x.shape[1] // groups

    def parts() -> Any:
        for r in np.ndindex(*taps):
            window = tuple(slice(e * d, e * d + s * (n - 1) + 1, s) for e, d, s, n in zip(r, dilation, stride, out))
            for g in range(groups):
                yield r, slice(g * each, g * each + each), (slice(None), slice(g * own, g * own + own), *window)

    for r, rows, at in parts():
        y[:, rows] += np.einsum("nc...,oc->no...", padded[at], w[(rows, slice(None), *r)])

    def backward(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gx, gw = np.zeros_like(padded), np.zeros_like(w)
        for r, rows, at in parts():
            gx[at] += np.einsum("no...,oc->nc...", g[:, rows], w[(rows, slice(None), *r)])
            gw[(rows, slice(None), *r)] = np.einsum("nop,ncp->oc", g[:, rows].reshape(len(g), each, -1),
                                                    padded[at].reshape(len(g), own, -1))
        return gx[(..., *(slice(p, p + n) for p, n in zip(padding, size)))], gw

    return y, backward


def run(planner: Any, tensors: list[Tensor], attrs: dict[str, Any], caps: Any, choices: dict[str, Any],
        used: list[str]) -> np.ndarray:
    with Trial({("conv_local", name): value for name, value in choices.items()}).running():
        plan = planner([t.layout for t in tensors], attrs, caps)
    got = Tensor.allocate(tensors[0].device, plan.outputs[0])
    Runner(plan, got.device)(tuple(tensors), (got,))
    used += [launch.spec.template for launch in plan.launches]
    return np.asarray(got.to(clnet.float32).numpy(), "float64")


def check(case: Any, dtype: Any, choices: dict[str, Any], turned: bool = False, **capabilities: Any) -> list[str]:
    """All three plans against sums by definition; the templates that they use."""
    n, c, size, o, taps, stride, padding, dilation, groups = case
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(-1, 1, shape) for shape in ((n, c, *size), (o, c // groups, *taps), (o,))]
    x, w, bias = (clnet.tensor(np.swapaxes(v, 0, 1).copy() if turned and v.ndim > 1 else v).to(dtype) for v in arrays)
    if turned:
        x, w = x.transpose(0, 1), w.transpose(0, 1)
    expected, backward = direct(*(np.asarray(t.to(clnet.float32).numpy(), "float64") for t in (x, w)), case)
    g = clnet.tensor(rng.uniform(-1, 1, expected.shape)).to(dtype)
    gx, gw = backward(np.asarray(g.to(clnet.float32).numpy(), "float64"))
    expected += np.asarray(bias.to(clnet.float32).numpy()).reshape(-1, *[1] * len(size))
    caps = dataclasses.replace(current_device().caps.with_plan_class("gpu"), **capabilities)
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    used: list[str] = []
    tolerance = {clnet.float32: 3e-6, clnet.float64: 1e-6}.get(dtype, 6e-3 if dtype is clnet.float16 else 5e-2)
    for planner, operands, of, to in (
            (conv.plan_forward, [x, w, bias], expected.shape[2:], expected), (conv.plan_input, [g, w], size, gx),
            (conv.plan_weight, [g, x], taps, gw)):
        got = run(planner, operands, attrs | {"size": tuple(of)}, caps, choices, used)
        np.testing.assert_allclose(got, to, atol=tolerance * np.abs(to).max(), rtol=0)
    return used


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gathered(case):
    used = check(case, clnet.float32, {}, turned=case == CASES[1])
    assert set(used) <= {"matmul_block", "matmul_combine"}


def test_sums_in_parts():
    assert "matmul_combine" in check(CASES[0], clnet.float32, {"split_k": 32, "tile_m": 64, "tile_n": 64}, units=64)


def test_float64():
    if not current_device().caps.fp64:
        pytest.skip("no float64 on this device")
    check(CASES[0], clnet.float64, {"tile_m": 32, "tile_n": 128, "rows": 4, "columns": 4, "depth": 8})


@pytest.mark.parametrize("case", FEW, ids=str)
def test_few_channels(case):
    assert "conv_few" in check(case, clnet.float32, {})


@pytest.mark.parametrize(("unit", "dtype", "lanes", "case"), [
    ("mma", "bfloat16", 32, 1), ("dpas", "float16", 16, 0)])
def test_matrix_units_imitated(unit, dtype, lanes, case):
    used = check(CASES[case], getattr(clnet, dtype), {"variant": unit}, matrix_unit="", matrix_lanes=lanes)
    assert used[0] == "matmul_matrix"


@pytest.mark.parametrize("preset", PRESETS)
def test_limits_of_devices_are_kept(preset):
    caps = PRESETS[preset]
    attrs = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1, "size": (28, 28)}
    for dtype in (clnet.float32, clnet.bfloat16):
        for out in (128, 20):
            x, w = (lay.dense(shape, dtype) for shape in ((8, 64, 28, 28), (out, 64, 3, 3)))
            y = lay.dense((8, out, 28, 28), dtype)
            for plan in (conv.plan_forward((x, w), attrs, caps),
                         conv.plan_weight((y, x), attrs | {"size": (3, 3)}, caps)):
                for launch in plan.launches:
                    assert launch.spec.local_size[0] <= caps.max_work_group_size
                    assert caps.plan_class == "cpu" or local_bytes(
                        render(launch.spec, caps).source) <= caps.local_mem_size
