"""Reading and writing at positions given by index tensors; finding non-zero elements."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..kernels import index as kernel
from .comparison import ne
from .declare import composite, planner
from .overlay import slice_scatter
from .reduction import sum as sum_
from .view import unbind


def _bind(input: Any, *indices: Any) -> Any:
    return (input, *indices), {}


def _gather_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    zeros = g.new_zeros(tuple(ctx.layouts[0].shape))
    return (put(zeros, g, *ctx.operands[1:], accumulate=True), *([None] * (len(ctx.operands) - 1)))


# x at (index tensors for the first dimensions): shape (broadcast index shape) + the rest of x's.
gather_first = planner("_index", _bind, kernel.gather, family="index", vjp=_gather_vjp,
                       saves=tuple(range(1, 17)), public=False)


def _bind_put(input: Any, values: Any, *indices: Any, accumulate: bool) -> Any:
    return (input, values, *indices), {"accumulate": accumulate}


def _put_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    indices = ctx.operands[2:]
    to_input = None
    if ctx.needs[0]:
        to_input = g
        if not ctx.attrs["accumulate"]:
            hole = g.new_zeros(tuple(ctx.layouts[1].shape))
            to_input = put(g, hole, *indices, accumulate=False)
    to_values = gather_first(g, *indices) if ctx.needs[1] else None
    return (to_input, to_values, *([None] * len(indices)))


# A copy of the input with values written (or added) at the positions, in one call.
put = planner("_index_put", _bind_put, kernel.put, family="index", vjp=_put_vjp,
              saves=tuple(range(2, 18)), public=False)


def _count(x: Any) -> int:
    """How many elements are not zero: known only when the device has counted."""
    return int(sum_(ne(x, 0)).item())


def _bind_nonzero(input: Any, count: int) -> Any:
    return (input,), {"count": count}


coordinates = planner("_nonzero", _bind_nonzero, kernel.nonzero, family="index", public=False,
                       data_dependent=True)


def _nonzero_samples() -> Any:
    yield (np.array([[1.0, 0.0, 2.0], [0.0, 0.0, -1.0]]),), {}
    yield (np.zeros((2, 0)),), {}
    yield (np.array([True, False, True]),), {}


@composite("index", samples=_nonzero_samples, data_dependent=True,
           reference=lambda x, as_tuple=False: np.stack(np.nonzero(x), 1))
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """int64 coordinates (count, ndim) of the non-zero elements in row-major order.

    ``as_tuple`` gives one 1-d tensor per dimension instead.  Waits for the device.
    """
    if as_tuple and not input.ndim:
        input = input.reshape((1,))
    found = coordinates(input, _count(input))
    return unbind(found, 1) if as_tuple else found


@composite("index", samples=_nonzero_samples, data_dependent=True,
           reference=lambda x: np.argwhere(x))
def argwhere(input: Any) -> Any:
    """Coordinates of the non-zero elements, as ``nonzero``."""
    return nonzero(input)


def _static_samples() -> Any:
    x = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, -1.0]])
    yield (x,), {"size": 2}
    yield (x,), {"size": 5, "fill_value": 7}


def _np_static(x: Any, size: int, fill_value: int = -1) -> Any:
    found = np.argwhere(x)[:size]
    return np.concatenate([found, np.full((size - len(found), x.ndim), fill_value)])


@composite("index", samples=_static_samples, reference=_np_static)
def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """The first ``size`` coordinates of ``nonzero``, filled up with ``fill_value``.

    Raises:
        RuntimeError: a negative size.
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = coordinates(input, min(_count(input), size))
    if found.shape[0] == size:
        return found
    return slice_scatter(found.new_full((size, input.ndim), fill_value), found, 0, 0, found.shape[0])


def _np_unravel(indices: Any, shape: Any) -> Any:
    return np.unravel_index(indices, shape)


@composite("index", method=False, reference=_np_unravel,
           samples=lambda: [((np.array([[1, 5], [23, 0]]), (2, 3, 4)), {}), ((np.array(3), (4,)), {})])
def unravel_index(indices: Any, shape: Any) -> Any:
    """The coordinates, one int64 tensor per dimension, of positions in a row-major tensor of ``shape``.

    Raises:
        TypeError: indices that are not integers.  ValueError: negative sizes.
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if indices.dtype.kind != "int":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    left = indices.to(dt.int64)
    found = []
    for n in reversed(sizes):
        found.append(left.remainder(n))
        left = left.floor_divide(n)
    return tuple(reversed(found))
