"""Operators over the elements that a mask keeps, under PyTorch's path ``torch.masked``."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from ..kernels.reduction import reduced_shape
from . import reduction, rowwise, scan
from .arithmetic import maximum
from .comparison import isnan, where
from .complex import conj
from .declare import composite
from .elementary import logaddexp as plain_logaddexp
from .select import nanmedian
from .view import expand

_INTEGERS = {"int8": 7, "int16": 15, "int32": 31, "int64": 63}


def _masked(family: str = "reduction", **fields: Any) -> Any:
    return composite(family, namespace="masked", method=False, **fields)


def _mask(input: Any, mask: Any) -> Any:
    """The mask as bool in the input's shape.

    Raises:
        IndexError: it has more dimensions than the input.
    """
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the "
                         f"input: {mask.ndim} and {input.ndim})")
    mask = mask if mask.dtype is dt.bool_ else mask.to(dt.bool_)
    return mask if tuple(mask.shape) == tuple(input.shape) else expand(mask, tuple(input.shape))


def _kept(input: Any, mask: Any, identity: Any) -> Any:
    """The input with ``identity`` where the mask is False."""
    return input if mask is None else where(_mask(input, mask), input, identity)


def _extreme(input: Any, upper: bool) -> Any:
    """The largest (smallest) number of the dtype."""
    if input.dtype.is_floating_point:
        return math.inf if upper else -math.inf
    if input.dtype is dt.uint8:
        return 255 if upper else 0
    if input.dtype.name not in _INTEGERS:
        raise NotImplementedError(f"masked extremes are not defined for {input.dtype}")
    bits = _INTEGERS[input.dtype.name]
    return (1 << bits) - 1 if upper else -(1 << bits)


def _dims(dim: Any, ndim: int) -> tuple[int, ...]:
    return lay.wrap_dims(dim, ndim)


# Samples: every row keeps at least two elements ---

def _data() -> tuple[Any, Any]:
    x = np.random.default_rng(9).permutation(24).reshape(4, 6) / 4 - 2.3
    mask = np.array([[1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 0]], "bool")
    return x, mask


def _samples() -> Any:
    x, mask = _data()
    for kw in ({}, {"dim": 1, "mask": mask}, {"dim": (0, 1), "mask": mask[:1], "keepdim": True}):
        yield (x,), kw


def _line_samples() -> Any:
    x, mask = _data()
    yield (x, 1), {"mask": mask}
    yield (x, 0), {}


def _numpy(f: Any) -> Any:
    """A reference over masked arrays, from one over (values, mask) of a line."""
    def reference(x: Any, dim: Any = None, keepdim: bool = False, mask: Any = None) -> Any:
        mask = np.broadcast_to(True if mask is None else mask, x.shape)
        axis = tuple(range(x.ndim)) if dim is None else dim
        out = f(np.ma.array(x, mask=~mask), axis)
        out = np.asarray(np.ma.filled(out, np.nan) if np.ma.isMaskedArray(out) else out)
        return np.expand_dims(out, axis) if keepdim else out
    return reference


# Reductions ---

@_masked(samples=_samples, reference=_numpy(lambda x, axis: x.sum(axis)))
def sum(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Sum of what the mask keeps, over dimensions (all by default); 0 of nothing."""
    return reduction.sum(_kept(input, mask, 0), _dims(dim, input.ndim), bool(keepdim), dtype=dtype)


