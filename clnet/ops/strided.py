"""Views whose windows may overlap: by explicit strides, sliding windows; copies written through them."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dispatch
from ..core import layout as lay
from ..core.layout import Layout, wrap_dim
from ..kernels.scatter import NOTHING
from .declare import composite
from .declare import view as declare_view
from .gather import sums_at
from .overlay import overlay
from .view import clone, embed, reshape, select, slice_


def _extent(size: Any, stride: Any) -> int:
    """Elements from the first to one past the last that a geometry reaches."""
    return 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride))


def _bind_as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A view of the storage with any ``size`` and ``stride``, from element ``storage_offset`` on.

    The offset is the input's own if it is not given.  Elements may be reached several times; their
    gradients add up.

    Raises:
        RuntimeError: lengths that differ, negative strides, or a window beyond the storage.
    """
    shape, steps = tuple(size), tuple(stride)
    if len(shape) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in steps):
        raise RuntimeError("as_strided: Negative strides are not supported at the moment, got strides: "
                           f"{list(steps)}")
    if any(n < 0 for n in shape):
        raise RuntimeError(f"as_strided: negative sizes are not supported, got {list(shape)}")
    own = input.storage_offset()
    start = own if storage_offset is None else int(storage_offset)
    if start < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {start}")
    need = (start + _extent(shape, steps)) * input.itemsize if 0 not in shape else 0
    if need > input.storage.nbytes:
        raise RuntimeError(f"setStorage: sizes {list(shape)}, strides {list(steps)}, storage offset {start}, "
                           f"and itemsize {input.itemsize} requiring a storage size of {need} are out of "
                           f"bounds for storage of size {input.storage.nbytes}")
    return (input,), {"size": shape, "stride": steps, "shift": start - own}


def _move_as_strided(layout: Layout, offset: int, size: tuple[int, ...], stride: tuple[int, ...],
                     shift: int) -> Any:
    return lay.make(size, stride, layout.dtype), offset + shift


def _geometry(size: tuple[int, ...], stride: tuple[int, ...], shift: int) -> dict[str, Any]:
    return {"size": size, "stride": stride, "shift": shift}


def _positions(like: Any, size: tuple[int, ...], stride: tuple[int, ...], start: int) -> Any:
    """Where the elements of a geometry lie, in order, as one dimension of int64."""
    total = like.new_range(1) + start
    for n, s in zip(size, stride):
        total = total.unsqueeze(-1) + like.new_range(n) * s
    return reshape(total, (-1,))


def _as_strided_vjp(ctx: Any, g: Any) -> tuple[Any]:
    """The cotangent laid out as the storage is, then read where the operand lies."""
    source, size, stride, shift = (ctx.layouts[0], *(ctx.attrs[k] for k in ("size", "stride", "shift")))
    low = min(0, shift) if math.prod(size) else 0
    reach = max(source.extent(), shift + _extent(size, stride)) - low
    if lay.overlaps(lay.make(size, stride, source.dtype)):
        flat = sums_at(reshape(g, (-1,)), _positions(g, size, stride, shift - low), 0, (reach,), NOTHING)
    else:
        flat = embed(g, view=as_strided, attrs=tuple(_geometry(size, stride, shift - low).items()),
                     shape=(reach,))
    shape, steps = tuple(source.shape), tuple(source.strides)
    if lay.overlaps(source):
        # Each of the operand's elements that share a place gets its part.
        places = _positions(g, shape, steps, -low)
        met = sums_at(g.new_ones((places.numel(),)), places, 0, (reach,), NOTHING)
        flat = flat / met.clamp(min=1)
    return (dispatch.stack.top.run(as_strided, (flat,), _geometry(shape, steps, -low)),)


# Integers, which the tests leave in the one layout for which the references hold.
def _samples() -> Any:
    x = np.arange(12).reshape(3, 4)
    yield (x, (2, 2), (4, 1)), {}
    yield (x, (3, 2), (1, 2), 1), {}
    yield (x, (2, 3, 2), (2, 1, 1)), {}


