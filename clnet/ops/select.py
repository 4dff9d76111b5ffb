"""Selection by rank: topk, kthvalue, median, nanmedian, mode."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from ..core import return_types
from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..kernels import select as kernel
from .comparison import eq, isnan, ne, where
from .declare import composite, planner
from .gather import gather
from .join import cat
from .reduction import argmax
from .reduction import sum as sum_
from .scan import cummax
from .sort import distinct, np_sort, picked_vjp, sort
from .view import movedim, narrow, reshape, squeeze


def _plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    return kernel.plan(operands[0], attrs["dim"], attrs["mode"], attrs["k"], attrs["largest"], caps)


# What is selected stays in its dimension: of size k, or 1.
selected = planner("_select", lambda x, **attrs: ((x,), attrs), _plan, family="sort", vjp=picked_vjp,
                   saves_out=(1,), public=False)


def _along(input: Any, dim: int) -> tuple[int, int]:
    """The dimension, wrapped, and its size (1 of a 0-d tensor)."""
    d = lay.wrap_dim(dim, input.ndim)
    return d, input.shape[d] if input.ndim else 1


# Elements above which strided lines are copied first: reading them in place would miss the caches.
_COPIED = 1 << 15


def _in_lines(kind: Any, input: Any, d: int, **attrs: Any) -> Any:
    """The selection along ``d``, of lines that lie in memory."""
    if input.ndim < 2 or input.numel() <= _COPIED or d == input.ndim - 1:
        return kind(*selected(input, dim=d, **attrs))
    last = input.ndim - 1
    pair = selected(movedim(input, d, last).contiguous(), dim=last, **attrs)
    return kind(*(movedim(v, last, d) for v in pair))


def _topk_samples() -> Any:
    for args, kw in (((3,), {}), ((2, 0), {}), ((4,), {"largest": False}), ((18,), {})):
        yield (distinct(), *args), kw
    yield (np.array(2.0), 1), {}


def _np_topk(x: Any, k: int, dim: int = -1, largest: bool = True) -> Any:
    values, index = np_sort(x, dim=dim, descending=largest)
    if not x.ndim:
        return values, index
    return np.take(values, range(k), dim), np.take(index, range(k), dim)


@composite("sort", samples=_topk_samples, reference=_np_topk)
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> return_types.topk:
    """(values, indices) of the ``k`` largest or smallest elements along a dimension, in order.

    Of equal elements the first come first; NaN counts as largest.

    Raises:
        RuntimeError: ``k`` is not between 0 and the dimension's size.
    """
    d, n = _along(input, dim)
    if input.dtype is dt.bool_:
        raise RuntimeError("topk(): does not support bool elements")
    if not 0 <= k <= n:
        raise RuntimeError(f"topk(): selected index k out of range: k={k}, size {n}")
    return _in_lines(return_types.topk, input, d, mode="topk", k=int(k), largest=bool(largest))


def _one(name: str, kind: Any, input: Any, dim: int, keepdim: bool, mode: str, k: int = 1) -> Any:
    d, n = _along(input, dim)
    if not n:
        raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
    if input.dtype is dt.bool_:
        raise NotImplementedError(f"{name}: not implemented for {input.dtype}")
    if not 1 <= k <= n:
        raise RuntimeError(f"{name}(): selected number k out of range for dimension {d}: k={k}, size {n}")
    pair = _in_lines(kind, input, d, mode=mode, k=int(k), largest=False)
    return pair if keepdim or not input.ndim else kind(*(squeeze(v, d) for v in pair))


@composite("sort", samples=lambda: [((distinct(), 3), {}), ((distinct(), 2, 0), {"keepdim": True})],
           reference=lambda x, k, dim=-1, keepdim=False: tuple(
               np.take(v, [k - 1] if keepdim else k - 1, dim) for v in np_sort(x, dim=dim)))
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> return_types.kthvalue:
    """(values, indices) of the ``k``-th smallest element along a dimension, counting from 1.

    Raises:
        RuntimeError: ``k`` is not between 1 and the dimension's size.
    """
    return _one("kthvalue", return_types.kthvalue, input, dim, keepdim, "rank", k)


# Medians and modes ---

def _middle_vjp(ctx: Any, g: Any, g_index: Any = None) -> tuple[Any]:
    x, y = ctx.operands[0], ctx.outputs[0]
    hit = eq(x, y) | (isnan(x) & isnan(y))
    return (where(hit, g / sum_(hit).to(g.dtype), 0.0),)


# The median of a 1-d tensor, whose equal elements share the gradient.
middle = planner("_median", lambda x, **attrs: ((x,), attrs), _plan, family="sort", vjp=_middle_vjp, saves=(0,),
                 saves_out=(0,), public=False)


def _median(name: str, kind: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is not None:
        return _one(name, kind, input, dim, keepdim, name)
    if not input.numel():
        if input.dtype.is_floating_point:
            return input.new_full((), float("nan"))
        # Integers have no NaN; PyTorch gives what converting one gives.
        return input.new_full((), -(1 << 8 * input.dtype.itemsize - 1) if input.dtype.is_signed else 0)
    if input.dtype is dt.bool_:
        raise NotImplementedError(f"{name}: not implemented for {input.dtype}")
    return reshape(middle(reshape(input, (-1,)), dim=0, mode=name, k=1, largest=False)[0], ())


def _median_samples() -> Any:
    for kw in ({}, {"dim": 1}, {"dim": 0, "keepdim": True}):
        yield (distinct(),), kw
    yield (np.array(2.0),), {}


def _np_median(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        return np.sort(x.ravel())[(x.size - 1) // 2]
    at = (x.shape[dim] - 1) // 2
    return tuple(np.take(v, [at] if keepdim else at, dim) for v in np_sort(x, dim=dim))


@composite("sort", samples=_median_samples, reference=_np_median)
def median(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower median of all elements, or (values, indices) along a dimension; NaN if there is one.

    Raises:
        IndexError: the dimension has no elements.
    """
    return _median("median", return_types.median, input, dim, keepdim)


