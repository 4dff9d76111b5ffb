"""Norms of vectors, and distances and angles between them, as ``nn.functional`` offers them."""
from __future__ import annotations

from typing import Any


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """``input`` over its norm of order ``p`` along ``dim``, which counts as ``eps`` at least."""
    length = input.norm(p, dim, keepdim=True).clamp(min=eps)
    result = input / length
    return result if out is None else out.copy_(result)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Cosines of the angles between vectors along ``dim``; their lengths count as ``eps`` at least."""
    a = x1 / x1.norm(2, dim, keepdim=True).clamp(min=eps)
    b = x2 / x2.norm(2, dim, keepdim=True).clamp(min=eps)
    return (a * b).sum(dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The norm of order ``p`` of ``x1 - x2 + eps`` along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)
