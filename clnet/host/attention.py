"""Attention with the matrix of weights written out, its backward, and the factors of dropout."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .table import statements


def _scores(q: Any, k: Any, mask: Any, attrs: dict[str, Any]) -> Any:
    s = np.matmul(q, np.swapaxes(k, -1, -2)) * q.dtype.type(attrs["scale"])
    if mask is not None:
        s = s + mask
    if attrs["causal"]:
        s = np.where(np.tri(*s.shape[-2:]) > 0, s, -np.inf)
    return s


def _factors(seed: int, call: int, p: float, shape: Sequence[int]) -> Any:
    """0 where a weight is dropped, else 1 / (1 - p): by Philox4x32-10 of (query, key, stack) and the call."""
    low = np.uint64(0xFFFFFFFF)
    stack, query, key = np.indices((math.prod(shape[:-2]), *shape[-2:]), "uint64")
    seed, call = int(seed) % (1 << 64), int(call) % (1 << 64)
    half = np.uint64(32)
    c = [query, key // np.uint64(4), stack & low,
         (np.uint64(call) & low) ^ ((stack >> half) << np.uint64(16)) & low]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> half) ^ c[1] ^ np.uint64(k0), b & low, (a >> half) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    word = np.choose((key & np.uint64(3)).astype("int64"), c)
    threshold = min(round(p * 2.0 ** 32), 0xFFFFFFFF)
    return np.where(word < np.uint64(threshold), 0.0, 1.0 / (1.0 - p)).reshape(shape)


def _dropout(shape: Sequence[int], operands: Sequence[Any], attrs: dict[str, Any], dtype: Any) -> Any:
    """The factors of the weights; 1 without dropout."""
    if not attrs["dropout"]:
        return dtype.type(1)
    seed, call = operands[attrs["seed_at"]:]
    return _factors(seed, call, attrs["dropout"], shape).astype(dtype)


def _batch(s: Any, v: Any) -> Any:
    """The scores of the whole batch, which the values may enlarge."""
    return np.broadcast_to(s, (*np.broadcast_shapes(s.shape[:-2], v.shape[:-2]), *s.shape[-2:]))


@statements.of("_attention")
def _attention(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The weighted values, and each row's logarithm (of base 2) of the sum of powers; rows without keys are 0."""
    q, k, v = arrays[:3]
    s = _batch(_scores(q, k, arrays[3] if attrs["masked"] else None, attrs), v)
    top = np.max(s, -1, keepdims=True)
    top = np.where(top == -np.inf, 0, top)
    powers = np.exp(s - top)
    total = powers.sum(-1, keepdims=True)
    weights = powers / np.where(total == 0, 1, total) * _dropout(s.shape, arrays, attrs, q.dtype)
    lse = (top + np.log(total)) / math.log(2)
    return np.matmul(weights, v), lse[..., 0]


@statements.of("_attention_backward")
def _backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Cotangents of q, k and v from (g, q, k, v, y, logarithms) and what else the forward took."""
    g, q, k, v, y, lse = arrays[:6]
    s = _batch(_scores(q, k, arrays[6] if attrs["masked"] else None, attrs), v)
    total = (lse * math.log(2))[..., None]
    p = np.where(total == -np.inf, 0, np.exp(s - total))
    keep = _dropout(s.shape, arrays, attrs, q.dtype)
    slope = np.matmul(g, np.swapaxes(v, -1, -2)) * keep
    ds = p * (slope - np.sum(g * y, -1, keepdims=True))
    scale = q.dtype.type(attrs["scale"])
    return (np.matmul(ds, k) * scale, np.matmul(np.swapaxes(ds, -1, -2), q) * scale,
            np.matmul(np.swapaxes(p * keep, -1, -2), g))


@statements.of("_attention_keep")
def _keep(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return _factors(arrays[0], arrays[1], attrs["p"], attrs["shape"])
