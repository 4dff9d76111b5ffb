"""Convolutions by Winograd's minimal filtering: against direct sums, in all shapes of planes and borders."""

from __future__ import annotations

import numpy as np
import pytest

import clnet
import clnet.nn.functional as F
from clnet.codegen import winograd
from clnet.core import layout as lay
from clnet.core import presets
from clnet.core.caps import DeviceCaps
from clnet.kernels import conv

# Images, input channels, height, width, output channels, padding: planes of one tile and of many, whole and partial
# tiles, channels that do and don't fill blocks and panels, runs of rows shorter than a vector.
SHAPES = [(2, 16, 8, 8, 16, (1, 1)), (3, 20, 9, 13, 37, (1, 0)), (1, 33, 4, 4, 48, (2, 2)), (5, 64, 5, 26, 40, (0, 1)),
          (2, 16, 17, 6, 16, (2, 1)), (40, 32, 7, 7, 24, (1, 1))]


def _direct(x: np.ndarray, w: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    x = np.pad(x.astype("float64"), [(0, 0), (0, 0), *((p, p) for p in padding)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w.astype("float64"), optimize=True)


def _near(a: clnet.Tensor, b: np.ndarray, tolerance: float = 3e-5) -> None:
    assert a.shape == b.shape
    assert np.abs(a.detach().numpy() - b).max() <= tolerance * b.std()


def test_the_matrices_filter() -> None:
    a, b, g = (np.array(m, "float64") for m in (winograd.A, winograd.B, winograd.G))
    d, taps = np.arange(6.0) ** 2 - 3, np.array([2.0, -1.0, 0.5])
    np.testing.assert_allclose(a.T @ ((g @ taps) * (b @ d)), np.convolve(d, taps[::-1], "valid"), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_results_and_gradients(shape: tuple[int, int, int, int, int, tuple[int, int]]) -> None:
    n, c, h, width, o, padding = shape
    rng = np.random.default_rng(0)
    x, w, bias = rng.standard_normal((n, c, h, width)), rng.standard_normal((o, c, 3, 3)), rng.standard_normal(o)
    x, w, bias = (v.astype("float32") for v in (x, w, bias))
    ours = [clnet.tensor(v, requires_grad=True) for v in (x, w, bias)]
    y = F.conv2d(*ours, padding=padding)
    _near(y, _direct(x, w, padding) + bias[:, None, None])
    g = rng.standard_normal(y.shape).astype("float32")
    y.backward(clnet.tensor(g))
    # The adjoint in the input: the same windows over the cotangent with weights turned round.
    back = _direct(g, w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], (2, 2))
    _near(ours[0].grad, back[:, :, padding[0]:padding[0] + h, padding[1]:padding[1] + width])
    padded = np.pad(x.astype("float64"), [(0, 0), (0, 0), *((p, p) for p in padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    _near(ours[1].grad, np.einsum("nchwij,nohw->ocij", windows, g.astype("float64"), optimize=True))


def test_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planes transformed in several parts, and sums of the weight gradient in several shares."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 20, 12, 9)).astype("float32"), rng.standard_normal((18, 20, 3, 3)).astype("float32")
    monkeypatch.setattr("clnet.kernels.conv_winograd.CHUNK", 1 << 16)
    monkeypatch.setattr("clnet.kernels.conv_winograd.TILES_BLOCK", 4)
    ours = [clnet.tensor(v, requires_grad=True) for v in (x, w)]
    y = F.conv2d(*ours, padding=1)
    _near(y, _direct(x, w, (1, 1)))
    y.sum().backward()
    assert ours[1].grad is not None
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3), (2, 3))
    _near(ours[1].grad, np.broadcast_to(windows.sum((0, 2, 3), "float64"), w.shape), 1e-4)


@pytest.mark.parametrize("dtype", [clnet.float16, clnet.bfloat16])
def test_narrow_types(dtype: clnet.dtype) -> None:
    rng = np.random.default_rng(0)
    x, w = (clnet.tensor(rng.standard_normal(s).astype("float32")).to(dtype) for s in ((2, 16, 8, 8), (16, 16, 3, 3)))
    y = F.conv2d(x, w, padding=1)
    assert y.dtype is dtype
    _near(y.float(), _direct(x.float().numpy(), w.float().numpy(), (1, 1)), 2e-2)


def test_the_adjoint_of_a_strided_convolution_is_another() -> None:
    rng = np.random.default_rng(0)
    x = clnet.tensor(rng.standard_normal((2, 16, 9, 9)).astype("float32"), requires_grad=True)
    w = rng.standard_normal((16, 16, 3, 3)).astype("float32")
    y = F.conv2d(x, clnet.tensor(w), stride=2, padding=1)
    g = rng.standard_normal(y.shape).astype("float32")
    y.backward(clnet.tensor(g))
    spread = np.zeros((2, 16, 9, 9))
    spread[:, :, ::2, ::2] = g
    _near(x.grad, _direct(spread, w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], (1, 1)))


def _templates(caps: DeviceCaps, x: tuple[int, ...], w: tuple[int, ...], **attrs: object) -> set[str]:
    given = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1} | attrs
    size = tuple((n + 2 * p - d * 2 - 1) // s + 1 for n, p, d, s in zip(
        x[2:], given["padding"], given["dilation"], given["stride"]))       # type: ignore[call-overload]
    plan = conv.plan_forward([lay.dense(x, clnet.float32), lay.dense(w, clnet.float32)], given | {"size": size}, caps)
    return {launch.spec.template for launch in plan.launches}


def test_when_it_is_used() -> None:
    caps = next(iter(presets.PRESETS.values())).with_plan_class("cpu")
    assert "winograd_product" in _templates(caps, (2, 32, 8, 8), (32, 32, 3, 3))
    for x, w, attrs in [((2, 32, 8, 8), (32, 32, 3, 3), {"stride": (2, 2)}),
                        ((2, 32, 8, 8), (32, 32, 3, 3), {"dilation": (2, 2)}),
                        ((2, 32, 8, 8), (32, 16, 3, 3), {"groups": 2}), ((2, 3, 8, 8), (32, 3, 3, 3), {}),
                        ((2, 32, 3, 3), (32, 32, 3, 3), {}), ((2, 32, 5, 5), (32, 32, 3, 3), {})]:
        assert "winograd_product" not in _templates(caps, x, w, **attrs), (x, w, attrs)
