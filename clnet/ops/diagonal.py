"""Diagonals: their sum, matrices made of them, and blocks along them."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.layout import wrap_dim
from .declare import composite
from .join import cat
from .shape import ravel
from .view import clone, embed, reshape
from .view import diagonal as diagonal_of


def _sample_calls(shape: tuple[int, ...], *calls: tuple[Any, ...]) -> Any:
    def samples() -> Any:
        for args in calls:
            yield (np.arange(float(math.prod(shape))).reshape(shape), *args), {}
    return samples


@composite("join", samples=_sample_calls((3, 3), ()), reference=np.trace)
def trace(input: Any) -> Any:
    """Sum of a matrix's diagonal.

    Raises:
        RuntimeError: not a matrix.
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return diagonal_of(input).sum()


@composite("join", samples=lambda: [*_sample_calls((3,), (), (1,), (-2,))(), *_sample_calls((3, 4), (1,))()],
           reference=lambda x, diagonal=0: np.diag(x, diagonal))
def diag(input: Any, diagonal: int = 0) -> Any:
    """A vector's diagonal matrix, or a matrix's diagonal."""
    if input.ndim == 2:
        return clone(diagonal_of(input, diagonal))
    if input.ndim != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal)


@composite("join", samples=_sample_calls((2, 3), (), (1,), (-1, 0, 2)),
           reference=lambda x, offset=0, a=-2, b=-1: np.moveaxis(np.stack([np.diag(r, offset) for r in x]),
                                                                 (-2, -1), (a, b)))
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The last dimension put on the diagonal of two new dimensions.

    Raises:
        IndexError: a dimension out of range.  RuntimeError: twice the same, or a 0-d input.
    """
    rank = input.ndim + 1
    a, b = wrap_dim(dim1, rank), wrap_dim(dim2, rank)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    if not input.ndim:
        raise IndexError("diag_embed: the input must have at least one dimension")
    shape = list(input.shape[:-1])
    for d in sorted((a, b)):
        shape.insert(d, input.shape[-1] + abs(offset))
    return embed(input, view=diagonal_of, attrs=(("shift", int(offset)), ("dim1", a), ("dim2", b)),
                 shape=tuple(shape))


@composite("join", samples=_sample_calls((2, 2), (), (1,)), reference=np.diagflat)
def diagflat(input: Any, offset: int = 0) -> Any:
    """A matrix with the flattened input on a diagonal."""
    return diag(ravel(input), offset)


def _block_samples() -> Any:
    yield (np.arange(6.0).reshape(2, 3), np.array(7.0), -np.arange(2.0)), {}
    yield (np.arange(4.0).reshape(2, 2),), {}


def _np_block_diag(*xs: Any) -> Any:
    blocks = [np.atleast_2d(x) for x in xs]
    out = np.zeros(np.sum([x.shape for x in blocks], 0), np.result_type(*blocks))
    row = column = 0
    for x in blocks:
        out[row:row + x.shape[0], column:column + x.shape[1]] = x
        row, column = row + x.shape[0], column + x.shape[1]
    return out


@composite("join", method=False, samples=_block_samples, reference=_np_block_diag)
def block_diag(*tensors: Any) -> Any:
    """Matrices (vectors as rows, numbers as one element) along the diagonal, zeros elsewhere.

    Raises:
        RuntimeError: more than two dimensions.
    """
    for i, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError("torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                               f"{i} has {x.ndim} dimensions")
    if not tensors:
        raise RuntimeError("block_diag expects at least one tensor")
    blocks = [reshape(x, (1,) * (2 - x.ndim) + tuple(x.shape)) for x in tensors]
    dtype = dt.result_type([(x.dtype, 2) for x in blocks], [])
    width, done = sum(x.shape[1] for x in blocks), 0
    rows = []
    for x in blocks:
        height, columns = x.shape
        left, right = x.new_zeros((height, done)), x.new_zeros((height, width - done - columns))
        rows.append(cat([left, x, right], 1).to(dtype))
        done += columns
    return cat(rows, 0)
