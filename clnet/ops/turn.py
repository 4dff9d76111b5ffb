"""Elements in another order along dimensions: flip, roll, quarter turns."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import layout as lay
from ..core.layout import wrap_dim
from .declare import composite
from .gather import lookup, spread_index
from .join import cat
from .view import clone, narrow, reshape


def _sample_calls(shape: tuple[int, ...], *calls: tuple[Any, ...]) -> Any:
    def samples() -> Any:
        for args in calls:
            yield (np.arange(float(math.prod(shape))).reshape(shape), *args), {}
    return samples


@composite("join", samples=_sample_calls((2, 3), ((0,),), ((0, 1),), (1,)),
           reference=lambda x, d: np.flip(x, d))
def flip(input: Any, *axes: Any, dims: Any = None) -> Any:
    """A copy with the order of elements reversed along ``dims`` (numbers or a sequence).

    Raises:
        IndexError: a dimension out of range.  RuntimeError: one that appears twice.
    """
    given = lay.size_of(axes if dims is None else (dims,))
    wrapped = [wrap_dim(d, input.ndim) for d in given]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {max(wrapped, key=wrapped.count)} appears multiple times in the list of dims")
    turned = input
    for d in wrapped if input.ndim else ():
        n = input.shape[d]
        if n > 1:
            backwards = (n - 1) - input.new_range(n)
            turned = lookup(turned, spread_index(backwards, d, tuple(input.shape)), d)
    return clone(input) if turned is input else turned


@composite("join", samples=_sample_calls((2, 4), (1,), (2, 1), ((1, -1), (0, 1))),
           reference=lambda x, s, d=None: np.roll(x, s, d))
def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """A copy with elements moved along dimensions, those pushed out entering at the other end.

    Raises:
        RuntimeError: not one shift per dimension.
    """
    steps = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not steps:
        raise RuntimeError("`shifts` required")
    if not axes and len(steps) == 1:
        return reshape(roll(reshape(input, (-1,)), steps[0], 0), tuple(input.shape))
    if len(steps) != len(axes):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(axes)}")
    moved = input
    for step, axis in zip(steps, axes):
        d = wrap_dim(axis, input.ndim)
        n = input.shape[d] if input.ndim else 0
        k = step % n if n else 0
        if k:
            moved = cat([narrow(moved, d, n - k, k), narrow(moved, d, 0, n - k)], d)
    return clone(input) if moved is input else moved


@composite("join", samples=_sample_calls((2, 3), ()), reference=np.fliplr)
def fliplr(input: Any) -> Any:
    """Columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@composite("join", samples=_sample_calls((2, 3), ()), reference=np.flipud)
def flipud(input: Any) -> Any:
    """Rows in reverse order."""
    if not input.ndim:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@composite("join", samples=_sample_calls((2, 3), (), (2,), (-1, (1, 0))), reference=np.rot90)
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """The plane of two dimensions turned by ``k`` quarter turns, from the first towards the second.

    Raises:
        RuntimeError: not two different dimensions, or a tensor of fewer.
    """
    axes = tuple(dims)
    if len(axes) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(axes)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if axes[0] == axes[1] or abs(axes[0] - axes[1]) == input.ndim:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {axes[0]} and dim1 = "
                           f"{axes[1]}")
    for i, d in enumerate(axes):
        if not -input.ndim <= d < input.ndim:
            raise RuntimeError(f"Rotation dim{i} out of range, dim{i} = {d}")
    a, b = (wrap_dim(d, input.ndim) for d in axes)
    turns = k % 4
    if turns == 0:
        return clone(input)
    if turns == 2:
        return flip(input, a, b)
    turned = flip(input, b) if turns == 1 else flip(input, a)
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return turned.permute(order)
