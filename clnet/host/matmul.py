"""Products of stacks of matrices."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


@statements.of("_gemm")
def _gemm(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """a @ b, or ``beta * c + alpha * (a @ b)``."""
    turned = attrs.get("turned", (False, False))
    a, b = (np.swapaxes(x, -1, -2) if turn else x for x, turn in zip(arrays, turned))
    if "dtype" in attrs:
        a, b = a.astype(attrs["dtype"].storage), b.astype(attrs["dtype"].storage)
    product = np.matmul(a, b)
    if len(arrays) == 2:
        return product
    beta, alpha = (np.asarray(v).astype(product.dtype) for v in arrays[3:] or (1, 1))
    return beta * arrays[2] + alpha * product
