"""Variance and standard deviation, alone and beside the mean."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import layout as lay
from .comparison import eq, where
from .complex import conj, real
from .declare import composite
from .reduction import axes, mean, reduction_samples
from .reduction import sum as sum_


def _spread(x: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Any:
    """(sum of squared deviations, divisor)."""
    if not x.dtype.is_inexact:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    dof = correction if correction is not None else (1 if unbiased is None or unbiased else 0)
    dims = lay.wrap_dims(dim, x.ndim)
    centred = x - mean(x, dims, True) if dims else x - x
    squares = real(centred * conj(centred))
    total = sum_(squares, dims, keepdim) if dims else squares
    n = math.prod(x.shape[d] for d in dims)
    return total, n - dof if n > dof else 0


def _var_samples() -> Any:
    yield from ((a, k) for a, k in reduction_samples() if a[0].size > 1)
    x = np.linspace(0, 1, 12).reshape(3, 4)
    yield (x,), {"dim": 0, "correction": 0}
    yield (x,), {"dim": 1, "unbiased": False}


def _np_var(x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    dof = correction if correction is not None else int(unbiased is None or unbiased)
    return np.var(x, axes(dim), ddof=dof, keepdims=keepdim)


@composite("reduction", samples=_var_samples, reference=_np_var)
def var(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *,
        correction: Any = None) -> Any:
    """Variance over dimensions, divided by ``N - correction`` (1 by default)."""
    total, n = _spread(input, dim, unbiased, keepdim, correction)
    return total / n


@composite("reduction", samples=_var_samples, reference=lambda x, **k: np.sqrt(_np_var(x, **k)))
def std(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *,
        correction: Any = None) -> Any:
    """Standard deviation over dimensions, with divisor ``N - correction`` (1 by default)."""
    total, n = _spread(input, dim, unbiased, keepdim, correction)
    spread = total / n
    # As in PyTorch, equal elements have derivative 0, where the root's is infinite.
    equal = eq(spread, 0)
    return where(equal, 0.0, where(equal, 1.0, spread).sqrt())


@composite("reduction", samples=_var_samples, method=False,
           reference=lambda x, dim=None, **k: (
               _np_var(x, dim, **k), np.mean(x, axes(dim), keepdims=k.get("keepdim", False))))
def var_mean(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *,
             correction: Any = None) -> tuple[Any, Any]:
    """Variance and mean over dimensions."""
    return (var(input, dim, unbiased, keepdim, correction=correction),
            mean(input, None if isinstance(dim, bool) else dim, keepdim))


def _std_samples() -> Any:
    x = np.linspace(-2.0, 2.0, 24).reshape(2, 3, 4) ** 3 + 0.1
    for kw in ({}, {"dim": (0, 2)}, {"dim": 1, "correction": 0, "keepdim": True}):
        yield (x,), kw


def _np_std_mean(x: Any, dim: Any = None, keepdim: bool = False, correction: int = 1) -> Any:
    return np.std(x, dim, ddof=correction, keepdims=keepdim), np.mean(x, dim, keepdims=keepdim)


@composite("reduction", samples=_std_samples, reference=_np_std_mean, method=False)
def std_mean(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *,
             correction: Any = None) -> tuple[Any, Any]:
    """Standard deviation (divisor ``N - correction``) and mean over dimensions."""
    return (std(input, dim, unbiased, keepdim, correction=correction),
            mean(input, None if isinstance(dim, bool) else dim, keepdim))
