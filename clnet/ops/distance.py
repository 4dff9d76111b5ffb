"""Norms of vectors, and distances and angles between them."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from .arithmetic import sqrt
from .comparison import lt
from .declare import composite, operand_dtype
from .gather import index_select
from .index import coordinates
from .reduction import sum as sum_
from .reduction import vector_norm
from .shape import broadcast_tensors
from .view import unbind

# Added to squared lengths by the cosine of ``cosine_embedding_loss``.
_SQUARE_EPSILON = 1e-12


def _data(phase: float = 0.0) -> Any:
    return np.sin(np.arange(12.0) ** 1.3 + phase).reshape(3, 4) * 1.5


def _np_norm(x: Any, p: float, axis: int = -1, keepdims: bool = False) -> Any:
    return np.linalg.norm(x, p, axis=axis, keepdims=keepdims)


def _pair_samples() -> Any:
    yield (_data(), _data(1.0)), {}
    yield (_data(), _data(1.0)), {"p": 1.0, "keepdim": True}
    yield (_data(), _data(1.0)[:1]), {"p": 3.0}


@composite("distance", method=False, samples=_pair_samples,
           reference=lambda a, b, p=2.0, eps=1e-6, keepdim=False: _np_norm(a - b + eps, p, -1, keepdim))
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The norm of order ``p`` of ``x1 - x2 + eps`` along the last dimension."""
    if not operand_dtype([x1.layout, x2.layout]).is_inexact:
        x1 = x1.to(dt.get_default_dtype())
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


def _np_cosine(a: Any, b: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    a, b = np.broadcast_arrays(a, b)
    lengths = [np.maximum(_np_norm(x, 2, dim, True), eps) for x in (a, b)]
    return (a / lengths[0] * (b / lengths[1])).sum(dim)


@composite("distance", method=False, samples=lambda: [((_data(), _data(1.0)), {}),
                                                      ((_data(), _data(1.0)[:1]), {"dim": 0})],
           reference=_np_cosine)
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Cosines of the angles between vectors along ``dim``; their lengths count as ``eps`` at least.

    Raises:
        RuntimeError: integers.
    """
    common = operand_dtype([x1.layout, x2.layout])
    if not common.is_inexact:
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {common}")
    a, b = x1.to(common), x2.to(common)
    lengths = [vector_norm(x, 2, dim, True).clamp(min=eps) for x in broadcast_tensors(a, b)]
    return sum_(a / lengths[0] * (b / lengths[1]), dim)


def cosine_distances(x1: Any, x2: Any) -> Any:
    """Cosines along the last dimension, the squared lengths larger by 1e-12."""
    squares = [sum_(x * x, -1) + _SQUARE_EPSILON for x in (x1, x2)]
    return sum_(x1 * x2, -1) / sqrt(squares[0] * squares[1])


def _np_normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    return x / np.maximum(_np_norm(x, p, dim, True), eps)


@composite("distance", namespace="nn.functional", method=False, reference=_np_normalize,
           samples=lambda: [((_data(),), {}), ((_data(),), {"p": 3.0, "dim": 0})])
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """``input`` over its norm of order ``p`` along ``dim``, which counts as ``eps`` at least."""
    return input / vector_norm(input, p, dim, True).clamp(min=eps)


def _np_pdist(x: Any, p: float = 2.0) -> Any:
    i, j = np.triu_indices(len(x), 1)
    return _np_norm(x[i] - x[j], p)


@composite("distance", method=False, reference=_np_pdist,
           samples=lambda: [((_data(),), {}), ((_data(),), {"p": 1.0}), ((_data(),), {"p": 3.0})])
def pdist(input: Any, p: float = 2.0) -> Any:
    """Distances of order ``p`` between all pairs of rows (N, M): N * (N - 1) / 2, by first row.

    Raises:
        RuntimeError: not 2-d, or a negative order.
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    if not input.dtype.is_floating_point:
        raise RuntimeError("pdist only supports floating-point dtypes")
    n = input.shape[0]
    later = lt(input.new_range(n).unsqueeze(1), input.new_range(n))
    first, second = (index_select(input, 0, i) for i in unbind(coordinates(later, n * (n - 1) // 2), 1))
    if not input.shape[1]:
        return sum_(first, 1)
    between = first - second
    lengths = vector_norm(between, p, 1)
    # Counts of differing elements have a gradient too: zero.
    return lengths if p else lengths + sum_(between * 0.0, 1)
