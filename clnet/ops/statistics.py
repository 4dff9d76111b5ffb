"""Statistics from several reductions: means without NaNs, covariance, distances, limited norms."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import return_types
from ..core.layout import wrap_dim
from .comparison import clamp, isnan, where
from .complex import conj, real
from .declare import composite
from .diagonal import diag
from .matmul import matmul
from .reduction import amax, amin, vector_norm
from .reduction import sum as sum_
from .view import reshape, unsqueeze


def _data() -> Any:
    return np.random.default_rng(2).permutation(24).reshape(2, 3, 4) / 4 - 1.3


def _samples() -> Any:
    for kw in ({}, {"dim": 1}, {"dim": -1, "keepdim": True}):
        yield (_data(),), kw
    yield (np.array(1.5),), {}


@composite("reduction", samples=_samples,
           reference=lambda x, dim=None, keepdim=False: (
               np.min(x, dim, keepdims=keepdim), np.max(x, dim, keepdims=keepdim)))
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> return_types.aminmax:
    """(smallest, largest) elements, of all or along a dimension; equal ones share the gradient.

    Raises:
        RuntimeError: there are no elements.  IndexError: the dimension has none.
    """
    if dim is not None and not isinstance(dim, int):
        raise TypeError(f"aminmax(): argument 'dim' must be int, not {type(dim).__name__}")
    if dim is not None and input.ndim and not input.shape[wrap_dim(dim, input.ndim)]:
        raise IndexError(f"aminmax(): Expected reduction dim {dim} to have non-zero size.")
    if not input.numel() and dim is None:
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
                           "identity.")
    dims: Any = () if dim is None else dim
    return return_types.aminmax(amin(input, dims, keepdim), amax(input, dims, keepdim))


def _nan_samples() -> Any:
    x = _data()
    x[0, 1, 2] = x[1, 0, :] = np.nan
    for kw in ({}, {"dim": 1}, {"dim": (0, 2), "keepdim": True}):
        yield (x,), kw


def _valid(input: Any) -> Any:
    return where(isnan(input), 0, input)


@composite("reduction", samples=_nan_samples,
           reference=lambda x, dim=None, keepdim=False: np.nansum(x, dim, keepdims=keepdim))
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum of what is no NaN, over dimensions (all by default)."""
    if input.dtype.is_complex:
        raise RuntimeError("nansum does not support complex inputs")
    return sum_(_valid(input) if input.dtype.is_floating_point else input, dim, keepdim, dtype=dtype)


@composite("reduction", samples=_nan_samples,
           reference=lambda x, dim=None, keepdim=False: np.nanmean(x, dim, keepdims=keepdim))
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Mean of what is no NaN, over dimensions (all by default); NaN where nothing is.

    Raises:
        RuntimeError: the elements are integers.
    """
    if not input.dtype.is_inexact:
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but got "
                           f"{input.dtype}")
    count = sum_(isnan(input).logical_not(), dim, keepdim)
    return sum_(_valid(input), dim, keepdim, dtype=dtype) / count


def _pair_samples() -> Any:
    x, y = _data(), _data()[::-1] * 0.5
    for p in (2, 1, float("inf"), 0.5, 3):
        yield (x, y, p), {}


@composite("reduction", samples=_pair_samples,
           reference=lambda x, y, p=2: np.linalg.norm((x - y).ravel(), p))
def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The ``p``-norm of ``input - other``, broadcast.

    Raises:
        RuntimeError: the elements are integers.
    """
    difference = input - other
    if not difference.dtype.is_inexact:
        raise RuntimeError("norm(): input dtype should be either floating point or complex. "
                           f"Got {difference.dtype} instead.")
    return vector_norm(difference, p)


def _np_renorm(x: Any, p: float, dim: int, maxnorm: float) -> Any:
    axes = tuple(d for d in range(x.ndim) if d != dim % x.ndim)
    norms = (np.abs(x) ** p).sum(axes, keepdims=True) ** (1 / p)
    return x * np.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1)


@composite("reduction", inplace=True, reference=_np_renorm,
           samples=lambda: [((_data(), 2, 1, 1.5), {}), ((_data(), 1, -1, 4.0), {})])
