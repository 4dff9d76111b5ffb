"""Reductions of consecutive segments."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.layout import wrap_dim
from .comparison import eq, where
from .declare import composite
from .join import cat
from .scan import cumsum
from .scatter import scatter_reduce
from .search import searchsorted
from .view import expand, narrow, reshape

# Per reduction: scatter_reduce's name, and what it starts from.
_KINDS: dict[str, tuple[str, float]] = {
    "sum": ("sum", 0.0), "mean": ("sum", 0.0), "prod": ("prod", 1.0), "max": ("amax", -math.inf),
    "min": ("amin", math.inf)}


def _samples() -> Any:
    x = np.random.default_rng(10).permutation(24).reshape(6, 4) / 4 - 1.3
    for kind in _KINDS:
        yield (x, kind), {"lengths": np.array([2, 1, 3])}
    yield (x, "sum"), {"offsets": np.array([[0, 1, 4]] * 6), "axis": 1}


def _np_segments(x: Any, kind: str, lengths: Any = None, offsets: Any = None, axis: int = 0) -> Any:
    starts = np.cumsum(lengths) - lengths if lengths is not None else offsets.reshape(-1, offsets.shape[-1])[0][:-1]
    f: Any = {"sum": np.add, "mean": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[kind]
    found = f.reduceat(x, starts, axis)
    return found / lengths[:, None] if kind == "mean" else found


@composite("scatter", samples=_samples, reference=_np_segments, method=False)
def segment_reduce(data: Any, reduce: str, *, lengths: Any = None, indices: Any = None, offsets: Any = None,
                   axis: int = 0, unsafe: bool = False, initial: float | None = None) -> Any:
    """Consecutive segments along ``axis``, each reduced to one element.

    Args:
        reduce: "sum", "mean", "max", "min" or "prod".
        lengths: of the segments, along the last dimension; the leading ones are the data's up to
            ``axis``.  Or ``offsets``: their bounds, one more than there are segments.
        unsafe: leave out the check that lengths are not negative and add up.
        initial: what each reduction starts from; empty segments give it (0 for "sum", NaN for
            "mean", 1 for "prod", an infinity for extremes by default).

    Raises:
        RuntimeError: an unknown reduction, or lengths that don't fit.
    """
    if reduce not in _KINDS:
        raise RuntimeError(f"segment_reduce(): unsupported reduction {reduce!r}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported")
    if (lengths is None) == (offsets is None):
        raise RuntimeError("segment_reduce(): expected either lengths or offsets")
    d = wrap_dim(axis, data.ndim)
    n = data.shape[d]
    given = lengths if lengths is not None else offsets
    if given.ndim != d + 1 or tuple(given.shape[:-1]) != tuple(data.shape[:d]):
        raise RuntimeError(f"segment_reduce(): expected lengths or offsets of shape {list(data.shape[:d])} and the "
                           f"segments, got {list(given.shape)}")
    if lengths is not None:
        if not unsafe and (bool((lengths < 0).any().item()) or bool((lengths.sum(-1) != n).any().item())):
            raise RuntimeError(f"segment_reduce(): Expected all rows of lengths along axis to sum to {n} and none "
                               "to be negative")
        ends = cumsum(lengths, -1)
        sizes = lengths
    else:
        count = max(given.shape[-1] - 1, 0)
        ends = narrow(given, -1, 1, count)
        sizes = ends - narrow(given, -1, 0, count)
    segments = ends.shape[-1]
    shape = (*data.shape[:d], segments, *data.shape[d + 1:])
    name, start = _KINDS[reduce]
    base = data.new_full(shape, start if initial is None else float(initial))
    trailing = (1,) * (data.ndim - d - 1)
    if segments:
        places = expand(reshape(ends.new_range(n).to(ends.dtype), (1,) * d + (n,)), (*data.shape[:d], n))
        owner = searchsorted(ends.contiguous(), places.contiguous(), right=True)
        # What lies behind the last segment goes to one that is cut off.
        wide = cat([base, narrow(base, d, 0, 1)], d)
        owner = expand(reshape(owner, tuple(owner.shape) + trailing), tuple(data.shape))
        base = narrow(scatter_reduce(wide, d, owner, data, name), d, 0, segments)
    if reduce != "mean":
        return base
    divisor = reshape(sizes, tuple(sizes.shape) + trailing).to(data.dtype)
    if initial is None:
        return base / divisor
    return base / where(eq(divisor, 0), 1.0, divisor)
