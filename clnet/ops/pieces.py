"""Tensors taken apart at given places, as views."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.layout import wrap_dim
from .declare import composite
from .view import chunk, narrow, split


def _samples(*calls: tuple[tuple[int, ...], Any]) -> Any:
    def generate() -> Any:
        for shape, args in calls:
            yield (np.arange(float(math.prod(shape))).reshape(shape), *args), {}
    return generate


@composite("view", samples=_samples(((5, 2), ([1, 4],)), ((2, 6), ([2, 4], 1))), aliases=("unsafe_split_with_sizes",),
           reference=lambda x, s, d=0: np.split(x, np.cumsum(s)[:-1], d))
def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of the given sizes.

    Raises:
        RuntimeError: the sizes don't add up to the dimension's.
    """
    return split(input, list(split_sizes), dim)


@composite("view", samples=_samples(((5, 2), (2,)), ((2, 6), (4, 1))),
           reference=lambda x, s, d=0: np.split(x, range(s, x.shape[d], s), d))
def unsafe_split(input: Any, split_size: Any, dim: int = 0) -> tuple[Any, ...]:
    """``split``: here its pieces may always be written to."""
    return split(input, split_size, dim)


@composite("view", samples=_samples(((5, 2), (2,))),
           reference=lambda x, c, d=0: np.split(x, range(-(-x.shape[d] // c), x.shape[d], -(-x.shape[d] // c)), d))
def unsafe_chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """``chunk``: here its pieces may always be written to."""
    return chunk(input, chunks, dim)


def _places(given: Any) -> Any:
    """A number of sections or a list of indices, from those or a tensor of them.

    Raises:
        RuntimeError: a tensor that is not one or zero dimensions of int64.
    """
    if isinstance(given, (int, list, tuple)):
        return given
    if given.dtype is not dt.int64 or given.ndim > 1:
        raise RuntimeError("tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                           f"one-dimensional int64 tensor, but got {given.ndim} dimensions of {given.dtype}")
    return given.tolist()


@composite("view", samples=_samples(((5, 3), (2,)), ((5, 3), ((1, 4),)), ((5, 3), (3, 1))),
           reference=lambda x, k, d=0: np.array_split(x, k if isinstance(k, int) else list(k), d))
def tensor_split(input: Any, indices_or_sections: Any = None, dim: int = 0, *, indices: Any = None,
                 sections: Any = None) -> tuple[Any, ...]:
    """Views of a dimension's parts: that many of nearly equal size, or split at the indices.

    Raises:
        RuntimeError: a 0-d input, no sections, or indices of another kind.
    """
    if not input.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    given = next(v for v in (indices_or_sections, indices, sections, 0) if v is not None)
    places = _places(given)
    d = wrap_dim(dim, input.ndim)
    n = input.shape[d]
    if isinstance(places, int):
        if places <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {places}")
        ends = [n // places * (i + 1) + min(i + 1, n % places) for i in range(places)]
    else:
        ends = [min(max(i + n if i < 0 else i, 0), n) for i in places] + [n]
    starts = [0, *ends[:-1]]
    return tuple(narrow(input, d, a, max(b - a, 0)) for a, b in zip(starts, ends))


def _divided(name: str, input: Any, given: Any, dim: int, least: int) -> tuple[Any, ...]:
    if input.ndim < least:
        raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension"
                           f"{'s' if least > 1 else ''}, but got a tensor with {input.ndim} dimensions!")
    if isinstance(given, int) and (given <= 0 or input.shape[dim] % given):
        raise RuntimeError(f"torch.{name} attempted to split along dimension {dim}, but the size of the "
                           f"dimension {input.shape[dim]} is not divisible by the split_size {given}!")
    return tensor_split(input, given, dim)


@composite("view", samples=_samples(((4,), (2,)), ((2, 4), ([1, 3],))), reference=np.hsplit)
def hsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Equal parts, or parts at the indices, of the columns (of the elements of a 1-d tensor).

    Raises:
        RuntimeError: a 0-d tensor, or a size that the number of sections does not divide.
    """
    return _divided("hsplit", input, indices_or_sections, 1 if input.ndim > 1 else 0, 1)


@composite("view", samples=_samples(((4, 3), (2,)), ((4, 3), ([1, 3],))), reference=np.vsplit)
def vsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Equal parts, or parts at the indices, of the rows.

    Raises:
        RuntimeError: fewer than two dimensions, or a size that the number of sections does not divide.
    """
    return _divided("vsplit", input, indices_or_sections, 0, 2)


@composite("view", samples=_samples(((2, 3, 4), (2,)), ((2, 3, 4), ([1, 3],))), reference=np.dsplit)
def dsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Equal parts, or parts at the indices, of the third dimension.

    Raises:
        RuntimeError: fewer than three dimensions, or a size that the number of sections does not divide.
    """
    return _divided("dsplit", input, indices_or_sections, 2, 3)
