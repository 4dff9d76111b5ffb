"""The views again, with results in memory of their own."""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..core.layout import wrap_dim
from ..core.op import Op
from .complex import view_as_real
from .declare import composite
from .overlay import slice_bounds
from .pieces import split_with_sizes
from .strided import unfold
from .view import (
    clone,
    diagonal,
    expand,
    narrow,
    permute,
    select,
    slice_,
    split,
    squeeze,
    t,
    transpose,
    unbind,
    unsqueeze,
    view,
)


def _copying(op: Op, method: bool = False) -> Op:
    """The operator ``<view>_copy``, with the view's signature."""
    @functools.wraps(op.bind)
    def body(*args: Any, **kwargs: Any) -> Any:
        seen = op(*args, **kwargs)
        return tuple(clone(x) for x in seen) if isinstance(seen, tuple) else clone(seen)

    body.__doc__ = f"``{op.name}`` whose result has memory of its own."
    return composite("view", name=f"{op.name}_copy", method=method, samples=op.samples,
                     reference=op.reference)(body)


view_copy, expand_copy, permute_copy, transpose_copy = map(_copying, (view, expand, permute, transpose))
t_copy, unsqueeze_copy, squeeze_copy, select_copy = map(_copying, (t, unsqueeze, squeeze, select))
diagonal_copy, unfold_copy, unbind_copy, split_copy = map(_copying, (diagonal, unfold, unbind, split))
view_as_real_copy = _copying(view_as_real)
split_with_sizes_copy, narrow_copy = _copying(split_with_sizes), _copying(narrow, method=True)


@composite("view", method=False, samples=lambda: [((np.arange(6.0).reshape(2, 3),), {})],
           reference=lambda x: x.copy())
def alias_copy(input: Any) -> Any:
    """A copy of the tensor."""
    return clone(input)


@composite("view", method=False, samples=lambda: [((np.arange(6).reshape(2, 3),), {})],
           reference=lambda x: x.copy())
def detach_copy(input: Any) -> Any:
    """A copy of the tensor outside the graph."""
    return clone(input.detach())


@composite("view", method=False, samples=lambda: [((np.arange(20.0).reshape(5, 4), 0, 1, 4, 2), {})],
           reference=lambda x, d, a, b, s: np.take(x, np.arange(a, b, s), d))
def slice_copy(input: Any, dim: int = 0, start: int | None = None, end: int | None = None,
               step: int = 1) -> Any:
    """A copy of ``start:end:step`` of a dimension.

    Raises:
        RuntimeError: a step below one.
    """
    d = wrap_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    return clone(slice_(input, d, *slice_bounds(input.shape[d], start, end), step))
