"""Columns of the windows of planes, and their sum back into planes."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .table import statements


def _taps(blocks: Any) -> Iterator[tuple[int, Any]]:
    """Per tap: its number, and where the windows have it in the padded planes."""
    for k, tap in enumerate(np.ndindex(*blocks.kernel)):
        yield k, (...,) + tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(
            tap, blocks.dilation, blocks.count, blocks.stride))


def _padded(n: int, channels: int, blocks: Any, dtype: Any) -> tuple[Any, Any]:
    """Zeros as large as the padded planes, and where the planes lie in them."""
    out = np.zeros((n, channels, *(m + 2 * p for m, p in zip(blocks.plane, blocks.padding))), dtype)
    return out, (...,) + tuple(slice(p, p + m) for m, p in zip(blocks.plane, blocks.padding))


@statements.of("_columns")
def _columns(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """x (n, c, h, w) -> (n, c * taps, windows)."""
    x, blocks = arrays[0], attrs["blocks"]
    n, channels = x.shape[:2]
    padded, within = _padded(n, channels, blocks, x.dtype)
    padded[within] = x
    taps, windows = int(np.prod(blocks.kernel)), int(np.prod(blocks.count))
    y = np.empty((n, channels, taps, *blocks.count), x.dtype)
    for k, where in _taps(blocks):
        y[:, :, k] = padded[where]
    return y.reshape(n, channels * taps, windows)


@statements.of("_sum_columns")
def _sum_columns(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """(n, c * taps, windows) -> planes (n, c, h, w) of the sums of what lies at each place."""
    x, blocks = arrays[0], attrs["blocks"]
    taps = int(np.prod(blocks.kernel))
    n, channels = x.shape[0], x.shape[1] // taps
    columns = x.reshape(n, channels, taps, *blocks.count)
    padded, within = _padded(n, channels, blocks, x.dtype)
    for k, where in _taps(blocks):
        padded[where] += columns[:, :, k]
    return padded[within]
