"""Counts: bincount, histc, histogram, histogramdd.  Sums are in the order of the elements."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import return_types
from .comparison import clamp, where
from .declare import composite
from .reduction import amax, amin
from .reduction import any as any_
from .reduction import sum as sum_
from .search import searchsorted
from .view import narrow, reshape, select


def _counted(place: Any, bins: int, weight: Any) -> Any:
    """Sums of weights per bin; place -1 counts nowhere."""
    place = where(place < 0, bins, place)
    return narrow(weight.new_zeros((bins + 1,)).scatter_add(0, place, weight), 0, 0, bins)


def _bincount_samples() -> Any:
    x = np.array([1, 4, 4, 0, 2, 4, 1])
    yield (x,), {}
    yield (x,), {"minlength": 8}
    yield (x, np.array([3, -1, 2, 5, 0, 1, 1])), {}


@composite("scatter", samples=_bincount_samples,
           reference=lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength))
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number occurs among non-negative integers, or the sum of its weights.

    Returns:
        int64, or with weights their dtype (float64 if it isn't float32).

    Raises:
        RuntimeError: not 1-d non-negative integers, or weights of another length.
    """
    if input.dtype.is_inexact or input.dtype is dt.bool_:
        raise NotImplementedError(f"bincount is not implemented for {input.dtype}")
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if input.ndim != 1 or (input.numel() and bool(any_(input < 0).item())):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and (weights.ndim != 1 or weights.numel() != input.numel()):
        raise RuntimeError("weights should be 1-d and have the same length as input, got "
                           f"{list(weights.shape)} for {input.numel()} elements")
    if weights is None:
        given = input.new_ones((input.numel(),), dtype=dt.int64)
    else:
        given = weights.detach() if weights.dtype is dt.float32 else weights.detach().to(dt.float64)
    bins = max(int(amax(input, ()).item()) + 1 if input.numel() else 0, minlength)
    return _counted(input.to(dt.int64), bins, given)


def _limits(name: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min, got [{low}, {high}]")


def _refuse_integers(name: str, input: Any) -> None:
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"{name} is not implemented for {input.dtype}")


def _histc_samples() -> Any:
    x = np.random.default_rng(6).uniform(-2, 3, (4, 10))
    yield (x,), {"bins": 5}
    yield (x,), {"bins": 4, "min": -1, "max": 2}


def _np_histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    return np.histogram(x, bins, (x.min(), x.max()) if min == max else (min, max))[0].astype(x.dtype)


@composite("scatter", samples=_histc_samples, reference=_np_histc)
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """Counts of elements in ``bins`` equal intervals from ``min`` to ``max``.

    The last interval holds its end; what lies outside, and NaN, is not counted.  Equal limits
    stand for the smallest and the largest element.

    Raises:
        RuntimeError: no bins, or limits out of order or not finite.
    """
    _refuse_integers("histc", input)
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, got {bins}")
    x = reshape(input.detach(), (-1,))
    low, high = float(min), float(max)
    if low == high and x.numel():
        low, high = float(amin(x, ()).item()), float(amax(x, ()).item())
    if low == high:
        low, high = low - 1, high + 1
    _limits("torch.histc", low, high)
    counted = x.to(dt.float32) if x.dtype.itemsize < 4 else x
    place = ((counted - low) * bins / (high - low)).floor()
    inside = (counted >= low) & (counted <= high)
    place = where(inside, clamp(place, 0, bins - 1), -1.0).to(dt.int64)
    return _counted(place, bins, counted.new_ones((x.numel(),))).to(input.dtype)


# Histograms over points ---