def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """The slices along ``dim``, scaled down where their ``p``-norm exceeds ``maxnorm``.

    Raises:
        RuntimeError: fewer than 2 dimensions, or ``p`` or ``maxnorm`` out of range.
    """
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported, got p={p}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    d = dim + input.ndim if dim < 0 else dim
    if not 0 <= d < input.ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-input.ndim}, "
                         f"{input.ndim - 1}], but got {dim})")
    norms = vector_norm(input, p, tuple(e for e in range(input.ndim) if e != d), True)
    factor = where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return input * factor.to(input.dtype)


# Covariance ---

def _weights(name: str, given: Any, count: int, integral: bool) -> None:
    if given.ndim > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                           f"{given.ndim} dimensions")
    if integral == given.dtype.is_inexact or given.dtype is dt.bool_:
        kind = "integral" if integral else "floating point"
        raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {given.dtype} dtype")
    if given.numel() != count:
        raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the "
                           f"input but got {given.numel()} != {count}")
    if count and bool((given < 0).any().item()):
        raise RuntimeError(f"cov(): {name} cannot be negative")


def _cov_samples() -> Any:
    x = _data().reshape(4, 6)
    yield (x,), {}
    yield (x[0],), {}
    yield (x,), {"correction": 0, "fweights": np.array([1, 2, 1, 0, 3, 1])}
    yield (x,), {"aweights": np.array([0.5, 1.0, 2.0, 0.25, 1.0, 0.1])}


@composite("reduction", samples=_cov_samples, reference=lambda x, correction=1, fweights=None, aweights=None: np.cov(
    x, ddof=correction, fweights=fweights, aweights=aweights))
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of variables (rows) over observations (columns).

    Args:
        correction: subtracted from the number of observations in the divisor.
        fweights: integers, how often each observation counts; ``aweights``: its importance.

    Raises:
        RuntimeError: more than two dimensions, bool elements, or weights that don't fit.
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with "
                           f"{input.ndim} dimensions")
    if input.dtype is dt.bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    rows = input if input.ndim == 2 else reshape(input, (1, -1))
    if not rows.dtype.is_inexact:
        rows = rows.to(dt.get_default_dtype())
    count = rows.shape[1]
    weight = None
    if fweights is not None:
        _weights("fweights", fweights, count, True)
        weight = fweights
    if aweights is not None:
        _weights("aweights", aweights, count, False)
        weight = aweights if weight is None else weight * aweights
    if weight is None:
        average = sum_(rows, 1, True) / count
        divisor: Any = max(count - correction, 0)
        if count - correction <= 0:
            warnings.warn("cov(): degrees of freedom is <= 0", UserWarning, stacklevel=2)
    else:
        weight = reshape(weight, (1, -1))
        total = sum_(weight)
        if count and not bool((total != 0).item()):
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        average = sum_(rows * weight, 1, True) / total
        divisor = total - correction
        if aweights is not None and correction:
            divisor = total - correction * sum_(weight * aweights) / total
        elif aweights is not None:
            divisor = total
        divisor = clamp(divisor, min=0)
    centred = rows - average
    weighted = centred if weight is None else (centred * weight).to(centred.dtype)
    product = matmul(centred, conj(weighted).t())
    product = product / (divisor if isinstance(divisor, int) else divisor.to(real(product).dtype))
    return product if input.ndim == 2 and input.shape[0] != 1 else reshape(product, ())


@composite("reduction", samples=lambda: list(_cov_samples())[:2], reference=np.corrcoef)
def corrcoef(input: Any) -> Any:
    """The matrix of Pearson's correlation coefficients of variables (rows).

    Raises:
        RuntimeError: more than two dimensions.
    """
    if input.ndim > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got an input with "
                           f"{input.ndim} dimensions")
    found = cov(input)
    if not found.ndim:
        return found / found
    spread = real(diag(found)).sqrt()
    found = found / unsqueeze(spread, 1) / unsqueeze(spread, 0)
    return found if found.dtype.is_complex else clamp(found, -1, 1)
