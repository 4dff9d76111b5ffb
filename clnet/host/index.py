"""Reads, writes and sums at positions given by indices, and finding non-zeros."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


def _checked(index: Any, size: int, name: str) -> Any:
    index = np.asarray(index, "int64")
    bad = (index < -size) | (index >= size)
    if bad.any():
        raise IndexError(f"{name}: index {index[bad][0]} is out of bounds for dimension with size {size}")
    return index


@statements.of("_index")
def _index(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    x, indices = arrays[0], arrays[1:]
    return x[tuple(_checked(i, n, "index") for i, n in zip(indices, x.shape))]


@statements.of("_index_put")
def _index_put(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    out, values = arrays[0].copy(), arrays[1]
    at = tuple(_checked(i, n, "index_put") for i, n in zip(arrays[2:], out.shape))
    if attrs["accumulate"]:
        np.add.at(out, at, values)
    else:
        out[at] = values
    return out


@statements.of("_nonzero")
def _nonzero(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The coordinates of the first ``count`` non-zero elements."""
    x = arrays[0]
    return np.stack(np.nonzero(np.atleast_1d(x)), 1)[:attrs["count"], :x.ndim]


@statements.of("_lookup")
def _lookup(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    x, index = arrays
    if not np.ndim(x):
        return np.broadcast_to(x, np.shape(index))
    dim, name = attrs["dim"], attrs["name"]
    low = -x.shape[dim] if attrs["wraps"] else 0
    bad = (index < low) | (index >= x.shape[dim])
    if bad.any():
        error = RuntimeError if name in ("gather", "take_along_dim") else IndexError
        raise error(f"{name}: index {index[bad][0]} is out of bounds for dimension {dim} with size "
                    f"{x.shape[dim]}")
    cut = tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(np.shape(index)))
    return np.take_along_axis(x[cut], np.asarray(index, "int64"), dim)