def _edges(name: str, points: Any, bins: Sequence[Any], limits: Any) -> list[Any]:
    """Sorted edges per dimension of (n, d) points."""
    if not isinstance(bins[0], int):
        for given in bins:
            if given.ndim != 1 or not given.numel():
                raise RuntimeError(f"{name}: bins tensor should have one dimension and at least one edge, got "
                                   f"shape {list(given.shape)}")
            if given.dtype is not points.dtype:
                raise RuntimeError(f"{name}: input tensor and bins tensors should have the same dtype, but got "
                                   f"input with dtype {points.dtype} and bins with dtype {given.dtype}")
        return list(bins)
    edges = []
    points = points.to(dt.float32) if points.dtype.itemsize < 4 else points
    spans: Any = None
    if limits is None and points.shape[0]:
        spans = amin(points, 0).tolist(), amax(points, 0).tolist()
    for d, count in enumerate(bins):
        if count <= 0:
            raise RuntimeError(f"{name}: bins must be > 0, got {count} for dimension {d}")
        if limits is not None:
            low, high = float(limits[2 * d]), float(limits[2 * d + 1])
        else:
            low, high = (spans[0][d], spans[1][d]) if spans else (0.0, 1.0)
        _limits(name, low, high)
        if low == high:
            low, high = low - 0.5, high + 0.5
        step = (high - low) / count
        places = points.new_range(count + 1).to(points.dtype)
        # From both ends, as PyTorch's linspace does, so that the limits are exact.
        edges.append(where(places < (count + 1) // 2, places * step + low, (places - count) * step + high))
    return edges


def _place(values: Any, edges: Any) -> Any:
    """The bin of each value, -1 outside the first and last edge."""
    last = edges.numel() - 1
    found = clamp(searchsorted(edges, values, right=True) - 1, max=last - 1)
    return where((values >= narrow(edges, 0, 0, 1)) & (values <= narrow(edges, 0, last, 1)), found, -1)


def _histogram(name: str, points: Any, bins: Sequence[Any], limits: Any, weight: Any, density: bool) -> Any:
    dtype = points.dtype
    edges = _edges(name, points, bins, limits)
    if dtype.itemsize < 4:  # places and sums need more digits
        points, edges = points.to(dt.float32), [e.to(dt.float32) for e in edges]
        weight = None if weight is None else weight.to(dt.float32)
    sizes = [e.numel() - 1 for e in edges]
    place: Any = None
    for d, e in enumerate(edges):
        found = _place(select(points, 1, d).contiguous(), e)
        if place is None:
            place = found
        else:
            place = where((place < 0) | (found < 0), -1, place * sizes[d] + found)
    given = points.new_ones((points.shape[0],)) if weight is None else reshape(weight.detach(), (-1,))
    hist = reshape(_counted(place, math.prod(sizes), given), tuple(sizes))
    if density:
        hist = hist / sum_(hist)
        for d, e in enumerate(edges):
            widths = narrow(e, 0, 1, sizes[d]) - narrow(e, 0, 0, sizes[d])
            hist = hist / reshape(widths, tuple(-1 if i == d else 1 for i in range(len(sizes))))
    return hist.to(dtype), [e.to(dtype) for e in edges]


def _check_weight(name: str, input: Any, weight: Any, shape: tuple[int, ...]) -> None:
    if weight is None:
        return
    if weight.dtype is not input.dtype:
        raise RuntimeError(f"{name}: if weight tensor is provided, input tensor and weight tensor should have the "
                           f"same dtype, but got input({input.dtype}), and weight({weight.dtype})")
    if tuple(weight.shape) != shape:
        raise RuntimeError(f"{name}: if weight tensor is provided it should have the same shape as the input tensor "
                           f"excluding its innermost dimension, but got {list(weight.shape)} for {list(shape)}")


def _histogram_samples() -> Any:
    x = np.random.default_rng(7).uniform(-2, 3, (3, 10)).astype("float32")  # not differentiated
    yield (x, 4), {"range": (-1.0, 3.0)}
    yield (x, np.array([-1.5, -1.0, 0.5, 2.0], "float32")), {
        "weight": np.linspace(0, 1, 30, dtype="float32").reshape(3, 10)}
    yield (x, 5), {"density": True}


def _np_histogram(x: Any, bins: Any, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    hist, edges = np.histogram(x, bins, range, density, weight)
    return hist.astype(x.dtype), edges


@composite("scatter", samples=_histogram_samples, reference=_np_histogram)
def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None,
              density: bool = False) -> return_types.histogram:
    """(counts, edges) of elements in intervals, the last of which holds its end.

    Args:
        bins: how many equal intervals, or the 1-d tensor of edges.
        range: (first, last) edge; the smallest and the largest element by default.
        weight: of each element; ``density``: so that the integral is 1.

    Raises:
        RuntimeError: edges, limits or weights that don't fit.
    """
    _refuse_integers("histogram", input)
    _check_weight("torch.histogram", input, weight, tuple(input.shape))
    points = reshape(input.detach(), (-1, 1))
    hist, edges = _histogram("torch.histogram", points, [bins], range, weight, density)
    return return_types.histogram(hist, edges[0])


def _dd_samples() -> Any:
    x = np.random.default_rng(8).uniform(-2, 3, (20, 2)).astype("float32")
    yield (x, [3, 4]), {}
    yield (x, 2), {"range": [-1.0, 2.0, 0.0, 3.0], "weight": np.linspace(0, 1, 20, dtype="float32"), "density": True}


def _np_histogramdd(x: Any, bins: Any, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    limits = None if range is None else list(zip(range[::2], range[1::2]))
    hist, edges = np.histogramdd(x, bins, limits, density, weight)
    return hist, tuple(edges)


@composite("scatter", samples=_dd_samples, reference=_np_histogramdd, method=False)
def histogramdd(input: Any, bins: Any, range: Any = None, weight: Any = None,
                density: bool = False) -> return_types.histogramdd:
    """(counts, edges per dimension) of points, the innermost dimension their coordinates.

    Args:
        bins: number of intervals (for all or per dimension), or edges per dimension.
        range: first and last edge of every dimension, in one list.

    Raises:
        RuntimeError: edges, limits or weights that don't fit.
    """
    _refuse_integers("histogramdd", input)
    if input.ndim < 2:
        raise RuntimeError(f"torch.histogramdd: input tensor should have at least 2 dimensions, but got {input.ndim}")
    n = input.shape[-1]
    given = [bins] * n if isinstance(bins, int) else list(bins)
    if len(given) != n:
        raise RuntimeError(f"torch.histogramdd: The size of bins must be equal to the innermost dimension of the "
                           f"input, got {len(given)} for {n}")
    if range is not None and len(range) != 2 * n:
        raise RuntimeError(f"torch.histogramdd: for a {n}-dimensional histogram range should have {2 * n} elements, "
                           f"but got {len(range)}")
    _check_weight("torch.histogramdd", input, weight, tuple(input.shape[:-1]))
    points = reshape(input.detach(), (-1, n))
    hist, edges = _histogram("torch.histogramdd", points, given, range, weight, density)
    return return_types.histogramdd(hist, tuple(edges))
