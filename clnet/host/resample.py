"""Resampling along a dimension: padding by elements of the line, and interpolation."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements

_SIZES = {"linear": 2, "cubic": 4, "lanczos": 6}


def _cubic(x: Any, a: float) -> Any:
    """Keys' cubic convolution."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _smooth(kind: str, u: Any) -> Any:
    """The antialiasing filters."""
    if kind == "linear":
        return np.maximum(1 - np.abs(u), 0)
    if kind == "cubic":
        return _cubic(u, -0.5)
    return np.where(np.abs(u) < 3, np.sinc(u) * np.sinc(u / 3), 0)


def _table(axis: Any, real: Any) -> tuple[Any, Any]:
    """Places and weights (count, taps) of the elements that each result sums; ``real`` computes them."""
    j = np.arange(axis.count)
    n, scale = axis.size, real(axis.scale)
    kind, _, antialias = axis.mode.partition("_")
    if axis.mode in ("reflect", "replicate", "circular"):
        p = j - axis.shift
        if axis.mode == "reflect":
            p = np.abs(p)
            p = np.where(p >= n, 2 * (n - 1) - p, p)
        elif axis.mode == "circular":
            p = np.where(p < 0, p + n, np.where(p >= n, p - n, p))
        return np.clip(p, 0, n - 1)[:, None], np.ones((axis.count, 1), real)
    if kind.startswith("nearest"):  # the places are those of float32 whatever the elements are
        at = j.astype("float32") + np.float32(0.5 if kind == "nearest-exact" else 0)
        places = np.minimum(np.floor(at * np.float32(axis.scale)).astype("int64"), n - 1)
        return places[:, None], np.ones((axis.count, 1), real)
    centre = scale * (j.astype(real) + real(0.5))
    if antialias:
        support = real(_SIZES[kind] * 0.5 * max(axis.scale, 1.0))
        first = np.maximum((centre - support + real(0.5)).astype("int64"), 0)[:, None]
        stop = np.minimum((centre + support + real(0.5)).astype("int64"), n)[:, None]
        places = first + np.arange(axis.taps)
        u = (places - centre[:, None] + real(0.5)) * (1 / scale if scale >= 1 else real(1))
        weights = np.where(places < stop, _smooth(kind, u), 0)
        total = weights.sum(1, keepdims=True)
        return np.clip(places, 0, n - 1), weights / np.where(total == 0, 1, total)
    source = scale * j.astype(real) if axis.corners else centre - real(0.5)
    if kind == "linear":
        source = np.maximum(source, 0)
    first = np.minimum(np.floor(source).astype("int64"), n - 1)[:, None]
    part = np.clip(source[:, None] - first.astype(real), 0, 1)
    if kind == "linear":
        return np.minimum(first + [[0, 1]], n - 1), np.concatenate([1 - part, part], 1)
    steps = np.arange(-1, 3)
    return np.clip(first + steps, 0, n - 1), _cubic(part - steps.astype(real), -0.75)


@statements.of("_resample")
def _resample(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """``x`` with dimension ``dim`` resampled by ``axis``; with ``adjoint``, its adjoint."""
    axis = attrs["axis"]
    x = np.moveaxis(arrays[0], attrs["dim"], -1)
    places, weights = _table(axis, np.float64 if x.dtype in (np.float64, np.complex128) else np.float32)
    copies = weights.shape[1] == 1  # of any type: integers and bools are not weighted
    if not attrs["adjoint"]:
        y = x[..., places[:, 0]] if copies else np.sum(x[..., places] * weights, -1)
    else:
        y = np.zeros((*x.shape[:-1], axis.size), x.dtype)
        for j in range(axis.count):
            for place, weight in zip(places[j], weights[j]):
                y[..., place] += x[..., j] if copies else x[..., j] * weight
    return np.moveaxis(y, -1, attrs["dim"])
