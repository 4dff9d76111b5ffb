"""Views: results that share the operand's memory, and the copy that undoes them in backward."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..codegen.expr import Const
from ..codegen.types import register_dtype
from ..core import dispatch
from ..core import dtypes as dt
from ..core import layout as lay
from ..core import memory_format as formats
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout, wrap_dim
from ..core.op import Op
from ..core.plan import Launch, Plan, Result
from ..kernels import elementwise as elementwise_kernel
from .comparison import copy
from .declare import composite, planner
from .declare import view as declare_view


def _run(op: Any, x: Any, attrs: dict[str, Any]) -> Any:
    return dispatch.stack.top.run(op, (x,), attrs)


# The derivative of every view that reaches each element at most once ---

def _embed_plan(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps,
                out: Any = None) -> Plan:
    """Zeros of the base's shape with the operand written where the view looks."""
    part = operands[0]
    whole = lay.dense(attrs["shape"], part.dtype)
    window, offset = attrs["view"].view(whole, 0, **dict(attrs["attrs"]))
    wide = register_dtype(part.dtype)
    fill = elementwise_kernel.plan("zeros", lambda: [Const(0, wide)], (), part.dtype, (whole,), caps)
    if not part.numel:
        return fill
    move = elementwise_kernel.plan("embed", lambda x: [x], (part,), part.dtype, (window,), caps)
    launches = []
    for launch in move.launches:
        args = tuple(Result(0, offset) if isinstance(a, Result) else a for a in launch.args)
        launches.append(Launch(launch.spec, launch.global_size, args))
    return Plan((whole,), (*fill.launches, *launches))


def _embed_vjp(ctx: Any, g: Any) -> tuple[Any]:
    return (_run(ctx.attrs["view"], g, dict(ctx.attrs["attrs"])),)


embed = planner("_embed", lambda g, **attrs: ((g,), attrs), _embed_plan, family="view",
                vjp=_embed_vjp, linear=True, public=False)


def _view_vjp(ctx: Any, g: Any) -> tuple[Any]:
    return (embed(g, view=ctx.op, attrs=tuple(ctx.attrs.items()), shape=tuple(ctx.layouts[0].shape)),)


# Shape ---

def _samples(*calls: tuple[tuple[int, ...], Any]) -> Any:
    def generate() -> Any:
        for shape, args in calls:
            x = np.arange(math.prod(shape), dtype="float64").reshape(shape)
            yield ((x, *args), {})
    return generate


def _bind_view(input: Any, *shape: Any, size: Any = None, dtype: Any = None) -> Any:
    """The elements in another shape (``size``), or their bits read as another ``dtype``, sharing memory.

    A dtype of another size needs a last dimension that is contiguous, and changes its size.

    Raises:
        RuntimeError: the sizes don't match, or the strides need a copy (use ``reshape``).
        TypeError: neither or both are given.
    """
    if len(shape) == 1 and isinstance(shape[0], (dt.DType, type)):
        dtype, shape = shape[0], ()
    if bool(shape) + (size is not None) + (dtype is not None) != 1:
        raise TypeError("view() takes either a dtype or a size, got "
                        f"{', '.join(str(x) for x in (*shape, size, dtype) if x is not None) or 'neither'}")
    if dtype is not None:
        dtype = dt.PYTHON_TYPES.get(dtype, dtype)
        return (input,), {"shape": _bits_shape(input, dtype), "dtype": dtype}
    return (input,), {"shape": lay.infer_size(lay.size_of(shape if size is None else (size,)), input.numel())}


