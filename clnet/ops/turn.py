"""Rows and columns in reverse order, and quarter turns."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.layout import wrap_dim
from .declare import composite
from .join import flip
from .view import clone


def _sample_calls(shape: tuple[int, ...], *calls: tuple[Any, ...]) -> Any:
    def samples() -> Any:
        for args in calls:
            yield (np.arange(float(math.prod(shape))).reshape(shape), *args), {}
    return samples


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
    a, b = (wrap_dim(d, input.ndim) for d in axes)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {axes[0]} and dim1 = "
                           f"{axes[1]}")
    turns = k % 4
    if turns == 0:
        return clone(input)
    if turns == 2:
        return flip(input, a, b)
    turned = flip(input, b) if turns == 1 else flip(input, a)
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return turned.permute(order)
