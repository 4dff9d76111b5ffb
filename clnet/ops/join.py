"""Tensors put together and repeated: cat, stack, repeat, tile, flip, roll, triangles."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..codegen.expr import Expr
from ..codegen.primitives import f
from ..codegen.primitives import where as choose
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import wrap_dim
from ..core.plan import Launch, Plan, Result
from ..kernels import elementwise as kernel
from .declare import composite, planner
from .view import clone, diagonal, expand, movedim, narrow, reshape, unsqueeze


def _bind_cat(tensors: Any, dim: int = 0) -> Any:
    """Tensors joined along a dimension; dtypes are promoted, empty 1-d tensors ignored.

    Raises:
        ValueError: no tensors.  RuntimeError: sizes that differ outside ``dim``.
    """
    parts = list(tensors)
    if not parts:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    if any(not t.ndim for t in parts):
        at = next(i for i, t in enumerate(parts) if not t.ndim)
        raise RuntimeError(f"zero-dimensional tensor (at position {at}) cannot be concatenated")
    kept = [t for t in parts if t.ndim != 1 or t.shape[0]] or parts[:1]
    d = wrap_dim(dim, kept[0].ndim)
    for i, t in enumerate(kept):
        if t.ndim != kept[0].ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {kept[0].ndim} and {t.ndim}")
        for axis, (a, b) in enumerate(zip(kept[0].shape, t.shape)):
            if axis != d and a != b:
                raise RuntimeError(f"Sizes of tensors must match except in dimension {d}. Expected size {a} "
                                   f"but got size {b} for tensor number {i} in the list.")
    dtype = dt.result_type([(t.dtype, t.ndim) for t in parts], [])
    return tuple(kept), {"dim": d, "dtype": dtype}


def _plan_cat(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    """One copy kernel per operand, into its window of the result."""
    d, dtype = attrs["dim"], attrs["dtype"]
    shape = list(operands[0].shape)
    shape[d] = sum(o.shape[d] for o in operands)
    whole = lay.dense(shape, dtype)
    launches = []
    shift = 0
    for i, o in enumerate(operands):
        if o.numel:
            window = lay.make(o.shape, whole.strides, dtype)
            padded = (*(operands[0],) * i, o)  # so that the kernel reads operand i
            moved = kernel.plan("cat", lambda *xs: [xs[-1]], padded, dtype, (window,), caps)
            for launch in moved.launches:
                args = tuple(Result(0, shift) if isinstance(a, Result) else a for a in launch.args)
                launches.append(Launch(launch.spec, launch.global_size, args))
        shift += o.shape[d] * whole.strides[d]
    return Plan((whole,), tuple(launches))


def _cat_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    d, begin, parts = ctx.attrs["dim"], 0, []
    for layout, needed in zip(ctx.layouts, ctx.needs):
        parts.append(narrow(g, d, begin, layout.shape[d]) if needed else None)
        begin += layout.shape[d]
    return tuple(parts)


def _pairs() -> tuple[Any, Any]:
    return np.arange(6.0).reshape(2, 3), -np.arange(9.0).reshape(3, 3)


def _cat_samples() -> Any:
    a, b = _pairs()
    yield ([a, b],), {}
    yield ([a, a * 2, a], -1), {}
    yield ([b],), {"dim": 1}


cat = planner("cat", _bind_cat, _plan_cat, family="join", vjp=_cat_vjp, linear=True, method=False,
              aliases=("concat", "concatenate"), samples=_cat_samples,
              reference=lambda xs, dim=0: np.concatenate(xs, dim))


def _listed(*variants: dict[str, Any]) -> Any:
    def samples() -> Any:
        a, _ = _pairs()
        for kw in variants:
            yield ([a, a + 10],), kw
    return samples


@composite("join", method=False, samples=_listed({}, {"dim": 1}, {"dim": -1}),
           reference=lambda xs, dim=0: np.stack(xs, dim))
def stack(tensors: Any, dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension."""
    parts = list(tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, t in enumerate(parts):
        if t.shape != parts[0].shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {list(parts[0].shape)} "
                               f"at entry 0 and {list(t.shape)} at entry {i}")
    d = wrap_dim(dim, parts[0].ndim + 1)
    return cat([unsqueeze(t, d) for t in parts], d)