def _bits_shape(x: Any, dtype: DType) -> tuple[int, ...]:
    """The shape of a tensor whose bits are read as another dtype."""
    old, new = x.dtype.itemsize, dtype.itemsize
    shape = tuple(x.shape)
    if old == new:
        return shape
    change = f"to view {x.dtype} as {dtype} (different element sizes)"
    if not shape:
        raise RuntimeError(f"self.dim() cannot be 0 {change}")
    if x.stride(-1) != 1:
        raise RuntimeError(f"self.stride(-1) must be 1 {change}, but got {x.stride(-1)}")
    if new > old:
        ratio = new // old
        if shape[-1] % ratio:
            raise RuntimeError(f"self.size(-1) must be divisible by {ratio} {change}, but got {shape[-1]}")
        if x.storage_offset() % ratio:
            raise RuntimeError(f"self.storage_offset() must be divisible by {ratio} {change}, but got "
                               f"{x.storage_offset()}")
        for d, stride in enumerate(x.stride()[:-1]):
            if stride % ratio:
                raise RuntimeError(f"self.stride({d}) must be divisible by {ratio} {change}, but got {stride}")
    return (*shape[:-1], shape[-1] * old // new)


def _move_view(layout: Layout, offset: int, shape: tuple[int, ...], dtype: DType | None = None) -> Any:
    if dtype is not None:
        old, new = layout.dtype.itemsize, dtype.itemsize
        if old == new:
            return lay.make(shape, layout.strides, dtype), offset
        steps = tuple(s * old // new for s in layout.strides[:-1])
        return lay.make(shape, (*steps, 1), dtype), offset * old // new
    strides = lay.view_strides(layout, shape)
    if strides is None:
        raise RuntimeError("view size is not compatible with input tensor's size and stride (at least "
                           "one dimension spans across two contiguous subspaces). Use .reshape(...) "
                           f"instead. (shape {list(layout.shape)}, strides {layout.strides}, "
                           f"view {list(shape)})")
    return lay.make(shape, strides, layout.dtype), offset


def _reshape_vjp(ctx: Any, g: Any) -> tuple[Any]:
    if "dtype" in ctx.attrs:
        return (None,)
    return (reshape(g, tuple(ctx.layouts[0].shape)),)


view = declare_view("view", _bind_view, _move_view, _reshape_vjp, function=False,
                    samples=_samples(((2, 6), ((3, 4),)), ((4,), (2, 2)), ((2, 3), (-1,))),
                    reference=lambda x, *s: x.reshape(lay.size_of(s)))


@composite("view", samples=_samples(((2, 6), ((3, 4),)), ((0, 3), ((3, 0),)), ((2, 3), (-1,))),
           reference=lambda x, *s: x.reshape(lay.size_of(s)))
def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    """The elements in another ``shape``; a view where the strides allow it, else a copy."""
    if not sizes and shape is None:
        raise TypeError('reshape() missing 1 required positional arguments: "shape"')
    size = lay.infer_size(lay.size_of(sizes if shape is None else (shape,)), input.numel())
    if lay.view_strides(input.layout, size) is None:
        input = copy(input, dtype=input.dtype, dense=True)
    return view(input, size)


def _bind_expand(input: Any, *sizes: Any, size: Any = None, implicit: bool = False) -> Any:
    """Dimensions of size 1 (and new leading ones) repeated without copying; -1 keeps a size."""
    size = list(lay.size_of(sizes if size is None else (size,)))
    shift = len(size) - input.ndim
    if shift < 0:
        raise RuntimeError(f"expand: the number of sizes provided ({len(size)}) must be greater or "
                           f"equal to the number of dimensions in the tensor ({input.ndim})")
    for d in range(len(size)):
        old = input.shape[d - shift] if d >= shift else 1
        if size[d] == -1:
            if d < shift:
                raise RuntimeError("expand: -1 is not allowed in a leading, non-existing dimension "
                                   f"{d}")
            size[d] = old
        elif old not in (1, size[d]):
            raise RuntimeError(f"The expanded size of the tensor ({size[d]}) must match the existing "
                               f"size ({old}) at non-singleton dimension {d}.  Target sizes: {size}.  "
                               f"Tensor sizes: {list(input.shape)}")
    return (input,), {"size": tuple(size)}


def _move_expand(layout: Layout, offset: int, size: tuple[int, ...]) -> Any:
    return lay.make(size, lay.expand_strides(layout, size), layout.dtype), offset


# The engine sums a cotangent to its operand's shape, which is the whole derivative.
expand = declare_view("expand", _bind_expand, _move_expand, lambda ctx, g: (g,), function=False,
                      samples=_samples(((1, 3), (2, 3)), ((3, 1), (2, -1, 4))),
                      reference=lambda x, *s: np.broadcast_to(
                          x, [x.shape[d - len(s) + x.ndim] if n == -1 else n for d, n in enumerate(s)]))


def _bind_permute(input: Any, *order: Any, dims: Any = None) -> Any:
    """The dimensions in the order ``dims``."""
    given = lay.size_of(order if dims is None else (dims,))
    if len(given) != input.ndim:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not "
                           f"match the length of the desired ordering of dimensions i.e. input.dim() = "
                           f"{input.ndim} is not equal to len(dims) = {len(given)}")
    order = tuple(wrap_dim(d, input.ndim) for d in given)
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return (input,), {"dims": order}


def _move_permute(layout: Layout, offset: int, dims: tuple[int, ...]) -> Any:
    return lay.make([layout.shape[d] for d in dims], [layout.strides[d] for d in dims],
                    layout.dtype), offset


def _permute_vjp(ctx: Any, g: Any) -> tuple[Any]:
    dims = ctx.attrs["dims"]
    return (permute(g, tuple(dims.index(d) for d in range(len(dims)))),)


permute = declare_view("permute", _bind_permute, _move_permute, _permute_vjp,
                       samples=_samples(((2, 3, 4), ((2, 0, 1),))),
                       reference=lambda x, d: np.transpose(x, d))


def _swap(n: int, a: int, b: int) -> tuple[int, ...]:
    order = list(range(n))
    if n:
        order[a], order[b] = order[b], order[a]
    return tuple(order)


@composite("view", samples=_samples(((2, 3, 4), (0, -1))), aliases=("swapdims",),
           reference=lambda x, a, b: np.swapaxes(x, a, b))
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions swapped."""
    n = input.ndim
    return permute(input, _swap(n, wrap_dim(dim0, n), wrap_dim(dim1, n)))


@composite("view", samples=_samples(((2, 3, 4), (0, -1))), reference=lambda x, a, b: np.swapaxes(x, a, b))
def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """``transpose`` under NumPy's name."""
    return transpose(input, axis0, axis1)


@composite("view", samples=_samples(((2, 3), ())), reference=lambda x: x.T)
def t(input: Any) -> Any:
    """The transpose of a matrix; fewer dimensions are left as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return permute(input, _swap(input.ndim, 0, input.ndim - 1))


def _as_dims(dims: Any) -> tuple[int, ...]:
    return (dims,) if isinstance(dims, int) else tuple(dims)


@composite("view", samples=_samples(((2, 3, 4), (0, 2)), ((2, 3, 4), ((0, 1), (1, 2)))),
           aliases=("moveaxis",), reference=np.moveaxis)
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Dimensions moved to new positions, the others keeping their order."""
    n = input.ndim
    src = [wrap_dim(d, n) for d in _as_dims(source)]
    dst = [wrap_dim(d, n) for d in _as_dims(destination)]
    if len(src) != len(dst):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source} dims) "
                           f"should contain the same number of dims as destination ({destination} dims)")
    for dims, label in ((src, "source"), (dst, "destination")):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{label}` ({dims})")
    if not n:
        return permute(input, ())
    order = [d for d in range(n) if d not in src]
    for to, origin in sorted(zip(dst, src)):
        order.insert(to, origin)
    return permute(input, tuple(order))


def _bind_unsqueeze(input: Any, dim: int) -> Any:
    """A dimension of size 1 inserted before ``dim``."""
    return (input,), {"dim": wrap_dim(dim, input.ndim + 1)}


def _move_unsqueeze(layout: Layout, offset: int, dim: int) -> Any:
    shape, strides = list(layout.shape), list(layout.strides)
    step = strides[dim] * shape[dim] if dim < len(shape) else 1
    shape.insert(dim, 1)
    strides.insert(dim, step)
    return lay.make(shape, strides, layout.dtype), offset


unsqueeze = declare_view("unsqueeze", _bind_unsqueeze, _move_unsqueeze,
                         lambda ctx, g: (squeeze(g, ctx.attrs["dim"]),),
                         samples=_samples(((2, 3), (1,)), ((2, 3), (-1,))),
                         reference=lambda x, d: np.expand_dims(x, d))


def _bind_squeeze(input: Any, dim: Any = None) -> Any:
    """Dimensions of size 1 removed (all, or those among ``dim``)."""
    dims = lay.wrap_dims(dim if dim is None or isinstance(dim, int) or len(dim) else None, input.ndim)
    if isinstance(dim, (tuple, list)) and not len(dim):
        dims = ()
    return (input,), {"dims": tuple(d for d in dims if input.ndim and input.shape[d] == 1)}


def _move_squeeze(layout: Layout, offset: int, dims: tuple[int, ...]) -> Any:
    keep = [d for d in range(layout.ndim) if d not in dims]
    return lay.make([layout.shape[d] for d in keep], [layout.strides[d] for d in keep],
                    layout.dtype), offset


squeeze: Op = declare_view(
    "squeeze", _bind_squeeze, _move_squeeze, _reshape_vjp,
    samples=_samples(((2, 1, 3, 1), ()), ((2, 1, 3, 1), (1,)), ((2, 1), (0,))),
    reference=lambda x, d=None: x.squeeze() if d is None else x.squeeze(d) if x.shape[d] == 1 else x)


# Windows ---

def _bind_slice(input: Any, dim: int, start: int, end: int, step: int) -> Any:
    return (input,), {"dim": dim, "start": start, "end": end, "step": step}


def _move_slice(layout: Layout, offset: int, dim: int, start: int, end: int, step: int) -> Any:
    shape, strides = list(layout.shape), list(layout.strides)
    n = max(0, -(-(end - start) // step))
    moved = offset + (start * strides[dim] if n else 0)
    shape[dim], strides[dim] = n, strides[dim] * step
    return lay.make(shape, strides, layout.dtype), moved


# Indexing and narrow resolve their arguments to this: 0 <= start <= end <= size, step > 0.
slice_ = declare_view("slice", _bind_slice, _move_slice, _view_vjp, public=False)


def _bind_select(input: Any, dim: int, index: int) -> Any:
    """The elements at ``index`` of a dimension, which goes away.

    Raises:
        IndexError: out of range.
    """
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, input.ndim)
    n = input.shape[d]
    i = int(index)
    if not -n <= i < n:
        raise IndexError(f"select(): index {i} out of range for tensor of size {list(input.shape)} "
                         f"at dimension {d}")
    return (input,), {"dim": d, "index": i + n if i < 0 else i}


def _move_select(layout: Layout, offset: int, dim: int, index: int) -> Any:
    keep = [d for d in range(layout.ndim) if d != dim]
    return (lay.make([layout.shape[d] for d in keep], [layout.strides[d] for d in keep], layout.dtype),
            offset + index * layout.strides[dim])


select = declare_view("select", _bind_select, _move_select, _view_vjp,
                      samples=_samples(((2, 3), (1, -1)), ((2, 3), (0, 0))),
                      reference=lambda x, d, i: np.take(x, i, d))


@composite("view", samples=_samples(((4, 3), (0, 1, 2)), ((4, 3), (1, -2, 2))),
           reference=lambda x, d, s, n: np.take(x, np.arange(n) + s, d, mode="wrap"))
def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """``length`` elements from ``start`` (a number or a 0-d tensor of one) along a dimension."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if not isinstance(start, int) and (start.ndim or start.dtype.is_inexact or start.dtype is dt.bool_):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    d = wrap_dim(dim, input.ndim)
    n = input.shape[d]
    begin = int(start)
    if not -n <= begin <= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n}], but got "
                         f"{begin})")
    begin = begin + n if begin < 0 else begin
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if begin + length > n:
        raise RuntimeError(f"start ({begin}) + length ({length}) exceeds dimension size ({n}).")
    return slice_(input, d, begin, begin + length, 1)


def _bind_diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of two dimensions as a new last dimension."""
    a, b = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return (input,), {"shift": int(offset), "dim1": a, "dim2": b}


def _move_diagonal(layout: Layout, offset: int, shift: int, dim1: int, dim2: int) -> Any:
    rows, cols = layout.shape[dim1], layout.shape[dim2]
    n = max(0, min(rows + min(shift, 0), cols - max(shift, 0)))
    keep = [d for d in range(layout.ndim) if d not in (dim1, dim2)]
    first = max(-shift, 0) * layout.strides[dim1] + max(shift, 0) * layout.strides[dim2]
    return (lay.make([layout.shape[d] for d in keep] + [n],
                     [layout.strides[d] for d in keep] + [layout.strides[dim1] + layout.strides[dim2]],
                     layout.dtype), offset + (first if n else 0))


diagonal = declare_view("diagonal", _bind_diagonal, _move_diagonal, _view_vjp,
                        samples=_samples(((3, 4), ()), ((3, 4), (1,)), ((2, 3, 4), (-1, 1, 2))),
                        reference=np.diagonal)


# Composites over the above ---

@composite("view", samples=_samples(((2, 3), ())), reference=lambda x: list(np.moveaxis(x, 0, 0)))
def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """The slices along a dimension, as a tuple."""
    d = wrap_dim(dim, input.ndim)
    return tuple(select(input, d, i) for i in range(input.shape[d]))


@composite("view", samples=_samples(((5, 2), (2,)), ((5, 2), ([1, 4],)), ((2, 6), (4, 1))),
           reference=lambda x, s, d=0: np.split(
               x, np.cumsum(s)[:-1] if isinstance(s, list) else range(s, x.shape[d], s), d))
def split(tensor: Any, split_size_or_sections: Any = None, dim: int = 0, *,
          split_size: Any = None) -> tuple[Any, ...]:
    """Pieces of the given size (the last may be smaller) or sizes, as views.

    Raises:
        RuntimeError: a 0-d tensor, a negative size, or sizes that don't add up.
    """
    if not tensor.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d = wrap_dim(dim, tensor.ndim)
    n = tensor.shape[d]
    sizes = split_size_or_sections if split_size is None else split_size
    if isinstance(sizes, int):
        if sizes < 0 or (sizes == 0 and n):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={sizes}")
        sizes = [sizes] * (n // sizes) + ([n % sizes] if n % sizes else []) if n else [0]
    elif sum(sizes) != n:
        raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's "
                           f"size at dimension {d}), but got split_sizes={list(sizes)}")
    begins = np.cumsum([0, *sizes]).tolist()
    return tuple(narrow(tensor, d, b, s) for b, s in zip(begins, sizes))


@composite("view", samples=_samples(((5, 2), (2,)), ((2, 7), (3, 1))),
           reference=lambda x, c, d=0: np.split(
               x, range(-(-x.shape[d] // c), x.shape[d], -(-x.shape[d] // c)), d))
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most ``chunks`` equal pieces (the last may be smaller), as views."""
    if not input.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[wrap_dim(dim, input.ndim)]
    if not n:
        return split(input, [0] * chunks, dim)
    return split(input, max(1, -(-n // chunks)), dim)


# Copies ---

@composite("view", samples=_samples(((2, 3), ())), reference=lambda x: x.copy())
def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy in memory of its own; gradients flow through.

    ``memory_format`` says in which order its dimensions lie; by default as in the input.
    """
    if memory_format is None or memory_format is formats.preserve_format:
        return copy(input, dtype=input.dtype)
    order = formats.order_of(memory_format, input.ndim)
    made = copy(permute(input, order), dtype=input.dtype, dense=True)
    return permute(made, tuple(order.index(d) for d in range(input.ndim)))
