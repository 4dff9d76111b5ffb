"""float64 tensors on a device without float64 arithmetic: held, moved and converted as bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

import clnet
from clnet.core import dtypes as dt
from clnet.core.errors import DeviceError
from clnet.device import Device, current_device


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    here = current_device()
    here.plans.clear()
    monkeypatch.setattr(here, "kernels", {})
    monkeypatch.setattr(here, "caps", dataclasses.replace(here.caps, fp64=False))
    yield here
    here.plans.clear()


def doubles() -> np.ndarray:
    rng = np.random.default_rng(3)
    x = rng.integers(-1 << 63, (1 << 63) - 1, 5000).view(np.float64)
    tiny = 2.0 ** -149  # float32's smallest number; a half of it is a tie
    x[:16] = [0.0, -0.0, 1, -2.7, np.inf, -np.inf, np.nan, tiny, tiny / 2, tiny / 2 * (1 + 2.0 ** -50),
              1.5 * tiny, 2.0 ** -126, 3.4028235677973366e38, 1e308, 5e-324, 65520]
    x[16:2500] = rng.standard_normal(2484) * 10.0 ** rng.integers(-46, 40, 2484)
    x[2500:4000] = rng.integers(-1 << 62, 1 << 62, 1500) * 2.0 ** -rng.integers(0, 60, 1500)
    return x


@pytest.mark.parametrize("target", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32"])
def test_converts_from_float64(device, target):
    x = doubles()
    if "int" in target:  # what does not fit has no defined value
        limits = np.iinfo(target)
        x = x[(x > limits.min) & (x < limits.max)]
        assert len(x) > 500
    got = clnet.tensor(x).to(dt.dtype_named(target)).numpy()
    with np.errstate(over="ignore"):
        # Half precision goes through float32, as PyTorch's does.
        expected = (x.astype(np.float32) if target == "float16" else x).astype(target)
    np.testing.assert_array_equal(got, expected)
    if target == "float32":
        defined = ~np.isnan(x)
        np.testing.assert_array_equal(np.signbit(got)[defined], np.signbit(x)[defined])


@pytest.mark.parametrize("source", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32"])
def test_converts_to_float64(device, source):
    rng = np.random.default_rng(4)
    x = rng.integers(-1 << 63, (1 << 63) - 1, 3000) >> rng.integers(0, 63, 3000)
    x[:4] = [0, -1 << 63, (1 << 63) - 1, -1]
    if "float" in source:
        bits = np.dtype(source).itemsize
        values = x.astype(f"int{8 * bits}").view(source)
        values[:2] = [-0.0, np.inf]
    else:
        values = x.astype(source)
    got = clnet.tensor(values).double()
    assert got.dtype is clnet.float64
    with np.errstate(invalid="ignore"):  # signalling NaNs
        np.testing.assert_array_equal(got.numpy(), values.astype(np.float64))


def test_moves_elements(device):
    x = np.array([[0.1, -0.0, np.nan], [1e300, 5e-324, np.inf]])
    t = clnet.tensor(x)
    np.testing.assert_array_equal(t.t().contiguous().numpy(), x.T)
    np.testing.assert_array_equal(clnet.cat([t, t], 1).numpy(), np.concatenate([x, x], 1))
    np.testing.assert_array_equal(clnet.full((3,), 0.1, dtype=clnet.float64).numpy(), np.full(3, 0.1))
    np.testing.assert_array_equal(
        clnet.where(clnet.tensor([True, False, True]), t[0], t[1]).numpy(), np.where([1, 0, 1], x[0], x[1]))
    np.testing.assert_array_equal(t[[1, 0]].numpy(), x[[1, 0]])
    np.testing.assert_array_equal(t.gather(1, clnet.tensor([[2], [0]])).numpy(), [[x[0, 2]], [x[1, 0]]])
    t[0] = 7.25
    t[[1], [0]] = 0.1
    assert t[1, 0].item() == 0.1
    np.testing.assert_array_equal(t.numpy()[0], [7.25] * 3)


@pytest.mark.parametrize("compute", [lambda t: t + 1, lambda t: t.sum(), lambda t: t.exp(), lambda t: t @ t.t()])
def test_arithmetic_is_refused(device, compute):
    with pytest.raises(DeviceError, match="no float64 arithmetic.*float32"):
        compute(clnet.ones(2, 3, dtype=clnet.float64))