def _nanmedian_samples() -> Any:
    yield from _median_samples()
    x = distinct()
    x[0, 3:9] = np.nan
    yield (x,), {}


def _np_nanmedian(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    return _np_median(x, dim, keepdim) if dim is not None else _np_median(x[~np.isnan(x)])


@composite("sort", samples=_nanmedian_samples, reference=_np_nanmedian)
def nanmedian(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower median of all elements but NaNs, or (values, indices) along a dimension.

    Raises:
        IndexError: the dimension has no elements.
    """
    return _median("nanmedian", return_types.nanmedian, input, dim, keepdim)


def _mode_samples() -> Any:
    x = np.array([[3.0, 1, 2, 3, 1, 5], [2, 2, 2, 2, 2, 2], [6, 5, 4, 3, 2, 1]])
    for kw in ({}, {"dim": 0, "keepdim": True}):
        yield (x,), kw
    yield (np.array(2.0),), {}


def _np_mode(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    if not x.ndim:
        return x, np.zeros((), "int64")

    def pick(line: Any) -> Any:
        values, counts = np.unique(line, return_counts=True)
        return np.flatnonzero(line == values[np.argmax(counts)])[-1]

    index = np.expand_dims(np.apply_along_axis(pick, dim, x), dim)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


@composite("sort", samples=_mode_samples, reference=_np_mode)
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> return_types.mode:
    """(values, indices) of the commonest element along a dimension: of equally common ones the
    smallest, and its last index.

    Raises:
        IndexError: the dimension has no elements.
    """
    d, n = _along(input, dim)
    if not n:
        raise IndexError(f"mode(): Expected reduction dim {d} to have non-zero size.")
    if not input.ndim:
        return return_types.mode(input.clone(), input.new_zeros((), dtype=dt.int64))
    values, index = sort(input.detach(), d)
    places = reshape(index.new_range(n), (n,) + (1,) * (input.ndim - 1 - d))
    fresh = ne(narrow(values, d, 1, n - 1), narrow(values, d, 0, n - 1))
    starts = cat([narrow(index, d, 0, 1) * 0, where(fresh, narrow(places, 0, 1, n - 1), 0)], d)
    lengths = places - cummax(starts, d)[0]
    found = gather(index, d, argmax(lengths, d, True))
    pair = gather(input, d, found), found
    return return_types.mode(*(pair if keepdim else (squeeze(v, d) for v in pair)))
