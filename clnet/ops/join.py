"""Tensors put together, repeated and turned round: cat, stack, repeat, flip, roll; triangles."""
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
from ..core.op import Op
from ..core.plan import Launch, Plan, Result
from ..kernels import elementwise as kernel
from .declare import composite, planner
from .gather import lookup, spread_index
from .shape import atleast_1d, atleast_2d, atleast_3d
from .view import clone, expand, narrow, reshape, unsqueeze


def parts_of(name: str, tensors: Any) -> list[Any]:
    """A sequence of tensors as a list.

    Raises:
        TypeError: a tensor instead of a sequence, or something else among them.
    """
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
                        f"{type(tensors).__name__}")
    for i, x in enumerate(tensors):
        if isinstance(x, (int, float, complex, str, list, tuple, type(None))):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    return list(tensors)


def _some(name: str, tensors: Any) -> list[Any]:
    parts = parts_of(name, tensors)
    if not parts:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return parts


def _bind_cat(tensors: Any, dim: int = 0, *, axis: int | None = None) -> Any:
    """Tensors joined along a dimension (``axis`` is NumPy's name of it); dtypes are promoted.

    Empty 1-d tensors are ignored.

    Raises:
        ValueError: no tensors.  RuntimeError: sizes that differ outside ``dim``.  TypeError: not tensors.
    """
    parts = parts_of("cat", tensors)
    dim = dim if axis is None else axis
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
    parts = _some("stack", tensors)
    for i, t in enumerate(parts):
        if t.shape != parts[0].shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {list(parts[0].shape)} "
                               f"at entry 0 and {list(t.shape)} at entry {i}")
    d = wrap_dim(dim, parts[0].ndim + 1)
    return cat([unsqueeze(t, d) for t in parts], d)


@composite("join", method=False, samples=_listed({}), aliases=("row_stack",), reference=np.vstack)
def vstack(tensors: Any) -> Any:
    """Rows below one another."""
    return cat([atleast_2d(t) for t in _some("vstack", tensors)], 0)


@composite("join", method=False, samples=_listed({}), reference=np.hstack)
def hstack(tensors: Any) -> Any:
    """Columns beside one another."""
    parts = [atleast_1d(t) for t in _some("hstack", tensors)]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


@composite("join", method=False, samples=_listed({}), reference=np.dstack)
def dstack(tensors: Any) -> Any:
    """Joined along the third dimension."""
    return cat([atleast_3d(t) for t in _some("dstack", tensors)], 2)


@composite("join", method=False, samples=_listed({}), reference=np.column_stack)
def column_stack(tensors: Any) -> Any:
    """1-d tensors as columns, others as ``hstack``."""
    parts = _some("column_stack", tensors)
    return cat([reshape(t, (t.numel(), 1)) if t.ndim < 2 else t for t in parts], 1)


def _sample_calls(shape: tuple[int, ...], *calls: tuple[Any, ...]) -> Any:
    def samples() -> Any:
        for args in calls:
            yield (np.arange(float(math.prod(shape))).reshape(shape), *args), {}
    return samples


@composite("join", function=False, samples=_sample_calls((2, 3), (2, 2), ((2, 1, 2),)),
           reference=lambda x, *r: np.tile(x, lay.size_of(r)))
def repeat(input: Any, *counted: Any, repeats: Any = None) -> Any:
    """The tensor copied ``repeats`` times along each dimension.

    Raises:
        RuntimeError: fewer counts than dimensions, or negative ones.
    """
    counts = lay.size_of(counted if repeats is None else (repeats,))
    if any(c < 0 for c in counts):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(counts)}: {list(counts)}")
    if len(counts) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions "
                           "of tensor")
    shape = (1,) * (len(counts) - input.ndim) + tuple(input.shape)
    doubled = reshape(input, tuple(v for n in shape for v in (1, n)))
    spread = expand(doubled, tuple(v for c, n in zip(counts, shape) for v in (c, n)))
    return reshape(clone(spread), tuple(c * n for c, n in zip(counts, shape)))


@composite("join", samples=_sample_calls((2, 3), (2,), ((2, 1, 2),), ((2,),)),
           reference=lambda x, *r: np.tile(x, lay.size_of(r)))
def tile(input: Any, *counted: Any, dims: Any = None) -> Any:
    """``repeat`` whose missing leading counts are 1."""
    counts = lay.size_of(counted if dims is None else (dims,))
    return repeat(input, (1,) * (input.ndim - len(counts)) + tuple(counts))


@composite("join", samples=_sample_calls((2, 3), ((0,),), ((0, 1),), (1,)),
           reference=lambda x, d: np.flip(x, d))
def flip(input: Any, *axes: Any, dims: Any = None) -> Any:
    """A copy with the order of elements reversed along ``dims`` (numbers or a sequence).

    Raises:
        IndexError: a dimension out of range.  RuntimeError: one that appears twice.
    """
    given = lay.size_of(axes if dims is None else (dims,))
    wrapped = [wrap_dim(d, input.ndim) for d in given]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {max(wrapped, key=wrapped.count)} appears multiple times in the list of dims")
    turned = input
    for d in wrapped if input.ndim else ():
        n = input.shape[d]
        if n > 1:
            backwards = (n - 1) - input.new_range(n)
            turned = lookup(turned, spread_index(backwards, d, tuple(input.shape)), d)
    return clone(input) if turned is input else turned


@composite("join", samples=_sample_calls((2, 4), (1,), (2, 1), ((1, -1), (0, 1))),
           reference=lambda x, s, d=None: np.roll(x, s, d))
def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """A copy with elements moved along dimensions, those pushed out entering at the other end.

    Raises:
        RuntimeError: not one shift per dimension.
    """
    steps = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not steps:
        raise RuntimeError("`shifts` required")
    if not axes and len(steps) == 1:
        return reshape(roll(reshape(input, (-1,)), steps[0], 0), tuple(input.shape))
    if len(steps) != len(axes):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(axes)}")
    if not input.ndim:
        raise IndexError(f"Dimension specified as {axes[0]} but tensor has no dimensions")
    moved = input
    for step, axis in zip(steps, axes):
        d = wrap_dim(axis, input.ndim)
        n = input.shape[d]
        k = step % n if n else 0
        if k:
            moved = cat([narrow(moved, d, n - k, k), narrow(moved, d, 0, n - k)], d)
    return clone(input) if moved is input else moved


# Triangles: one elementwise kernel that knows the element's position ---

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


tril: Op = planner(
    "tril", _bind_tril, _triangle("tril", "le"), family="join", linear=True, samples=_tri_samples,
    vjp=lambda ctx, g: (tril(g, ctx.attrs["diagonal"]),), reference=np.tril)
triu: Op = planner(
    "triu", _bind_triu, _triangle("triu", "ge"), family="join", linear=True, samples=_tri_samples,
    vjp=lambda ctx, g: (triu(g, ctx.attrs["diagonal"]),), reference=np.triu)
