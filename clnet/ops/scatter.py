"""Writes and sums at indices: scatter, index_add and relatives, masked_scatter."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import wrap_dim
from ..core.op import Op
from ..core.plan import Plan
from ..kernels import scatter as kernel
from .comparison import eq, masked_fill
from .comparison import where as choose
from .declare import composite, planner
from .gather import check_gather, leading, lookup, spread_index
from .index import nonzero
from .view import expand, reshape

# Operands of every record here: (base, source, index), the index of the source's shape.


def _plan(name: str) -> Callable[..., Plan]:
    def plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        return kernel.onto(name, operands, attrs, caps, out)
    return plan


def _vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    """Of overwriting and adding, which need nothing but the index."""
    index, dim, mode = ctx.operands[2], ctx.attrs["dim"], ctx.attrs["mode"]
    if mode == "multiply":
        raise NotImplementedError("the derivative of scatter(reduce='multiply') is not implemented; "
                                  "scatter_reduce(reduce='prod') has one")
    to_base = g if mode == "add" else put_at(g, 0.0, index, dim, "set") if ctx.needs[0] else None
    return to_base, lookup(g, index, dim) if ctx.needs[1] else None, None


def _combine_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    base, source, index = ctx.operands
    dim, result = ctx.attrs["dim"], ctx.outputs[0]
    if ctx.attrs["mode"] == "multiply":
        return _product_vjp(g, base, source, index, dim, result, ctx.needs[1])
    # Extremes: all that equal the result share its cotangent.
    kept = eq(base, result).to(g.dtype)
    hits = eq(lookup(result, index, dim), source).to(g.dtype)
    part = g / put_at(kept, hits, index, dim, "add")
    return part * kept, hits * lookup(part, index, dim) if ctx.needs[1] else None, None


def _product_vjp(g: Any, base: Any, source: Any, index: Any, dim: int, result: Any,
                 to_source: bool) -> tuple[Any, ...]:
    """Products of the others, also where factors are zero."""
    filled = choose(eq(base, 0), 1.0, base)
    to_base = g * combine_at(filled, source, index, dim, "multiply") / filled
    if not to_source:
        return to_base, None, None
    zero = eq(source, 0)
    count = put_at(base.detach().zeros_like(), zero.to(g.dtype), index, dim, "add")
    single = zero & eq(lookup(count, index, dim), 1)
    others = combine_at(base, choose(single, 1.0, source), index, dim, "multiply")
    plain = lookup(g * result, index, dim) / choose(zero, 1.0, source)
    return to_base, choose(single, lookup(g * others, index, dim), plain), None


def _record(name: str, bind: Callable[..., Any], **fields: Any) -> Op:
    return planner(name, bind, _plan(fields.pop("called", name.strip("_"))), family="scatter",
                   **{"vjp": _vjp, "saves": (2,), **fields})


def _bind_put(base: Any, source: Any, index: Any, dim: int, mode: str) -> Any:
    return (base, source, index), {"dim": dim, "mode": mode}


# Modes "set" and "add"; modes "multiply", "amax" and "amin", whose derivative reads the operands.
put_at = _record("_scatter", _bind_put, public=False)
index_put_at = _record("_put", _bind_put, called="index_put", public=False)
fill_at = _record("_index_fill", _bind_put, public=False)
combine_at = _record("_scatter_reduce", _bind_put, vjp=_combine_vjp, saves=(0, 1, 2), saves_out=(0,),
                     public=False)
index_combine_at = _record("_index_reduce", _bind_put, vjp=_combine_vjp, saves=(0, 1, 2), saves_out=(0,),
                           public=False)


def _check(name: str, input: Any, dim: int, index: Any, source: Any) -> tuple[int, Any]:
    """The dimension, and the part of the source that the index reaches.

    Raises:
        RuntimeError: dtypes or sizes that don't fit.
    """
    d = check_gather(name, input, dim, index)
    if isinstance(source, (int, float, bool, complex)):
        if name != "scatter":
            raise TypeError(f"{name}(): argument 'src' must be Tensor, not {type(source).__name__}")
    elif index.numel():
        if source.dtype is not input.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
        if max(source.ndim, 1) != max(index.ndim, 1):
            raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
        if any(a > b for a, b in zip(index.shape, source.shape)):
            raise RuntimeError(f"Expected index {list(index.shape)} to be no larger than self "
                               f"{list(input.shape)} apart from dimension {d} and to be no larger size than "
                               f"src {list(source.shape)}")
        source = leading(source, index.shape)
    return d, source


_MODES = {None: "set", "add": "add", "multiply": "multiply"}


def _bind_scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None,
                  reduce: str | None = None) -> Any:
    """``out[index[i][j]][j] = src[i][j]`` (for dim 0) over a copy; of equal indices the last wins.

    Args:
        src: tensor or number (also as ``value``).
        reduce: "add" or "multiply" to combine instead of overwrite.

    Raises:
        RuntimeError: dtypes or shapes that don't fit.  IndexError: an index outside the dimension,
            at the next synchronisation.
    """
    source = src if value is None else value
    if reduce not in _MODES:
        raise RuntimeError("reduce argument must be either add or multiply.")
    d, source = _check("scatter", input, dim, index, source)
    return (input, source, index), {"dim": d, "mode": _MODES[reduce]}


def _scatter_samples() -> Any:
    x, src = np.arange(12.0).reshape(3, 4) ** 1.5, np.arange(8.0).reshape(2, 4) - 3.3
    yield (x, 0, np.array([[0, 2, 1, 1], [2, 1, 0, 0]]), src), {}
    yield (x, 1, np.array([[3, 0], [0, 2]]), src), {}
    yield (x, 1, np.array([[3, 0], [0, 2]]), 7.5), {}


def _np_scatter(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def reference(x: Any, dim: int, index: Any, src: Any) -> Any:
        out = x.copy()
        for place in np.ndindex(*index.shape):
            at = list(place)
            at[dim] = index[place]
            out[tuple(at)] = combine(out[tuple(at)], src[place] if isinstance(src, np.ndarray) else src)
        return out
    return reference


scatter = _record("scatter", _bind_scatter, inplace=True, samples=_scatter_samples,
                  reference=_np_scatter(lambda old, new: new))


def _bind_scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """``out[index[i][j]][j] += src[i][j]`` (for dim 0) over a copy, summed in the order of the index."""
    d, source = _check("scatter_add", input, dim, index, src)
    return (input, source, index), {"dim": d, "mode": "add"}


def _tensor_samples() -> Any:
    yield from ((a, k) for a, k in _scatter_samples() if isinstance(a[3], np.ndarray))
    yield (np.arange(4.0), 0, np.array([1, 1, 1, 3, 0]), np.arange(5.0) + 0.5), {}


scatter_add = _record("scatter_add", _bind_scatter_add, inplace=True, samples=_tensor_samples,
                      reference=_np_scatter(lambda old, new: old + new))

# Identities of what scatter_reduce combines, for include_self=False.
_REDUCTIONS: dict[str, tuple[str, Any]] = {
    "sum": ("add", 0), "prod": ("multiply", 1), "amax": ("amax", "lowest"), "amin": ("amin", "highest"),
    "mean": ("add", 0)}


def _identity(mode: Any, dtype: Any) -> Any:
    if not isinstance(mode, str):
        return mode
    sign = -1 if mode == "lowest" else 1
    if dtype.is_floating_point:
        return sign * float("inf")
    if dtype is dt.bool_:
        return mode == "highest"
    info = np.iinfo(dtype.storage)
    return int(info.min if sign < 0 else info.max)


def _reduce_samples() -> Any:
    for args, _ in _tensor_samples():
        for mode in _REDUCTIONS:
            yield (*args, mode), {}
            yield (*args, mode), {"include_self": False}


def _np_scatter_reduce(x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True) -> Any:
    found: dict[Any, list[Any]] = {}
    for place in np.ndindex(*index.shape):
        at = list(place)
        at[dim] = index[place]
        found.setdefault(tuple(at), []).append(src[place])
    out = x.copy()
    combine: Any = {"sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min, "mean": np.mean}[reduce]
    for at, values in found.items():
        out[at] = np.asarray(combine(([x[at]] if include_self else []) + values)).astype(x.dtype)
    return out


@composite("scatter", inplace=True, samples=_reduce_samples, reference=_np_scatter_reduce)
def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *,
                   include_self: bool = True) -> Any:
    """Elements of ``src`` combined at their indices: "sum", "prod", "mean", "amax" or "amin".

    Args:
        include_self: whether the input's elements are combined too; untouched ones stay.
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    d, source = _check("scatter_reduce", input, dim, index, src)
    return _reduced((put_at, combine_at), input, d, index, source, reduce, include_self)


