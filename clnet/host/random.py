"""Draws from the generator's words, the same on every device (normals within rounding)."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..codegen.expr import Arg, Expr, cast, evaluate
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core.dtypes import DType


def draw(kind: str, value: Callable[..., Expr], words: np.ndarray, parameters: Sequence[Any], shape: Sequence[int],
         compute: DType, mantissa: int) -> np.ndarray:
    """Elements of a distribution (see kernels/random.py) from their words (uint32 or uint64)."""
    bits = words.itemsize * 8
    variate = dt.int64 if kind == "integer" else dt.float64 if bits == 64 else dt.float32
    wide = register_dtype(compute)
    if kind == "integer":
        drawn = _below(words, int(parameters[1]) % (1 << 64))
    elif kind == "normal":
        drawn = _normal(words)
    else:
        kept = 53 if bits == 64 else mantissa
        drawn = (words >> np.asarray(bits - kept, words.dtype)) * 2.0 ** -kept
    count = len(words)
    arrays = [drawn[:count].astype(variate.storage)]
    arrays += [np.broadcast_to(np.asarray(p), shape).reshape(-1).astype(wide.storage) for p in parameters]
    nodes = [cast(Arg(0, variate), wide), *(Arg(1 + i, wide) for i in range(len(parameters)))]
    [got] = evaluate([value(*nodes)], arrays)
    return np.broadcast_to(got, (count,)).reshape(shape)


def _below(words: np.ndarray, span: int) -> np.ndarray:
    """Integers below ``span`` (0: all 64 bits) by the high part of a product."""
    if words.itemsize == 4:
        return ((words.astype("uint64") * np.uint64(span)) >> np.uint64(32)).astype("int64")
    if span == 0:
        return words.view("int64")
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a, b = words >> half, words & low
    c, d = np.uint64(span >> 32), np.uint64(span & 0xFFFFFFFF)
    middle = a * d + ((b * d) >> half)
    return (a * c + (middle >> half) + ((b * c + (middle & low)) >> half)).view("int64")


def _normal(words: np.ndarray) -> np.ndarray:
    """Box and Muller on pairs of words: 16 elements apart, as the kernel lays them out."""
    bits = words.itemsize * 8
    kept = 53 if bits == 64 else 24
    per_block = 128 // bits
    group = 16 * per_block
    padded = np.zeros(-(-len(words) // group) * group, words.dtype)
    padded[:len(words)] = words
    blocks = (padded >> np.asarray(bits - kept, words.dtype)).astype("float64").reshape(-1, per_block // 2, 2, 16)
    radius = np.sqrt(-2 * np.log((blocks[:, :, 0] + 1) * 2.0 ** -kept))
    angle = blocks[:, :, 1] * 2.0 ** -kept * 2 * np.pi
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2).reshape(-1)


def categories(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Indices (rows, samples) where the running sums of weights pass the uniform numbers."""
    if not np.all((weights >= 0) & np.isfinite(weights)):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    sums = np.cumsum(weights.astype("float32"), 1)
    if np.any(sums[:, -1] == 0):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    below = sums[:, None, :] <= uniforms[:, :, None] * sums[:, -1:, None]
    return np.minimum(below.sum(2), weights.shape[1] - 1)
