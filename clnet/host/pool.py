"""Pooling over windows of planes, with their adjoints."""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .table import statements


def _spans(windows: Any, d: int, inputs: int, outputs: int) -> list[tuple[range, int]]:
    """Per output of one dimension: the inputs in its window, and the window's length with padding."""
    if windows.adaptive:
        bounds = [(p * inputs // outputs, -(-(p + 1) * inputs // outputs)) for p in range(outputs)]
        return [(range(low, high), high - low) for low, high in bounds]
    taps, stride, padding, dilation = (v[d] for v in (windows.size, windows.stride, windows.padding,
                                                      windows.dilation))
    found = []
    for p in range(outputs):
        begin = p * stride - padding
        skipped = -(begin // dilation) if begin < 0 else 0  # taps before the input, rounded up
        inside = range(begin + skipped * dilation, min(begin + (taps - 1) * dilation + 1, inputs), dilation)
        found.append((inside, min(begin + taps, inputs + padding) - begin))
    return found


def _walk(windows: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Iterator[tuple[Any, Any, float]]:
    """Per window: its place, the flat indices of its inputs in the plane, and what its sum is divided by."""
    spans = [_spans(windows, d, n, m) for d, (n, m) in enumerate(zip(inputs, outputs))]
    for place in itertools.product(*(range(m) for m in outputs)):
        chosen = [spans[d][p] for d, p in enumerate(place)]
        grid = np.meshgrid(*(np.array(inside, int) for inside, _ in chosen), indexing="ij")
        at = np.ravel_multi_index(grid, tuple(inputs)).ravel()
        count = math.prod(length for _, length in chosen) if windows.include_pad else at.size
        yield place, at, windows.divisor or count


def _planes(x: Any) -> Any:
    """(n, c, plane) of (n, c, spatial...)."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _shared(total: Any, divisor: float) -> Any:
    """A quotient; of integers without its fraction, as C divides."""
    if total.dtype.kind == "f":
        return total / divisor
    return (np.abs(total) // abs(divisor)) * np.sign(total) * np.sign(divisor)


@statements.of("_max_pool")
def _max(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The largest element of each window (the last NaN if there is one; the first of equals), and its flat index."""
    x, size = arrays[0], attrs["size"]
    values = np.empty((*x.shape[:2], *size), x.dtype)
    indices = np.empty(values.shape, "int64")
    planes = _planes(x)
    for place, at, _ in _walk(attrs["windows"], x.shape[2:], size):
        inside = planes[..., at]
        best = inside.argmax(-1)
        if x.dtype.kind == "f":
            missing = np.isnan(inside)
            best = np.where(missing.any(-1), inside.shape[-1] - 1 - missing[..., ::-1].argmax(-1), best)
        values[(...,) + place] = np.take_along_axis(inside, best[..., None], -1)[..., 0]
        indices[(...,) + place] = at[best]
    return values, indices


@statements.of("_mean_pool")
def _mean(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    x, size = arrays[0], attrs["size"]
    y = np.empty((*x.shape[:2], *size), x.dtype)
    planes = _planes(x)
    for place, at, divisor in _walk(attrs["windows"], x.shape[2:], size):
        y[(...,) + place] = _shared(planes[..., at].sum(-1), divisor)
    return y


@statements.of("_mean_pool_spread")
def _spread(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The adjoint of the mean: every input gets its share of each window that it lies in."""
    g, size = arrays[0], attrs["size"]
    out = np.zeros((*g.shape[:2], math.prod(size)), g.dtype)
    for place, at, divisor in _walk(attrs["windows"], size, g.shape[2:]):
        out[..., at] += _shared(g[(...,) + place], divisor)[..., None]
    return out.reshape(*g.shape[:2], *size)


@statements.of("_pool_route")
def _route(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Planes of ``size`` with each element added at its flat index."""
    g, index = _planes(arrays[0]), _planes(arrays[1])
    out = np.zeros((*g.shape[:2], math.prod(attrs["size"])), g.dtype)
    n, c = np.indices(g.shape[:2], sparse=True)
    np.add.at(out, (n[..., None], c[..., None], index), g)
    return out.reshape(*g.shape[:2], *attrs["size"])


@statements.of("_pool_take")
def _take(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    x, index = arrays
    return np.take_along_axis(_planes(x), _planes(index), -1).reshape(index.shape)