def _reduced(ops: tuple[Op, Op], input: Any, d: int, index: Any, source: Any, reduce: str,
             include_self: bool) -> Any:
    """The reduction by operators that set or add, and combine otherwise, and name its faults."""
    put_at, combine_at = ops
    mode, neutral = _REDUCTIONS[reduce]
    if (mode in ("amax", "amin") and input.dtype.is_complex) or (reduce == "mean" and input.dtype is dt.bool_):
        raise NotImplementedError(f"the reduction {reduce} is not implemented for {input.dtype}")
    base = input if include_self else put_at(input, _identity(neutral, input.dtype), index, d, "set")
    result = (put_at if mode == "add" else combine_at)(base, source, index, d, mode)
    if reduce != "mean":
        return result
    start = input.detach().ones_like()
    start = start if include_self else put_at(start, 0, index, d, "set")
    count = put_at(start, source.detach().ones_like(), index, d, "add")
    count = choose(eq(count, 0), 1, count)
    return result / count if input.dtype.is_inexact else result.floor_divide(count)


# Along whole slices ---

def _slices(name: str, input: Any, dim: int, index: Any, source: Any) -> tuple[int, Any, Any]:
    """The dimension, the source, and the index in its shape.

    Raises:
        IndexError, RuntimeError: shapes or dtypes that don't fit.
    """
    if index.dtype is not dt.int64 and (index.dtype is not dt.int32 or name == "index_copy"):
        raise RuntimeError(f"{name}_(): Expected a long tensor for index, but got {index.dtype}")
    d = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim}")
    shape = tuple(index.numel() if k == d else n for k, n in enumerate(input.shape))
    if source.dtype is not input.dtype:
        raise RuntimeError(f"{name}(): self and source expected to have the same dtype, but got (self) "
                           f"{input.dtype} and (source) {source.dtype}")
    single = source.numel() == index.numel() == 1 and min(source.ndim, input.ndim) == 0 and (
        max(source.ndim, input.ndim) < 2)
    if tuple(source.shape) != shape and not single:
        counted = name == "index_copy" and source.ndim == input.ndim and (
            source.shape[d] != index.numel() and shape[:d] + shape[d + 1:] == source.shape[:d] + source.shape[d + 1:])
        raise (IndexError if counted else RuntimeError)(
            f"{name}(): Number of indices ({index.numel()}) and the source's shape {list(source.shape)} don't "
            f"fit self's shape {list(input.shape)} along dimension {d}")
    return d, reshape(source, shape) if single else source, spread_index(index, d, tuple(input.shape))


