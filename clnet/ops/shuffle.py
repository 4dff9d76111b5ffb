"""Channels turned into space and back, and mixed among groups."""
from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .declare import composite
from .view import permute, reshape


def _samples(*calls: tuple[tuple[int, ...], int]) -> Any:
    def samples() -> Any:
        for shape, n in calls:
            yield (np.arange(math.prod(shape), dtype=float).reshape(shape) / 3, n), {}
    return samples


def _np_shuffle(x: Any, r: int) -> Any:
    *lead, c, h, w = x.shape
    y = x.reshape(-1, c // r // r, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(*lead, c // r // r, h * r, w * r)


def _np_unshuffle(x: Any, r: int) -> Any:
    *lead, c, h, w = x.shape
    y = x.reshape(-1, c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return y.reshape(*lead, c * r * r, h // r, w // r)


def _planes(name: str, input: Any, factor: Any) -> tuple[int, tuple[int, ...]]:
    if input.ndim < 3:
        raise RuntimeError(f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} "
                           "dimension(s)")
    r = operator.index(factor)
    if r <= 0:
        word = "upscale_factor" if name == "pixel_shuffle" else "downscale_factor"
        raise RuntimeError(f"{name} expects a positive {word}, but got {r}")
    return r, tuple(input.shape[:-3])


@composite("shuffle", method=False, samples=_samples(((2, 8, 2, 3), 2), ((9, 1, 2), 3)), reference=_np_shuffle)
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(..., c r², h, w) to (..., c, h r, w r).

    Raises:
        RuntimeError: fewer than 3 dimensions, or channels that don't divide by r².
    """
    r, lead = _planes("pixel_shuffle", input, upscale_factor)
    c, h, w = input.shape[-3:]
    if c % (r * r):
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}")
    k = len(lead)
    split = reshape(input, (*lead, c // (r * r), r, r, h, w))
    moved = permute(split, (*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return reshape(moved, (*lead, c // (r * r), h * r, w * r))


@composite("shuffle", method=False, samples=_samples(((2, 2, 4, 6), 2), ((1, 3, 3), 3)), reference=_np_unshuffle)
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(..., c, h r, w r) to (..., c r², h, w).

    Raises:
        RuntimeError: fewer than 3 dimensions, or planes that don't divide by r.
    """
    r, lead = _planes("pixel_unshuffle", input, downscale_factor)
    c, h, w = input.shape[-3:]
    for word, n, d in (("height", h, -2), ("width", w, -1)):
        if n % r:
            raise RuntimeError(f"pixel_unshuffle expects {word} to be divisible by downscale_factor, but "
                               f"input.size({d})={n} is not divisible by {r}")
    k = len(lead)
    split = reshape(input, (*lead, c, h // r, r, w // r, r))
    moved = permute(split, (*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return reshape(moved, (*lead, c * r * r, h // r, w // r))


@composite("shuffle", method=False, samples=_samples(((2, 6, 2), 3), ((1, 4, 2, 2), 2)), aliases=(
    "native_channel_shuffle",), reference=lambda x, g: x.reshape(
        x.shape[0], g, -1, *x.shape[2:]).swapaxes(1, 2).reshape(x.shape))
def channel_shuffle(input: Any, groups: int) -> Any:
    """The channels (dimension 1) of ``groups`` groups taken from each in turn.

    Raises:
        RuntimeError: fewer than 3 dimensions, or channels that don't divide by ``groups``.
    """
    if input.ndim <= 2:
        raise RuntimeError("channel_shuffle expects input with > 2 dims, but got input with sizes "
                           f"{list(input.shape)}")
    g = operator.index(groups)
    if g <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{g}")
    n, c, *rest = input.shape
    if c % g:
        raise RuntimeError("Number of channels must be divisible by groups. Got "
                           f"{c} channels and {g} groups.")
    split = reshape(input, (n, g, c // g, *rest))
    return reshape(permute(split, (0, 2, 1, *range(3, split.ndim))), tuple(input.shape))
