"""Softmax along ``attrs["dim"]``, normalisation over ``attrs["dims"]``, and their backwards."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


def log_softmax(x: Any, dim: int) -> Any:
    """The logarithms of the shares of the exponentials along a dimension."""
    shifted = x - np.max(x, dim, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), dim, keepdims=True))


def _sum(x: Any, dim: int) -> Any:
    """The sums along a dimension, kept; a 0-d array is a row of one element."""
    return np.sum(x, dim, keepdims=True) if np.ndim(x) else x


@statements.of("log_softmax")
def _log(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return _row(arrays[0], attrs["dim"], log_softmax)


@statements.of("softmax")
def _softmax(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return np.exp(_row(arrays[0], attrs["dim"], log_softmax))


def _row(x: Any, dim: int, compute: Any) -> Any:
    if not np.size(x):
        return x
    return compute(np.atleast_1d(x), dim).reshape(np.shape(x))


@statements.of("_softmax_backward")
def _softmax_backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    g, p = arrays
    return (g - _sum(g * p, attrs["dim"])) * p


@statements.of("_log_softmax_backward")
def _log_softmax_backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    g, logs = arrays
    return g - np.exp(logs) * _sum(g, attrs["dim"])


@statements.of("_normalize")
def _normalize(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """y, the mean, 1 / sqrt(variance + eps), and with ``spread`` the unbiased variance."""
    x, eps, *affine = arrays
    dims = attrs["dims"]
    if not x.size:
        kept = np.zeros([1 if d in dims else n for d, n in enumerate(x.shape)])
        return (x, kept, kept, kept)[:4 if attrs["spread"] else 3]
    mean = np.mean(x, dims, keepdims=True)
    variance = np.mean((x - mean) ** 2, dims, keepdims=True)
    scale = 1 / np.sqrt(variance + x.dtype.type(eps))
    y = (x - mean) * scale
    if attrs["weight"]:
        y = y * affine[0]
    if attrs["bias"]:
        y = y + affine[-1]
    count = x.size // mean.size
    return (y, mean, scale, variance * (count / max(count - 1, 1)))[:4 if attrs["spread"] else 3]


@statements.of("_normalize_backward")
def _normalize_backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The cotangent of x from (g, x, mean, scale, weight if any)."""
    g, x, mean, scale, *weight = arrays
    if not x.size:
        return x
    dims = attrs["dims"]
    h = g * weight[0] if weight else g
    normal = (x - mean) * scale
    return (h - np.mean(h, dims, keepdims=True) - normal * np.mean(h * normal, dims, keepdims=True)) * scale


@statements.of("_normalize_rows_backward")
def _normalize_rows_backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Cotangents of x, weight and bias of a layer norm over the weight's dimensions."""
    g, x, mean, scale, weight = arrays
    first = x.ndim - weight.ndim
    dims, rest = tuple(range(first, x.ndim)), tuple(range(first))
    dx = _normalize_backward(arrays, layouts, {"dims": dims})
    return dx, np.sum(g * (x - mean) * scale, rest), np.sum(g, rest)


@statements.of("_weight_gradient")
def _weight_gradient(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    g, x, mean, scale = arrays
    return np.sum(g * ((x - mean) * scale), attrs["dims"], keepdims=True)
