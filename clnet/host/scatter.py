"""Writes and sums along a dimension: operands (base, source, index), the index of the source's shape."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements

_COMBINE = {"add": np.add, "multiply": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _places(index: Any, dim: int, size: int, name: str) -> tuple[Any, ...]:
    index = np.asarray(index, "int64")
    bad = (index < 0) | (index >= size)
    if bad.any():
        raise IndexError(f"{name}: index {index[bad][0]} is out of bounds for dimension {dim} with size {size}")
    grid = list(np.indices(index.shape, sparse=True))
    grid[dim] = index
    return tuple(grid)


@statements.of("scatter", "scatter_add", "_scatter", "_scatter_reduce", "index_add", "index_copy",
               "_put", "_index_fill", "_index_reduce")
def _scatter(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    base, source, index = arrays
    shape = np.shape(base)
    out, index = np.atleast_1d(base).copy(), np.atleast_1d(index)
    dim, mode = attrs["dim"], attrs["mode"]
    at = _places(index, dim, out.shape[dim], "scatter")
    source = np.broadcast_to(source, index.shape)
    if mode == "set":
        out[at] = source
    else:
        _COMBINE[mode].at(out, at, source.astype(out.dtype))
    return out.reshape(shape)


@statements.of("_gather_backward")
def _gather_backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    g, index = np.atleast_1d(arrays[0]), np.atleast_1d(arrays[1])
    out = np.zeros(attrs["shape"] or (1,), g.dtype)
    kept = np.asarray(index, "int64")
    skipped = kept == attrs["skip"]
    at = _places(np.where(skipped, 0, kept), attrs["dim"], out.shape[attrs["dim"]], "gather_backward")
    np.add.at(out, at, np.where(skipped, 0, g))
    return out.reshape(attrs["shape"])