def _single(*shapes: tuple[int, ...]) -> Any:
    def samples() -> Any:
        for s in shapes:
            yield (np.arange(float(math.prod(s))).reshape(s),), {}
    return samples


def _each(change: Any, tensors: tuple[Any, ...]) -> Any:
    """``change`` of the one tensor given, or of each of several (or of a sequence)."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(change(x) for x in tensors[0])
    return change(tensors[0]) if len(tensors) == 1 else tuple(change(x) for x in tensors)


@composite("join", samples=_single((), (3,), (2, 3)), reference=np.atleast_1d)
def atleast_1d(*tensors: Any) -> Any:
    """0-d tensors as 1-d ones; several give a tuple."""
    return _each(lambda x: reshape(x, (1,)) if not x.ndim else x, tensors)


@composite("join", samples=_single((), (3,), (2, 3)), reference=np.atleast_2d)
def atleast_2d(*tensors: Any) -> Any:
    """Fewer than two dimensions padded in front; several tensors give a tuple."""
    return _each(lambda x: unsqueeze(atleast_1d(x), 0) if x.ndim < 2 else x, tensors)


@composite("join", samples=_single((), (3,), (2, 3)), reference=np.atleast_3d)
def atleast_3d(*tensors: Any) -> Any:
    """Fewer than three dimensions padded as NumPy does; several tensors give a tuple."""
    return _each(lambda x: unsqueeze(atleast_2d(x), -1) if x.ndim < 3 else x, tensors)


@composite("join", method=False, samples=_listed({}), aliases=("row_stack",), reference=np.vstack)
def vstack(tensors: Any) -> Any:
    """Rows below one another."""
    return cat([atleast_2d(t) for t in tensors], 0)


@composite("join", method=False, samples=_listed({}), reference=np.hstack)
def hstack(tensors: Any) -> Any:
    """Columns beside one another."""
    parts = [atleast_1d(t) for t in tensors]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


@composite("join", method=False, samples=_listed({}), reference=np.dstack)
def dstack(tensors: Any) -> Any:
    """Joined along the third dimension."""
    return cat([atleast_3d(t) for t in tensors], 2)


@composite("join", method=False, samples=_listed({}), reference=np.column_stack)
def column_stack(tensors: Any) -> Any:
    """1-d tensors as columns, others as ``hstack``."""
    return cat([reshape(t, (t.numel(), 1)) if t.ndim < 2 else t for t in tensors], 1)


def _sample_calls(shape: tuple[int, ...], *calls: tuple[Any, ...]) -> Any:
    def samples() -> Any:
        for args in calls:
            yield (np.arange(float(math.prod(shape))).reshape(shape), *args), {}
    return samples


@composite("join", function=False, samples=_sample_calls((2, 3), (2, 2), ((2, 1, 2),)),
           reference=lambda x, *r: np.tile(x, lay.size_of(r)))
def repeat(input: Any, *repeats: Any) -> Any:
    """The tensor copied ``repeats`` times along each dimension."""
    counts = lay.size_of(repeats)
    if len(counts) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions "
                           "of tensor")
    shape = (1,) * (len(counts) - input.ndim) + tuple(input.shape)
    doubled = reshape(input, tuple(v for n in shape for v in (1, n)))
    spread = expand(doubled, tuple(v for c, n in zip(counts, shape) for v in (c, n)))
    return reshape(clone(spread), tuple(c * n for c, n in zip(counts, shape)))


@composite("join", samples=_sample_calls((2, 3), (2,), ((2, 1, 2),), ((2,),)),
           reference=lambda x, *r: np.tile(x, lay.size_of(r)))
def tile(input: Any, *dims: Any) -> Any:
    """``repeat`` whose missing leading counts are 1."""
    counts = lay.size_of(dims)
    return repeat(input, (1,) * (input.ndim - len(counts)) + tuple(counts))


@composite("join", samples=_sample_calls((2, 3), ((3, 2, 3),)), reference=lambda x, s: np.broadcast_to(x, s))
def broadcast_to(input: Any, size: Any) -> Any:
    """The tensor expanded to a shape, without copying."""
    return expand(input, tuple(size))


@composite("join", method=False, samples=lambda: [((np.ones((2, 1)), np.zeros(3)), {})],
           reference=lambda *xs: np.broadcast_arrays(*xs))
def broadcast_tensors(*tensors: Any) -> Any:
    """The tensors expanded to their common shape."""
    shape = lay.broadcast_shapes(*(tuple(t.shape) for t in tensors))
    return tuple(expand(t, shape) for t in tensors)


@composite("join", function=False, samples=lambda: [((np.ones((2, 1)), np.zeros((2, 3))), {})],
           reference=lambda x, o: np.broadcast_to(x, o.shape))
def expand_as(input: Any, other: Any) -> Any:
    """Expanded to another tensor's shape."""
    return expand(input, tuple(other.shape))


