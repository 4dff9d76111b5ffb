"""Slices several times in a row."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.layout import wrap_dim
from .declare import composite
from .gather import index_select
from .reduction import any as any_
from .scan import cumsum
from .search import searchsorted
from .view import expand, reshape, select, unsqueeze


def _repeat_samples() -> Any:
    x = np.arange(6.0).reshape(2, 3)
    yield (x, 2), {}
    yield (x, 2, 1), {}
    yield (x, np.array([1, 3]), 0), {}
    yield (x, np.array([2, 0, 1]), -1), {}


@composite("gather", samples=_repeat_samples, reference=np.repeat)
def repeat_interleave(input: Any, repeats: Any = None, dim: int | None = None, *,
                      output_size: int | None = None) -> Any:
    """Each slice of a dimension several times in a row; of the flattened input without ``dim``.

    Args:
        repeats: a number, or a 1-d tensor of one number per slice (waits for the device).  Without
            it, ``input`` holds repeats, and the result their positions.

    Raises:
        RuntimeError: negative repeats, or of another number than the slices.
    """
    if repeats is None:
        return repeat_interleave(input.new_range(input.numel()), input, 0)
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    d = wrap_dim(dim, input.ndim)
    n = input.shape[d]
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        shape = tuple(input.shape)
        spread = expand(unsqueeze(input, d + 1), (*shape[:d + 1], repeats, *shape[d + 1:]))
        return reshape(spread, (*shape[:d], n * repeats, *shape[d + 1:]))
    if repeats.dtype not in (dt.int32, dt.int64):
        raise RuntimeError(f"repeats has to be Long or Int tensor, but got {repeats.dtype}")
    if repeats.ndim > 1 or repeats.numel() not in (1, n):
        raise RuntimeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = "
                           f"{repeats.numel()} and input.size({d}) = {n}")
    if repeats.numel() and bool(any_(repeats < 0).item()):
        raise RuntimeError("repeats can not be negative")
    ends = cumsum(expand(reshape(repeats, (-1,)), (n,)), 0)
    total = int(select(ends, 0, n - 1).item()) if n else 0
    if output_size is not None and output_size != total:
        raise RuntimeError("allocated size does not match required size")
    places = searchsorted(ends.to(dt.int64), input.new_range(total), right=True)
    return index_select(input, d, places)
