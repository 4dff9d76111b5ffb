"""Order: sort, argsort, msort."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import layout as lay
from ..core import return_types
from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..kernels import sort as kernel
from .declare import composite, planner


def _plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    return kernel.plan(operands[0], attrs["dim"], attrs["descending"], caps)


def picked_vjp(ctx: Any, g: Any, g_index: Any = None) -> tuple[Any]:
    """The cotangents of elements picked along a dimension go where they were picked."""
    if not g.ndim:
        return (g,)
    return (g.new_zeros(tuple(ctx.layouts[0].shape)).scatter(ctx.attrs["dim"], ctx.outputs[1], g),)


sorted_ = planner("_sort", lambda x, **attrs: ((x,), attrs), _plan, family="sort", vjp=picked_vjp, saves_out=(1,),
                  public=False)


def distinct() -> np.ndarray:
    """Sample data without equal elements."""
    return np.random.default_rng(0).permutation(60).reshape(3, 20).astype("float64")


def _samples() -> Any:
    for kw in ({}, {"dim": 0}, {"descending": True}, {"dim": -1, "stable": True}):
        yield (distinct(),), kw
    yield (np.array(2.0),), {}
    yield (np.zeros((0, 3)),), {}


def _np_argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    x = np.atleast_1d(x)
    x = x if x.dtype.kind == "f" else x.astype("int64")
    return np.argsort(-x if descending else x, dim, kind="stable")


def np_sort(x: Any, **kw: Any) -> Any:
    """(values, indices) in order, in NumPy."""
    index = _np_argsort(x, **kw)
    values = np.take_along_axis(np.atleast_1d(x), index, kw.get("dim", -1))
    return values.reshape(x.shape), index.reshape(x.shape)


@composite("sort", samples=_samples, reference=np_sort)
def sort(input: Any, dim: Any = -1, descending: bool = False, *, stable: bool | None = False) -> return_types.sort:
    """(values, indices) in order along a dimension; always stable, NaN counts as largest.

    Raises:
        IndexError: no such dimension.
    """
    if isinstance(dim, bool):
        dim, descending = -1, dim
    return return_types.sort(*sorted_(input, dim=lay.wrap_dim(dim, input.ndim), descending=bool(descending)))


@composite("sort", samples=_samples, reference=lambda x, **kw: np_sort(x, **kw)[1])
def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """Positions (int64) that put a dimension in order; always stable."""
    return sort(input, dim, descending)[1]


@composite("sort", samples=lambda: [((distinct(),), {})], reference=lambda x: np.sort(x, 0))
def msort(input: Any) -> Any:
    """Values in order along the first dimension."""
    return sort(input, 0)[0]