@_masked(samples=_samples, reference=_numpy(lambda x, axis: x.prod(axis)))
def prod(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Product of what the mask keeps, over dimensions (all by default); 1 of nothing."""
    result = _kept(input, mask, 1)
    if dtype is None and not input.dtype.is_inexact:
        dtype = dt.int64
    for d in reversed(_dims(dim, input.ndim)):
        result = reduction.prod(result, d, bool(keepdim), dtype=dtype)
    return result if dtype is None else result.to(dtype)


@_masked(samples=_samples, reference=_numpy(lambda x, axis: x.max(axis)))
def amax(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Largest element that the mask keeps, over dimensions; the dtype's smallest of nothing."""
    kept = _kept(input, mask, _extreme(input, False))
    return reduction.amax(kept, _dims(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


@_masked(samples=_samples, reference=_numpy(lambda x, axis: x.min(axis)))
def amin(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Smallest element that the mask keeps, over dimensions; the dtype's largest of nothing."""
    kept = _kept(input, mask, _extreme(input, True))
    return reduction.amin(kept, _dims(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def _one_dim() -> Any:
    yield from ((a, k) for a, k in _samples() if not isinstance(k.get("dim"), tuple))


def _np_arg(f: Any, fill: float) -> Any:
    def reference(x: Any, dim: Any = None, mask: Any = None) -> Any:
        x = np.asarray(x, "float64")
        return np.asarray(f(x if mask is None else np.where(mask, x, fill), dim)).astype("float64")
    return reference


@_masked(samples=_one_dim, reference=_np_arg(np.argmax, -np.inf))
def argmax(input: Any, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Index of the largest element that the mask keeps, as ``dtype`` (the input's by default)."""
    kept = _kept(input, mask, _extreme(input, False))
    return reduction.argmax(kept, dim, bool(keepdim)).to(dtype or input.dtype)


@_masked(samples=_one_dim, reference=_np_arg(np.argmin, np.inf))
def argmin(input: Any, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Index of the smallest element that the mask keeps, as ``dtype`` (the input's by default)."""
    kept = _kept(input, mask, _extreme(input, True))
    return reduction.argmin(kept, dim, bool(keepdim)).to(dtype or input.dtype)


def _count(input: Any, dim: Any, keepdim: bool, mask: Any) -> Any:
    dims = _dims(dim, input.ndim)
    if mask is None:
        return input.new_full(reduced_shape(input.shape, dims, keepdim), math.prod(input.shape[d] for d in dims),
                              dtype=dt.int64)
    return reduction.sum(_mask(input, mask), dims, keepdim)


@_masked(samples=_samples, reference=_numpy(lambda x, axis: x.mean(axis)))
def mean(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Mean of what the mask keeps, over dimensions (all by default); NaN of nothing.

    Raises:
        ValueError: integers without a floating ``dtype``.
    """
    if not (dtype or input.dtype).is_inexact:
        raise ValueError("mean(): Could not infer output dtype. Input dtype must be either a floating point or "
                         f"complex dtype. Got: {dtype or input.dtype}")
    total = sum(input, dim, keepdim=keepdim, dtype=dtype or input.dtype, mask=mask)
    return total / _count(input, dim, bool(keepdim), mask)


def _np_middle(x: Any, dim: int = -1, mask: Any = None) -> Any:
    x = np.where(True if mask is None else mask, x, np.nan)
    return np.apply_along_axis(lambda line: np.sort(line)[(np.sum(~np.isnan(line)) - 1) // 2], dim, x)


@_masked(samples=_line_samples, reference=_np_middle)
def median(input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Lower median of what the mask keeps along a dimension; NaN of nothing.

    Raises:
        ValueError: nothing is kept somewhere, and integers have no NaN.
    """
    floating = input.dtype.is_floating_point
    kept = _kept(input if floating else input.to(dt.float32), mask, math.nan)
    found = nanmedian(kept, _dims(dim, input.ndim)[0] if input.ndim else 0, keepdim)[0]
    if floating:
        return found
    if found.numel() and bool(reduction.any(isnan(found)).item()):
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return found.to(dtype or input.dtype)


@_masked(samples=_samples, reference=_numpy(lambda x, axis: np.log(np.exp(x).sum(axis))))
def logsumexp(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Logarithm of the sum of exponentials of what the mask keeps, over dimensions."""
    identity = -math.inf if input.dtype.is_inexact else _extreme(input, False)
    found = reduction.logsumexp(_kept(input, mask, identity), _dims(dim, input.ndim), keepdim)
    return found.to(dtype or input.dtype)


def _norm_samples() -> Any:
    x, mask = _data()
    for order in (2, 1, math.inf, 3):
        yield (x, order, 1), {"mask": mask}


def _np_norm(x: Any, order: float, dim: Any, mask: Any) -> Any:
    return np.linalg.norm(np.where(mask, x, 0), order, dim)


@_masked(samples=_norm_samples, reference=_np_norm)
def norm(input: Any, ord: Any = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None,
         mask: Any = None) -> Any:
    """Vector norm of what the mask keeps, over dimensions (all by default)."""
    order = 2.0 if ord is None else ord
    kept = _kept(input, mask, math.inf if order == -math.inf else 0)
    return reduction.vector_norm(kept, order, _dims(dim, input.ndim), bool(keepdim), dtype=dtype or input.dtype)


def _variance(input: Any, dim: Any, unbiased: Any, correction: Any, keepdim: bool, dtype: Any, mask: Any) -> Any:
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    taken = correction if correction is not None else 1 if unbiased is None or unbiased else 0
    result = dtype or (input.dtype if input.dtype.is_inexact else dt.float32)
    held = result if result.is_inexact else dt.float32
    centre = sum(input, dim, keepdim=True, dtype=held, mask=mask) / _count(input, dim, True, mask)
    apart = input - centre
    total = sum(apart * conj(apart), dim, keepdim=keepdim, dtype=held, mask=mask)
    count = _count(input, dim, bool(keepdim), mask).to(held.to_real())
    if taken:
        count = maximum(count - float(taken), count.new_zeros(()))
    return (total / count).to(result)


def _var_samples() -> Any:
    x, mask = _data()
    yield (x,), {"dim": 1, "mask": mask}
    yield (x,), {"dim": (0, 1), "keepdim": True, "correction": 0}


def _np_var(x: Any, dim: Any, mask: Any = None, keepdim: bool = False, correction: int = 1) -> Any:
    return _numpy(lambda m, axis: m.var(axis, ddof=correction))(x, dim, keepdim, mask)


@_masked(samples=_var_samples, reference=_np_var)
def var(input: Any, dim: Any = None, unbiased: Any = None, *, correction: Any = None, keepdim: bool = False,
        dtype: Any = None, mask: Any = None) -> Any:
    """Variance of what the mask keeps, divided by its number less ``correction`` (1)."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask)


@_masked(samples=_var_samples, reference=lambda *a, **k: np.sqrt(_np_var(*a, **k)))
def std(input: Any, dim: Any = None, unbiased: Any = None, *, correction: Any = None, keepdim: bool = False,
        dtype: Any = None, mask: Any = None) -> Any:
    """Standard deviation of what the mask keeps, with divisor its number less ``correction`` (1)."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


# Along lines ---

def _np_softmax(x: Any, dim: int, mask: Any = None) -> Any:
    x = np.where(True if mask is None else mask, x, -np.inf)
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


@_masked("rowwise", samples=_line_samples, reference=_np_softmax)
def softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Softmax along a dimension of what the mask keeps; 0 elsewhere, NaN where nothing is kept."""
    return rowwise.softmax(_kept(input, mask, _extreme(input, False)), dim, dtype=dtype or input.dtype)


@_masked("rowwise", samples=lambda: [((_data()[0], d), {}) for d in (0, 1)],
         reference=lambda x, dim, mask=None: np.log(np.maximum(_np_softmax(x, dim, mask), 0)))
def log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Logarithm of the softmax along a dimension of what the mask keeps; -inf elsewhere."""
    return rowwise.log_softmax(_kept(input, mask, _extreme(input, False)), dim, dtype=dtype or input.dtype)


@_masked("rowwise", samples=_line_samples, reference=lambda x, dim, mask=None: _np_softmax(-x, dim, mask))
def softmin(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Softmax of the negated elements that the mask keeps, along a dimension; 0 elsewhere."""
    return rowwise.softmax(-_kept(input, mask, _extreme(input, True)), dim, dtype=dtype or input.dtype)


def _np_normalize(x: Any, order: float, dim: int, mask: Any = None) -> Any:
    x = np.where(True if mask is None else mask, x, 0)
    return x / np.linalg.norm(x, order, dim, keepdims=True)


@_masked("rowwise", samples=lambda: (((a[0], 2.0, a[1]), k) for a, k in _line_samples()), reference=_np_normalize)
def normalize(input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None) -> Any:
    """What the mask keeps divided by its norm along a dimension; 0 elsewhere."""
    length = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _kept(input, mask, 0) / maximum(length, length.new_full((), eps))


@_masked("scan", samples=_line_samples,
         reference=lambda x, dim, mask=None: np.cumsum(np.where(True if mask is None else mask, x, 0), dim))
def cumsum(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Running sums along a dimension of what the mask keeps."""
    return scan.cumsum(_kept(input, mask, 0), dim, dtype=dtype or input.dtype)


@_masked("scan", samples=_line_samples,
         reference=lambda x, dim, mask=None: np.cumprod(np.where(True if mask is None else mask, x, 1), dim))
def cumprod(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Running products along a dimension of what the mask keeps."""
    return scan.cumprod(_kept(input, mask, 1), dim, dtype=dtype or input.dtype)


@_masked("elementwise", samples=lambda: [((_data()[0], _data()[0] * 0.5), {}),
                                         ((_data()[0], _data()[0] * 0.5), {"input_mask": _data()[1]})],
         reference=lambda x, y, input_mask=True: np.logaddexp(np.where(input_mask, x, -np.inf), y))
def logaddexp(input: Any, other: Any, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None) -> Any:
    """``log(exp(input) + exp(other))`` of what the masks keep."""
    pair = (_kept(input, input_mask, _extreme(input, False)), _kept(other, other_mask, _extreme(other, False)))
    return plain_logaddexp(*pair).to(dtype or input.dtype)
