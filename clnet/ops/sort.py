"""Order: sort, argsort, msort, topk, kthvalue."""
from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..kernels import sort as kernel
from .declare import composite, planner
from .view import narrow, select

Ordered = namedtuple("Ordered", ("values", "indices"))


def _plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    return kernel.plan(operands[0], attrs["dim"], attrs["descending"], caps)


def _vjp(ctx: Any, g: Any, g_index: Any = None) -> tuple[Any]:
    if not g.ndim:
        return (g,)
    return (g.new_zeros(tuple(ctx.layouts[0].shape)).scatter(ctx.attrs["dim"], ctx.outputs[1], g),)


sorted_ = planner("_sort", lambda x, **attrs: ((x,), attrs), _plan, family="sort", vjp=_vjp, saves_out=(1,),
                  public=False)


def _distinct() -> np.ndarray:
    return np.random.default_rng(0).permutation(60).reshape(3, 20).astype("float64")


def _samples() -> Any:
    for kw in ({}, {"dim": 0}, {"descending": True}, {"dim": -1, "stable": True}):
        yield (_distinct(),), kw
    yield (np.array(2.0),), {}
    yield (np.zeros((0, 3)),), {}


def _np_argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    x = np.atleast_1d(x)
    return np.argsort(-x if descending else x, dim, kind="stable")


def _np_sort(x: Any, **kw: Any) -> Any:
    index = _np_argsort(x, **kw)
    values = np.take_along_axis(np.atleast_1d(x), index, kw.get("dim", -1))
    return values.reshape(x.shape), index.reshape(x.shape)


@composite("sort", samples=_samples, reference=_np_sort)
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Ordered:
    """(values, indices) in order along a dimension; always stable, NaN counts as largest."""
    if isinstance(dim, bool):
        descending, dim = dim, -1
    return Ordered(*sorted_(input, dim=lay.wrap_dim(dim, input.ndim), descending=bool(descending)))


@composite("sort", samples=_samples, reference=lambda x, **kw: _np_sort(x, **kw)[1])
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Positions (int64) that put a dimension in order; always stable."""
    return sort(input, dim, descending, stable)[1]


@composite("sort", samples=lambda: [((_distinct(),), {})], reference=lambda x: np.sort(x, 0))
def msort(input: Any) -> Any:
    """Values in order along the first dimension."""
    return sort(input, 0)[0]


def _topk_samples() -> Any:
    for args, kw in (((3,), {}), ((2, 0), {}), ((4,), {"largest": False})):
        yield (_distinct(), *args), kw


def _np_topk(x: Any, k: int, dim: int = -1, largest: bool = True) -> Any:
    values, index = _np_sort(x, dim=dim, descending=largest)
    return np.take(values, range(k), dim), np.take(index, range(k), dim)


@composite("sort", samples=_topk_samples, reference=_np_topk)
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Ordered:
    """(values, indices) of the ``k`` largest or smallest elements along a dimension, in order."""
    d = lay.wrap_dim(dim, input.ndim)
    n = input.shape[d] if input.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError("selected index k out of range")
    values, index = sort(input, d, largest)
    return Ordered(narrow(values, d, 0, k), narrow(index, d, 0, k)) if input.ndim else Ordered(values, index)


@composite("sort", samples=lambda: [((_distinct(), 3), {}), ((_distinct(), 2, 0), {"keepdim": True})],
           reference=lambda x, k, dim=-1, keepdim=False: tuple(
               np.take(v, [k - 1] if keepdim else k - 1, dim) for v in _np_sort(x, dim=dim)))
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Ordered:
    """(values, indices) of the ``k``-th smallest element along a dimension, counting from 1."""
    d = lay.wrap_dim(dim, input.ndim)
    n = input.shape[d] if input.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension "
                           f"{d}: k={k}, size {n}")
    ordered = sort(input, d)
    if not input.ndim:
        return ordered
    return Ordered(*((narrow(v, d, k - 1, 1) if keepdim else select(v, d, k - 1)) for v in ordered))