def _np_as_strided(x: Any, size: Any, stride: Any, start: int = 0) -> Any:
    flat = np.ascontiguousarray(x).reshape(-1)[start:]
    steps = tuple(s * flat.itemsize for s in stride)
    return np.lib.stride_tricks.as_strided(flat, size, steps).copy()


as_strided = declare_view("as_strided", _bind_as_strided, _move_as_strided, _as_strided_vjp,
                          samples=_samples, reference=_np_as_strided)


@composite("view", method=False, samples=_samples, reference=_np_as_strided)
def as_strided_copy(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """``as_strided`` whose result has memory of its own."""
    return clone(as_strided(input, size, stride, storage_offset))


def _scatter_samples() -> Any:
    x = np.arange(12).reshape(3, 4)
    yield (x, -np.arange(4).reshape(2, 2), (2, 2), (4, 1)), {}
    yield (x, -np.arange(6).reshape(3, 2), (3, 2), (2, 1), 1), {}


def _np_scatter(x: Any, src: Any, size: Any, stride: Any, start: int = 0) -> Any:
    out = np.array(x)
    flat = out.reshape(-1)[start:]
    np.lib.stride_tricks.as_strided(flat, size, tuple(s * flat.itemsize for s in stride))[...] = src
    return out


@composite("view", samples=_scatter_samples, reference=_np_scatter)
def as_strided_scatter(input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A copy of ``input`` with ``src`` written where ``as_strided`` with these arguments looks.

    Raises:
        RuntimeError: ``src`` has another shape than ``size``, or the window leaves the storage.
    """
    [_], window = _bind_as_strided(input, size, stride, storage_offset)
    if tuple(src.shape) != window["size"]:
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = "
                           f"{list(src.shape)}, slice size = {list(window['size'])}")
    shape, steps, shift = tuple(input.shape), tuple(input.stride()), window["shift"]
    low = min(0, shift)
    reach = max(_extent(shape, steps), shift + _extent(size, stride)) - low
    flat = dispatch.stack.top.run(as_strided, (input,), _geometry((reach,), (1,), low))
    done = overlay(flat, src, view=as_strided,
                   attrs=tuple(_geometry(window["size"], window["stride"], shift - low).items()))
    return dispatch.stack.top.run(as_strided, (done,), _geometry(shape, steps, -low))


# Sliding windows ---

def _bind_unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """Windows of ``size`` elements every ``step`` along a dimension, as a new last dimension."""
    d = wrap_dim(dimension, input.ndim)
    n = input.shape[d] if input.ndim else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return (input,), {"dim": d, "size": int(size), "step": int(step)}


def _move_unfold(layout: Layout, offset: int, dim: int, size: int, step: int) -> Any:
    if not layout.ndim:
        return lay.make((size,), (1,), layout.dtype), offset
    shape, strides = list(layout.shape), list(layout.strides)
    shape[dim] = (shape[dim] - size) // step + 1
    stride = strides[dim]
    strides[dim] = stride * step
    return lay.make([*shape, size], [*strides, stride], layout.dtype), offset


def _unfold_vjp(ctx: Any, g: Any) -> tuple[Any]:
    dim, size, step = (ctx.attrs[k] for k in ("dim", "size", "step"))
    shape = tuple(ctx.layouts[0].shape)
    if not shape:
        return (reshape(g, ()),)
    windows = g.shape[dim]
    total = None
    # Window element k of every window lands on a strided slice: no two of them meet.
    for k in range(size):
        attrs = {"dim": dim, "start": k, "end": k + (windows - 1) * step + 1, "step": step}
        part = embed(select(g, -1, k), view=slice_, attrs=tuple(attrs.items()), shape=shape)
        total = part if total is None else total + part
    return (total,)


def _unfold_reference(x: Any, d: int, size: int, step: int) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, size, d)
    return np.take(windows, np.arange(0, windows.shape[d], step), d)


unfold = declare_view("unfold", _bind_unfold, _move_unfold, _unfold_vjp, function=False,
                      samples=lambda: [((np.arange(7.0), 0, 3, 2), {}), ((np.arange(10.0).reshape(2, 5), 1, 2, 1), {})],
                      reference=_unfold_reference)
