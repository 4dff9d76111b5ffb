"""Distinct elements: unique, unique_consecutive."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.layout import wrap_dim
from .comparison import ne
from .declare import composite
from .gather import index_select
from .index import nonzero
from .join import cat
from .reduction import any as any_
from .scan import cumsum
from .sort import sort
from .view import movedim, narrow, reshape, squeeze


def _fresh(lines: Any) -> Any:
    """Whether each row differs from the one before it: bool (rows, columns)."""
    n = lines.shape[0]
    first = ne(narrow(lines, 0, 0, 1), narrow(lines, 0, 0, 1)).logical_not() | True
    return cat([first, ne(narrow(lines, 0, 1, n - 1), narrow(lines, 0, 0, n - 1))], 0)


def _ranks(columns: Any) -> Any:
    """Dense ranks from 0 of each column's elements."""
    ordered, index = sort(columns, 0)
    ranks = cumsum(_fresh(ordered), 0) - 1
    return ranks.new_zeros(tuple(ranks.shape)).scatter(0, index, ranks)


def _row_ranks(rows: Any) -> Any:
    """Dense ranks of rows in lexicographic order, by merging neighbouring columns' ranks."""
    n = rows.shape[0]
    ranks = _ranks(rows)
    while ranks.shape[1] > 1:
        width = ranks.shape[1]
        pairs = reshape(narrow(ranks, 1, 0, width // 2 * 2), (n, width // 2, 2))
        merged = _ranks(squeeze(narrow(pairs, 2, 0, 1) * n + narrow(pairs, 2, 1, 1), 2))
        ranks = cat([merged, narrow(ranks, 1, width - 1, 1)], 1) if width % 2 else merged
    return squeeze(ranks, 1)


def _distinct(rows: Any, consecutive: bool) -> tuple[Any, Any, Any]:
    """(indices of the distinct rows' first occurrences, group of every row, counts) of (n, m)."""
    n = rows.shape[0]
    if consecutive:
        order, ordered = None, rows
    else:
        ranks = reshape(rows, (-1,)) if rows.shape[1] == 1 else _row_ranks(rows)
        ordered, order = sort(ranks)
        ordered = reshape(ordered, (n, 1))
    fresh = any_(_fresh(ordered), 1)
    starts = reshape(nonzero(fresh), (-1,))
    groups = cumsum(fresh, 0) - 1
    ends = cat([narrow(starts, 0, 1, starts.numel() - 1), starts.new_full((1,), n)], 0)
    if order is None:
        return starts, groups, ends - starts
    return index_select(order, 0, starts), groups.new_zeros((n,)).scatter(0, order, groups), ends - starts


def _result(values: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    extra = [x for x, wanted in ((inverse, return_inverse), (counts, return_counts)) if wanted]
    return (values, *extra) if extra else values


def _unique(name: str, input: Any, return_inverse: bool, return_counts: bool, dim: Any, consecutive: bool) -> Any:
    if dim is None:
        rows, shape, d = reshape(input, (-1, 1)), tuple(input.shape), 0
    else:
        d = wrap_dim(dim, input.ndim)
        moved = movedim(input, d, 0) if input.ndim else reshape(input, (1,))
        shape = tuple(moved.shape[:1])
        if math.prod(moved.shape[1:]) == 0 and moved.shape[0]:
            raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
        rows = reshape(moved, (moved.shape[0], math.prod(moved.shape[1:])))
    if not rows.shape[0]:
        empty = input.new_zeros((0,), dtype=dt.int64)
        values = reshape(input, (-1,)) if dim is None else input.clone()
        return _result(values, reshape(empty, shape), empty, return_inverse, return_counts)
    first, inverse, counts = _distinct(rows.detach(), consecutive)
    source = reshape(input, (-1,)) if dim is None or not input.ndim else input
    return _result(index_select(source, d, first), reshape(inverse, shape), counts, return_inverse, return_counts)


def _samples() -> Any:
    x = np.array([[3.0, 1, 1, 2], [3, 1, 1, 2], [0, 1, 5, 2], [3, 1, 1, 1]])
    every = {"return_inverse": True, "return_counts": True}
    yield (x,), {}
    yield (x,), every
    yield (x,), {**every, "dim": 0}
    yield (x,), {**every, "dim": 1}


def _np_unique(x: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    wanted: Any = {"return_inverse": return_inverse, "return_counts": return_counts}
    got = np.unique(x, axis=dim, **wanted)
    if not return_inverse:
        return got
    return got[0], got[1].reshape(x.shape if dim is None else -1), *got[2:]


@composite("sort", samples=_samples, reference=_np_unique, data_dependent=True)
def unique(input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Any:
    """The distinct elements in order, or the distinct slices along ``dim``; NaNs all differ.

    Args:
        return_inverse: also the group that each element (slice) belongs to, int64.
        return_counts: also how often each occurs, int64.

    Raises:
        RuntimeError: the slices have no elements.
    """
    return _unique("unique", input, return_inverse, return_counts, dim, False)


def _np_consecutive(x: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    rows = x.reshape(-1, 1) if dim is None else np.moveaxis(x, dim, 0).reshape(x.shape[dim], -1)
    fresh = np.append(True, (rows[1:] != rows[:-1]).any(1))
    starts = np.flatnonzero(fresh)
    values = x.ravel()[starts] if dim is None else np.take(x, starts, dim)
    groups = np.cumsum(fresh) - 1
    extra = ([groups.reshape(x.shape if dim is None else -1)] if return_inverse else []) + (
        [np.diff(np.append(starts, len(rows)))] if return_counts else [])
    return (values, *extra) if extra else values


@composite("sort", samples=_samples, reference=_np_consecutive, data_dependent=True)
def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False,
                       dim: int | None = None) -> Any:
    """The elements (slices along ``dim``) that differ from the one before them.

    Args:
        return_inverse: also the group that each element (slice) belongs to, int64.
        return_counts: also how many each group has, int64.

    Raises:
        RuntimeError: the slices have no elements.
    """
    return _unique("unique_consecutive", input, return_inverse, return_counts, dim, True)
