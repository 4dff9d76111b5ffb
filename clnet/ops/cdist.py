"""Distances between all rows of two matrices."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from .comparison import where as choose
from .declare import composite
from .host import scalar_name
from .matmul import matmul
from .reduction import sum as sum_
from .reduction import vector_norm
from .view import transpose, unsqueeze


def _array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(sum(shape) + seed).uniform(-1.0, 1.0, shape)


def _by_products(a: Any, b: Any) -> Any:
    """Euclidean distances from |a|^2 + |b|^2 - 2 a b, which costs accuracy where rows are close."""
    squares = sum_(a * a, -1, True) + transpose(sum_(b * b, -1, True), -1, -2) - 2 * matmul(a, transpose(b, -1, -2))
    near = squares <= 0
    return choose(near, 0.0, choose(near, 1.0, squares).sqrt())


_MODES = {"use_mm_for_euclid_dist_if_necessary": None, "use_mm_for_euclid_dist": True,
          "donot_use_mm_for_euclid_dist": False}
# Rows from which the default mode forms a product, as in PyTorch.
_MANY_ROWS = 25


def _np_cdist(a: Any, b: Any, p: float = 2.0, compute_mode: str = "") -> Any:
    gap = np.abs(a[..., :, None, :] - b[..., None, :, :])
    return np.linalg.norm(gap, p, -1)


def _distance_samples() -> Any:
    a, b = _array(2, 4, 3), _array(2, 5, 3, seed=1)
    for p in (2.0, 1.0, 0.0, 3.0, 0.5, math.inf):
        yield (a, b, p), {}
    yield (a, b[0]), {"compute_mode": "use_mm_for_euclid_dist"}


@composite("linalg", method=False, samples=_distance_samples, reference=_np_cdist)
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """Distances (..., m, n) of order ``p`` between the rows of x1 (..., m, k) and of x2 (..., n, k).

    Euclidean ones of more than 25 rows come from a matrix product, unless ``compute_mode`` forbids it;
    the gradient where rows coincide is zero.

    Raises:
        RuntimeError: other than floating elements, shapes or dtypes that don't match, a negative order.
        ValueError: an unknown mode.
    """
    for name, x in (("X1", x1), ("X2", x2)):
        if x.dtype.kind != "float":
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {scalar_name(x)}")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
        if x.dtype in (dt.float16, dt.bfloat16):
            raise NotImplementedError(f"\"cdist\" not implemented for '{scalar_name(x)}'")
    if x1.dtype is not x2.dtype:
        raise RuntimeError(f"expected scalar type {scalar_name(x1)} but found {scalar_name(x2)}")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    product = _MODES[compute_mode]
    if product is None:
        product = x1.shape[-2] > _MANY_ROWS or x2.shape[-2] > _MANY_ROWS
    if p == 2 and product and x1.shape[-1]:
        return _by_products(x1, x2)
    gaps = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    return vector_norm(gaps, p, -1) if x1.shape[-1] else sum_(gaps, -1)
