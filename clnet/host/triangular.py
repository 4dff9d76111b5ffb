"""Triangular systems, by substitution."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


@statements.of("_triangular")
def _triangular(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """X with A X = B for the triangle of A (..., n, n) that ``upper`` names and B (..., n, k)."""
    a, b = arrays
    n = b.shape[-2]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y = np.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
    for i in reversed(range(n)) if attrs["upper"] else range(n):
        known = slice(i + 1, n) if attrs["upper"] else slice(0, i)
        y[..., i, :] -= np.einsum("...j,...jk->...k", a[..., i, known], y[..., known, :])
        if not attrs["unit"]:
            y[..., i, :] /= a[..., i, i, None]
    return y
