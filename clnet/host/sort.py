"""Sorting along a dimension, selection by rank, and search in sorted lines."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


def _order(x: Any, dim: int, descending: bool) -> Any:
    """The stable order of the elements; NaN is the largest."""
    if not descending:
        return np.argsort(x, dim, kind="stable")
    # Equal elements keep their order: sort the reversed row, then reverse.
    return np.flip(x.shape[dim] - 1 - np.argsort(np.flip(x, dim), dim, kind="stable"), dim)


@statements.of("_sort")
def _sort(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    x, dim = np.atleast_1d(arrays[0]), attrs["dim"]
    order = _order(x, dim, attrs["descending"])
    return tuple(v.reshape(np.shape(arrays[0])) for v in (np.take_along_axis(x, order, dim), order))


@statements.of("_select", "_median")
def _select(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Values and positions: the ``k`` first ("topk"), or the one of a rank: the k-th, or a median's."""
    x, dim, mode, k = np.atleast_1d(arrays[0]), attrs["dim"], attrs["mode"], attrs["k"]
    order = _order(x, dim, attrs["largest"])
    if mode == "topk":
        at = np.take(order, range(k), dim)
    else:
        n = x.shape[dim]
        nan = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
        nans = nan.sum(dim, keepdims=True)
        if mode == "rank":
            rank = np.full(nans.shape, k - 1)
        elif mode == "median":
            rank = np.where(nans > 0, n - nans, (n - 1) // 2)
        else:
            rank = np.where(nans < n, (n - nans - 1) // 2, 0)
        at = np.take_along_axis(order, rank, dim)
    values = np.take_along_axis(x, at, dim)
    return (values, at) if np.ndim(arrays[0]) else (values.reshape(values.size and ()), at.reshape(at.size and ()))


@statements.of("_search")
def _search(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Where values would be inserted into sorted lines (walked through an order if given); NaN at the end."""
    line, values = arrays[:2]
    n = line.shape[-1]
    if not values.size or not n:
        return np.zeros(values.shape, "int64")
    lines = line.reshape(-1, n)
    if len(arrays) > 2:
        lines = np.take_along_axis(lines, arrays[2].reshape(-1, n), 1)
    wanted = values.reshape(len(lines), -1)
    begin, end = np.zeros(wanted.shape, "int64"), np.full(wanted.shape, n)
    while (begin < end).any():
        middle = (begin + end) // 2
        found = np.take_along_axis(lines, np.minimum(middle, n - 1), 1)
        later = ~(found > wanted if attrs["right"] else found >= wanted)
        going = begin < end
        begin, end = np.where(going & later, middle + 1, begin), np.where(going & ~later, middle, end)
    return begin.reshape(values.shape)