def _bind_index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """A copy with ``alpha`` times the source's slices added at the indices, in their order."""
    d, source, at = _slices("index_add", input, dim, index, source)
    return (input, source if alpha == 1 else source * alpha, at), {"dim": d, "mode": "add"}


def _bind_index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """A copy with the source's slices written at the indices; of equal ones the last wins."""
    d, source, at = _slices("index_copy", input, dim, index, source)
    return (input, source, at), {"dim": d, "mode": "set"}


def _slice_samples() -> Any:
    x = np.arange(24.0).reshape(4, 3, 2) ** 1.5
    yield (x, 0, np.array([1, 3, 1]), np.arange(18.0).reshape(3, 3, 2) - 4), {}
    yield (x, -1, np.array([0]), np.arange(12.0).reshape(4, 3, 1) - 4), {}


def _np_slices(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def reference(x: Any, dim: int, index: Any, source: Any) -> Any:
        out = np.moveaxis(x.copy(), dim, 0)
        parts = np.moveaxis(source, dim, 0) if isinstance(source, np.ndarray) else [source] * len(index)
        for i, part in zip(index, parts):
            out[i] = combine(out[i], part)
        return np.moveaxis(out, 0, dim)
    return reference


index_add = _record("index_add", _bind_index_add, inplace=True, samples=_slice_samples,
                    reference=_np_slices(lambda old, new: old + new))
index_copy = _record("index_copy", _bind_index_copy, inplace=True,
                     samples=lambda: (((*a[:2], a[2][:2], a[3][:2]) if not a[1] else a, k)
                                      for a, k in _slice_samples()),
                     reference=_np_slices(lambda old, new: new))


@composite("scatter", inplace=True, reference=_np_slices(lambda old, new: new),
           samples=lambda: (((*a[:3], 7.5), k) for a, k in _slice_samples()))
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """A copy with a number (or 0-d tensor) written to the slices at the indices.

    Raises:
        IndexError: not int64 indices; one outside, at the next synchronisation.
        RuntimeError: indices of more than one dimension, or a value with dimensions.
    """
    if index.dtype is not dt.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    d = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    if not isinstance(value, (int, float, bool, complex)) and value.ndim:
        raise RuntimeError("index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                           f"{value.ndim} dimension(s).")
    n = input.shape[d] if input.ndim else 1
    at = reshape(index, (-1,))
    marks = fill_at(input.new_zeros((n,), dtype=dt.bool_), True, choose(at < 0, at + n, at), 0, "set")
    shape = tuple(n if k == d else 1 for k in range(input.ndim))
    return masked_fill(input, reshape(marks, shape), value)


def _index_reduce_samples() -> Any:
    for args, _ in _slice_samples():
        for mode in ("prod", "mean", "amax", "amin"):
            yield (*args, mode), {}
        yield (*args, "prod"), {"include_self": False}


def _np_index_reduce(x: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True) -> Any:
    at = np.broadcast_to(index.reshape([-1 if d == dim % x.ndim else 1 for d in range(x.ndim)]), source.shape)
    return _np_scatter_reduce(x, dim, at, source, reduce, include_self)


@composite("scatter", inplace=True, samples=_index_reduce_samples, reference=_np_index_reduce)
def index_reduce(input: Any, dim: int, index: Any, source: Any, reduce: str, *,
                 include_self: bool = True) -> Any:
    """The source's slices combined at the indices: "prod", "mean", "amax" or "amin".

    Args:
        include_self: whether the input's slices are combined too; untouched ones stay.

    Raises:
        RuntimeError: another reduction, or shapes or dtypes that don't fit.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError("index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
                           f"{reduce}.")
    d, source, at = _slices("index_reduce", input, dim, index, source)
    return _reduced((index_put_at, index_combine_at), input, d, at, reshape(source, tuple(at.shape)), reduce,
                    include_self)


def _put_samples() -> Any:
    x, src = np.arange(12.0).reshape(3, 4) ** 1.5, np.arange(4.0).reshape(2, 2) - 3.3
    yield (x, np.array([[0, 5], [11, -3]]), src), {}
    yield (x, np.array([[0, 5], [5, -7]]), src, True), {}


def _np_put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    out = x.copy().reshape(-1)
    if accumulate:
        np.add.at(out, index.reshape(-1), source.reshape(-1))
    else:
        out[index.reshape(-1)] = source.reshape(-1)
    return out.reshape(x.shape)


@composite("scatter", inplace=True, samples=_put_samples, reference=_np_put)
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """A copy with the source's elements written (or added) at positions of the flattened input.

    Raises:
        RuntimeError: not an int64 index, or dtypes that differ.
        IndexError: another number of elements; a position outside, at the next synchronisation.
    """
    if index.dtype is not dt.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if source.dtype is not input.dtype:
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got self.dtype = "
                           f"{input.dtype} and source.dtype = {source.dtype}")
    if index.numel() != source.numel():
        raise IndexError("put_(): Expected source and index to have the same number of elements, but got "
                           f"source.numel() = {source.numel()}, index.numel() = {index.numel()}")
    if index.numel() and not input.numel():
        raise IndexError("put_(): Tried to put elements into an empty tensor")
    flat, at = reshape(input, (-1,)), reshape(index, (-1,))
    at = choose(at < 0, at + input.numel(), at)
    mode = "add" if accumulate else "set"
    return reshape(index_put_at(flat, reshape(source, (-1,)), at, 0, mode), tuple(input.shape))


def _masked_samples() -> Any:
    mask = np.array([[True, False, True], [False, True, False]])
    yield (np.arange(6.0).reshape(2, 3), mask, np.arange(5.0) - 9), {}


def _np_masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    out = x.copy()
    out[mask] = source.ravel()[:np.count_nonzero(mask)]
    return out


@composite("scatter", inplace=True, samples=_masked_samples, data_dependent=True,
           reference=_np_masked_scatter)
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """The source's elements in order where ``mask`` (broadcast) holds; waits for the device.

    Raises:
        RuntimeError: the mask is not bool, the dtypes differ, or the source has too few elements.
    """
    if mask.dtype is not dt.bool_:
        raise RuntimeError("masked_scatter_ only supports boolean masks, but got mask with dtype "
                           f"{mask.dtype}")
    if source.dtype is not input.dtype:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes but got "
                           f"{input.dtype} and {source.dtype}")
    input = expand(input, lay.broadcast_shapes(tuple(input.shape), tuple(mask.shape)))
    places = reshape(nonzero(reshape(expand(mask, tuple(input.shape)), (-1,))), (-1,))
    if source.numel() < places.numel():
        raise RuntimeError("masked_scatter: expected the number of elements in source to be at least the "
                           f"number of ones in mask, which is {places.numel()}, got {source.numel()}")
    values = leading(reshape(source, (-1,)), (places.numel(),))
    return reshape(put_at(reshape(input, (-1,)), values, places, 0, "set"), tuple(input.shape))
