"""All pairings of vectors' elements: grids, Cartesian products, combinations."""
from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from .comparison import le, logical_and, lt
from .declare import composite
from .gather import index_select
from .index import coordinates
from .join import stack
from .view import expand, reshape, unsqueeze


def _vectors(name: str, tensors: tuple[Any, ...]) -> list[Any]:
    parts = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if not parts:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    if any(p.dtype is not parts[0].dtype for p in parts):
        raise RuntimeError(f"torch.{name} expects all tensors to have the same dtype")
    return parts


@composite("join", method=False, samples=lambda: [((np.arange(2.0), np.arange(3.0)), {"indexing": "ij"}),
                                                  ((np.arange(2.0), np.arange(3.0)), {"indexing": "xy"})],
           reference=lambda *xs, indexing="ij": np.meshgrid(*xs, indexing=indexing))
def meshgrid(*tensors: Any, indexing: str | None = None) -> Any:
    """Coordinate grids of 1-d tensors ("ij": matrix order, the default; "xy": Cartesian), as views.

    Raises:
        RuntimeError: no tensors, more dimensions, differing dtypes, or another indexing.
    """
    parts = _vectors("meshgrid", tensors)
    for p in parts:
        if p.ndim > 1:
            raise RuntimeError("torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                               f"{list(p.shape)}")
    if indexing not in ("ij", "xy", None):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    swap = indexing == "xy" and len(parts) >= 2
    if swap:
        parts[0], parts[1] = parts[1], parts[0]
    shape = tuple(p.numel() for p in parts)
    grids = [expand(reshape(p, tuple(n if d == i else 1 for d in range(len(parts)))), shape)
             for i, (p, n) in enumerate(zip(parts, shape))]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def _np_cartesian(*xs: Any) -> Any:
    return xs[0] if len(xs) == 1 else np.stack([g.ravel() for g in np.meshgrid(*xs, indexing="ij")], 1)


@composite("join", method=False, samples=lambda: [((np.arange(2.0), np.arange(3.0)), {}), ((np.arange(3.0),), {})],
           reference=_np_cartesian)
def cartesian_prod(*tensors: Any) -> Any:
    """All ways to take one element of each 1-d tensor, one per row; one tensor comes back as it is.

    Raises:
        RuntimeError: not 1-d, or dtypes that differ.
    """
    parts = _vectors("cartesian_prod", tensors)
    for p in parts:
        if p.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(p.shape)}")
    if len(parts) == 1:
        return parts[0]
    return stack([reshape(g, (-1,)) for g in meshgrid(*parts)], 1)


def _np_combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Any:
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return np.array(list(choose(x, r)))


@composite("join", samples=lambda: [((np.arange(4.0),), {}), ((np.arange(3.0), 3), {"with_replacement": True})],
           reference=_np_combinations)
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of ``r`` elements of a 1-d tensor, one per row, in lexicographic order of position.

    Raises:
        RuntimeError: not 1-d, or a negative ``r``.
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty((0,))
    n = input.shape[0]
    count = math.comb(n + r - 1 if with_replacement else n, r) if n else 0
    follows = le if with_replacement else lt
    chosen = input.new_ones((n,) * r, dtype=dt.bool_)
    for d in range(r - 1):
        line = input.new_range(n)
        pair = follows(unsqueeze(line, 1), line)
        chosen = logical_and(chosen, reshape(pair, (n, n, *(1,) * (r - d - 2))))
    return reshape(index_select(input, 0, reshape(coordinates(chosen, count), (-1,))), (count, r))