@composite("join", function=False, samples=lambda: [((np.ones((2, 3)), np.zeros((3, 2))), {})],
           reference=lambda x, o: x.reshape(o.shape))
def view_as(input: Any, other: Any) -> Any:
    """Viewed in another tensor's shape."""
    return input.view(tuple(other.shape))


@composite("join", function=False, samples=lambda: [((np.ones((2, 3)), np.zeros((3, 2))), {})],
           reference=lambda x, o: x.reshape(o.shape))
def reshape_as(input: Any, other: Any) -> Any:
    """Reshaped to another tensor's shape."""
    return reshape(input, tuple(other.shape))


@composite("join", samples=_single((2, 3), (4,)), reference=np.ravel)
def ravel(input: Any) -> Any:
    """The elements in one dimension, without a copy where possible."""
    return reshape(input, (-1,))


@composite("join", method=False, samples=lambda: [((np.arange(2.0), np.arange(3.0)), {"indexing": "ij"}),
                                                  ((np.arange(2.0), np.arange(3.0)), {"indexing": "xy"})],
           reference=lambda *xs, indexing="ij": np.meshgrid(*xs, indexing=indexing))
def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    """Coordinate grids of 1-d tensors ("ij": matrix order, "xy": Cartesian)."""
    parts = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    swap = indexing == "xy" and len(parts) >= 2
    if swap:
        parts[0], parts[1] = parts[1], parts[0]
    shape = tuple(p.numel() for p in parts)
    grids = [expand(reshape(p, tuple(n if d == i else 1 for d in range(len(parts)))), shape)
             for i, (p, n) in enumerate(zip(parts, shape))]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


# Triangles: one elementwise kernel that knows the element's position ----------------------------

def _bind_triangle(input: Any, diagonal: int = 0) -> Any:
    if input.ndim < 2:
        raise RuntimeError("tril/triu: input tensor must have at least 2 dimensions")
    return (input,), {"diagonal": int(diagonal)}


def _bind_tril(input: Any, diagonal: int = 0) -> Any:
    """The lower triangles of the last two dimensions, up to a diagonal; the rest is zero."""
    return _bind_triangle(input, diagonal)


def _bind_triu(input: Any, diagonal: int = 0) -> Any:
    """The upper triangles of the last two dimensions, from a diagonal; the rest is zero."""
    return _bind_triangle(input, diagonal)


def _triangle(name: str, keep: str) -> Any:
    def plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        x = operands[0]
        rows, cols = x.shape[-2:]

        def build(position: Expr, value: Expr) -> list[Expr]:
            cell = f("int_mod", position, rows * cols)
            distance = f("int_mod", cell, cols) - f("int_div", cell, cols)
            return [choose(f(keep, distance, attrs["diagonal"]), value, 0)]

        return kernel.positioned(name, build, x, lay.dense(x.shape, x.dtype), caps)
    return plan


def _tri_samples() -> Any:
    yield from _sample_calls((3, 4), (), (1,), (-1,))()
    yield from _sample_calls((2, 3, 3), ())()


tril = planner("tril", _bind_tril, _triangle("tril", "le"), family="join", linear=True, samples=_tri_samples,
               vjp=lambda ctx, g: (tril(g, ctx.attrs["diagonal"]),),  # type: ignore[has-type]
               reference=np.tril)
triu = planner("triu", _bind_triu, _triangle("triu", "ge"), family="join", linear=True, samples=_tri_samples,
               vjp=lambda ctx, g: (triu(g, ctx.attrs["diagonal"]),),  # type: ignore[has-type]
               reference=np.triu)


