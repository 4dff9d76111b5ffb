"""Whether tensors are equal, exactly or within tolerances."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from .comparison import eq, isfinite, isnan, le
from .declare import composite
from .reduction import all as all_


def _samples() -> Any:
    x = np.array([1.0, 2.0, np.nan, np.inf])
    yield (x, x + 1e-9), {}
    yield (x, x * 1.1), {"rtol": 0.2}
    yield (x, x), {"equal_nan": True}


@composite("comparison", samples=_samples,
           reference=lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: np.isclose(a, b, rtol, atol, equal_nan))
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether ``|input - other| <= atol + rtol * |other|``, element by element."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"rtol and atol must be greater than or equal to zero, but got {rtol} and {atol}")
    close = eq(input, other)
    if equal_nan and input.dtype.is_inexact:
        close = close | (isnan(input) & isnan(other))
    if rtol == 0 and atol == 0 or input.dtype is dt.bool_:
        return close
    difference = (input - other).abs()
    return close | (isfinite(difference) & le(difference, (other * rtol).abs() + atol))


@composite("comparison", samples=_samples,
           reference=lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: np.allclose(a, b, rtol, atol, equal_nan))
def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close (a Python bool; waits for the device)."""
    return bool(all_(isclose(input, other, rtol, atol, equal_nan)).item())


@composite("comparison", samples=lambda: [((np.arange(3.0), np.arange(3.0)), {}),
                                          ((np.arange(3.0), np.arange(4.0)), {})],
           reference=np.array_equal)
def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have one shape and equal elements (a Python bool; waits for the device)."""
    return tuple(input.shape) == tuple(other.shape) and bool(all_(eq(input, other)).item())
