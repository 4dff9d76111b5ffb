"""Running sums, products and extremes along ``attrs["dim"]``."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


def _scanned(compute: Any) -> Any:
    def statement(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
        x, dim = arrays[0], attrs["dim"]
        if not np.ndim(x):
            got = compute(np.atleast_1d(x), 0)
            return tuple(g[0] for g in got) if isinstance(got, tuple) else got[0]
        if attrs.get("reverse"):
            return np.flip(compute(np.flip(x, dim), dim), dim)
        return compute(x, dim)
    return statement


def _widened(statement: Any) -> Any:
    """The statement on elements of the result's type (integers: of 64 bits)."""
    def wide(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
        kind = attrs["dtype"]
        held = kind.storage if kind.is_inexact and kind.itemsize > 2 else np.dtype(
            "float32" if kind.is_inexact else "int64")
        return statement([np.asarray(arrays[0]).astype(held)], layouts, attrs)
    return wide


statements.of("_cumsum")(_widened(_scanned(lambda x, d: np.cumsum(x, d))))
statements.of("_cumprod")(_widened(_scanned(lambda x, d: np.cumprod(x, d))))


def _log_sums(x: Any, dim: int) -> Any:
    if x.dtype.kind != "c":
        return np.logaddexp.accumulate(x, dim)
    y = np.moveaxis(x, dim, 0).copy()
    for before, i in zip(range(len(y)), range(1, len(y))):
        low, high = np.where(y[i].real < y[before].real, (y[i], y[before]), (y[before], y[i]))
        y[i] = np.where(np.isneginf(high.real), high, high + np.log1p(np.exp(low - high)))
    return np.moveaxis(y, 0, dim)


statements.of("logcumsumexp")(_scanned(_log_sums))


def _running(x: Any, dim: int, extreme: Any) -> Any:
    values = extreme.accumulate(x, dim)
    # The last of equals so far, as PyTorch's.
    count = np.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
    hit = (x == values) | (np.isnan(x) if x.dtype.kind == "f" else False)
    return values, np.maximum.accumulate(np.where(hit, count, 0), dim)


statements.of("_cummax")(_scanned(lambda x, d: _running(x, d, np.maximum)))
statements.of("_cummin")(_scanned(lambda x, d: _running(x, d, np.minimum)))


@statements.of("_linear_scan")
def _linear_scan(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """y[i] = a[i] * y[i - 1] + x[i]."""
    dim = attrs["dim"]
    x, a = (np.moveaxis(np.atleast_1d(v), dim, 0) for v in arrays)
    steps = range(len(x))[::-1] if attrs.get("reverse") else range(len(x))
    y = x.copy()  # of the first element nothing else is read: its factor may be infinite
    for before, i in zip(steps, steps[1:]):
        y[i] += a[i] * y[before]
    return np.moveaxis(y, 0, dim)