@composite("join", samples=lambda: [*_sample_calls((3,), (), (1,), (-2,))(), *_sample_calls((3, 4), (1,))()],
           reference=lambda x, diagonal=0: np.diag(x, diagonal))
def diag(input: Any, diagonal: int = 0) -> Any:
    """A vector's diagonal matrix, or a matrix's diagonal."""
    if input.ndim == 2:
        return clone(_diagonal(input, diagonal))
    if input.ndim != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal)


_diagonal = diagonal


@composite("join", samples=_sample_calls((2, 3), (), (1,)),
           reference=lambda x, offset=0: np.stack([np.diag(r, offset) for r in x]))
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The last dimension put on the diagonal of two new dimensions."""
    n = input.shape[-1] + (offset if offset > 0 else -offset)
    whole = input.new_zeros((*input.shape[:-1], n, n))
    _diagonal(whole, offset, -2, -1).copy_(input)
    return movedim(whole, (-2, -1), (dim1, dim2)) if (dim1, dim2) != (-2, -1) else whole


@composite("join", samples=_sample_calls((2, 3), ((0,),), ((0, 1),), (1,)),
           reference=lambda x, d: np.flip(x, d))
def flip(input: Any, *dims: Any, **named: Any) -> Any:
    """The order of elements reversed along dimensions (numbers, a sequence, or ``dims=``)."""
    given = lay.size_of((named["dims"],) if "dims" in named else dims)
    for d in lay.wrap_dims(given, input.ndim) if given else ():
        n = input.shape[d]
        backwards = (n - 1) - input.new_range(n)
        input = input[(slice(None),) * d + (backwards,)]
    return input


@composite("join", samples=_sample_calls((2, 4), (1,), (2, 1), ((1, -1), (0, 1))),
           reference=lambda x, s, d=None: np.roll(x, s, d))
def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """Elements moved along dimensions, those pushed out entering at the other end."""
    if dims is None:
        return reshape(roll(reshape(input, (-1,)), shifts, 0), tuple(input.shape))
    steps = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(steps) != len(axes):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(axes)}")
    for step, axis in zip(steps, axes):
        d = wrap_dim(axis, input.ndim)
        n = input.shape[d]
        k = step % n if n else 0
        if k:
            input = cat([narrow(input, d, n - k, k), narrow(input, d, 0, n - k)], d)
    return input


@composite("join", samples=_sample_calls((2, 3), ()), reference=np.fliplr)
def fliplr(input: Any) -> Any:
    """Columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@composite("join", samples=_sample_calls((2, 3), ()), reference=np.flipud)
def flipud(input: Any) -> Any:
    """Rows in reverse order."""
    if not input.ndim:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@composite("join", samples=_sample_calls((2, 3), (), (2,), (-1, (1, 0))), reference=np.rot90)
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """The plane of two dimensions turned by ``k`` quarter turns, from the first towards the second."""
    a, b = (wrap_dim(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {a} and dim1 = {b}")
    turns = k % 4
    if turns == 0:
        return clone(input)
    if turns == 2:
        return flip(input, a, b)
    turned = flip(input, b) if turns == 1 else flip(input, a)
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return turned.permute(order)


@composite("join", samples=_sample_calls((3, 3), ()), reference=np.trace)
def trace(input: Any) -> Any:
    """Sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix")
    return diagonal(input).sum()


@composite("join", samples=_sample_calls((2, 2), (), (1,)), reference=np.diagflat)
def diagflat(input: Any, offset: int = 0) -> Any:
    """A matrix with the flattened input on a diagonal."""
    return diag(ravel(input), offset)


@composite("join", samples=_sample_calls((5, 3), (2,), ((1, 4),), (3, 1)),
           reference=lambda x, k, d=0: np.array_split(x, k if isinstance(k, int) else list(k), d))
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of a dimension's parts: that many of nearly equal size, or split at the indices."""
    d = wrap_dim(dim, input.ndim)
    n = input.shape[d]
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if parts <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {parts}")
        ends = [n // parts * (i + 1) + min(i + 1, n % parts) for i in range(parts)]
    else:
        ends = [min(max(i + n if i < 0 else i, 0), n) for i in indices_or_sections] + [n]
    starts = [0, *ends[:-1]]
    return tuple(narrow(input, d, a, max(b - a, 0)) for a, b in zip(starts, ends))
