"""Sorting along a dimension."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


@statements.of("_sort")
def _sort(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    x, dim = np.atleast_1d(arrays[0]), attrs["dim"]
    if attrs["descending"]:
        # Equal elements keep their order: sort the reversed row, then reverse.
        order = np.flip(x.shape[dim] - 1 - np.argsort(np.flip(x, dim), dim, kind="stable"), dim)
    else:
        order = np.argsort(x, dim, kind="stable")
    return tuple(v.reshape(np.shape(arrays[0])) for v in (np.take_along_axis(x, order, dim), order))
