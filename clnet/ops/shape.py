"""Other shapes of the same elements by rule: flatten, atleast, broadcast, and sums back to a shape."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import layout as lay
from ..core.layout import wrap_dim
from .declare import composite
from .reduction import sum as sum_
from .view import expand, reshape, transpose, unsqueeze, view


def _samples(*calls: tuple[tuple[int, ...], Any]) -> Any:
    def generate() -> Any:
        for shape, args in calls:
            yield (np.arange(float(math.prod(shape))).reshape(shape), *args), {}
    return generate


def _single(*shapes: tuple[int, ...]) -> Any:
    return _samples(*((shape, ()) for shape in shapes))


def _each(change: Any, tensors: tuple[Any, ...]) -> Any:
    """``change`` of the one tensor given, or of each of several (or of a sequence)."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(change(x) for x in tensors[0])
    return change(tensors[0]) if len(tensors) == 1 else tuple(change(x) for x in tensors)


@composite("view", samples=_samples(((2, 3, 4), (1,)), ((2, 3, 4), (0, 1))),
           reference=lambda x, a=0, b=-1: x.reshape(
               x.shape[:a] + (-1,) + (x.shape[b + 1:] if b != -1 else ())))
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions ``start_dim`` to ``end_dim`` merged into one."""
    first, last = wrap_dim(start_dim, input.ndim), wrap_dim(end_dim, input.ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not input.ndim:
        return reshape(input, (1,))
    shape = tuple(input.shape)
    merged = math.prod(shape[first:last + 1])
    return reshape(input, (*shape[:first], merged, *shape[last + 1:]))


@composite("view", samples=_samples(((2, 12), (1, (3, 4)))),
           reference=lambda x, d, s: x.reshape(x.shape[:d] + tuple(s) + x.shape[d + 1:]))
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """One dimension split into several.

    Raises:
        RuntimeError: no sizes, or sizes that don't multiply to the dimension's.
    """
    d = wrap_dim(dim, input.ndim)
    wanted = tuple(sizes)
    if not wanted:
        raise RuntimeError("unflatten: sizes must be non-empty")
    try:
        split = lay.infer_size(wanted, input.shape[d])
    except RuntimeError:
        raise RuntimeError(f"unflatten: Provided sizes {list(wanted)} don't multiply up to the size of dim {d} "
                           f"({input.shape[d]}) in the input tensor") from None
    return view(input, (*input.shape[:d], *split, *input.shape[d + 1:]))


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


@composite("join", samples=_samples(((2, 3), ((3, 2, 3),))), reference=lambda x, s: np.broadcast_to(x, s))
def broadcast_to(input: Any, size: Any) -> Any:
    """The tensor expanded to a shape, without copying."""
    return expand(input, tuple(size))


@composite("join", method=False, samples=lambda: [((np.ones((2, 1)), np.zeros(3)), {})],
           reference=lambda *xs: np.broadcast_arrays(*xs))
def broadcast_tensors(*tensors: Any) -> Any:
    """The tensors expanded to their common shape."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
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


@composite("join", function=False, samples=_samples(((2, 3), (1, 3)), ((2, 3), ((3,),)), ((4, 2, 3), (2, 1))),
           reference=lambda x, *s: _np_sum_to(x, lay.size_of(s)))
def sum_to_size(input: Any, *size: Any) -> Any:
    """Summed over the dimensions that broadcasting from ``size`` to the input's shape would repeat.

    Raises:
        RuntimeError: ``size`` does not broadcast to the shape.
    """
    wanted = lay.size_of(size)
    shape = tuple(input.shape)
    shift = len(shape) - len(wanted)
    if shift < 0 or any(a not in (1, b) for a, b in zip(wanted, shape[max(shift, 0):])):
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(shape)}}}.")
    if not wanted:
        return sum_(input)
    dims = [d for d in range(len(shape)) if d < shift or (wanted[d - shift] == 1 and shape[d] != 1)]
    return reshape(sum_(input, dims, True), wanted) if dims else input


def _np_sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    lead = x.sum(tuple(range(x.ndim - len(shape)))) if x.ndim > len(shape) else x
    return lead.sum(tuple(d for d, n in enumerate(shape) if n == 1), keepdims=True)


@composite("view", samples=_single((2, 3), (2, 2, 3)), reference=lambda x: np.swapaxes(x, -1, -2).conj())
def adjoint(input: Any) -> Any:
    """Matrices transposed, and conjugated if complex; a 0-d tensor counts as one number's.

    Raises:
        RuntimeError: one dimension.
    """
    if input.ndim == 1:
        raise RuntimeError("tensor.adjoint() is only supported on matrices or batches of matrices. Got "
                           "1-D tensor.")
    turned = transpose(input, -2, -1) if input.ndim else input
    return turned.conj() if input.dtype.is_complex else turned
