"""Relatives of pooling: unpooling, power means, and windows at random places."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes as dt
from .declare import composite
from .gather import lookup
from .pool import (
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from .random import unit
from .reduction import argmax
from .scatter import put_at
from .view import expand, reshape, select, squeeze, unsqueeze

_MEAN = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}
_LARGEST = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
_ADAPTIVE = {1: adaptive_max_pool1d, 2: adaptive_max_pool2d, 3: adaptive_max_pool3d}
_OPTIONS = {"namespace": "nn.functional", "method": False}


def _tuple(value: Any, rank: int) -> tuple[int, ...]:
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return given * rank if len(given) == 1 else given


def _numbers(*shape: int) -> Any:
    return np.random.default_rng(math.prod(shape)).permutation(math.prod(shape)).reshape(shape) / 7.0 - 2.0


# Unpooling ---

def _unpooled_size(input: Any, kernel: Any, stride: Any, padding: Any, output_size: Any, rank: int) -> Any:
    default = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(input.shape[-rank:], stride, kernel, padding)]
    if output_size is None:
        return default
    wanted = [int(n) for n in output_size]
    if len(wanted) == rank + 2:
        wanted = wanted[2:]
    if len(wanted) != rank:
        raise ValueError(f"output_size should be a sequence containing {rank} or {rank + 2} elements, but it has a "
                         f"length of '{len(wanted)}'")
    for n, m, s in zip(wanted, default, stride):
        if not m - s < n < m + s:
            raise ValueError(f'invalid output_size "{wanted}" (dim {rank} must be between {m - s} and {m + s})')
    return wanted


def _unpool(name: str, rank: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any,
            output_size: Any) -> Any:
    kernel = _tuple(kernel_size, rank)
    steps = _tuple(stride, rank) if stride is not None else kernel
    size = _unpooled_size(input, kernel, steps, _tuple(padding, rank), output_size, rank)
    if indices.dtype is not dt.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(f"{name}: input tensor must be {rank + 1}- or {rank + 2}-dimensional but got "
                           f"{input.ndim} dimensions")
    if tuple(input.shape) != tuple(indices.shape):
        raise RuntimeError(f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) "
                           f"but got indices tensor with shape: {list(indices.shape)}")
    if any(not n for n in input.shape[1 if input.ndim == rank + 2 else 0:]):
        raise RuntimeError(f"{name}(): Expected input to have non-zero size for non-batch dimensions, but got "
                           f"{list(input.shape)}")
    lead = tuple(input.shape[:-rank])
    base = input.new_zeros((*lead, math.prod(size)))
    count = math.prod(input.shape[-rank:])
    flat = put_at(base, reshape(input, (*lead, count)), reshape(indices, (*lead, count)), len(lead), "set")
    return reshape(flat, (*lead, *size))


def _np_unpool(rank: int) -> Callable[..., Any]:
    def reference(x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
                  output_size: Any = None) -> Any:
        k, p = _tuple(kernel_size, rank), _tuple(padding, rank)
        s = _tuple(stride, rank) if stride is not None else k
        size = tuple(output_size) if output_size is not None else tuple(
            (n - 1) * s_ + k_ - 2 * p_ for n, s_, k_, p_ in zip(x.shape[-rank:], s, k, p))
        y = np.zeros((math.prod(x.shape[:-rank]), math.prod(size)), x.dtype)
        np.put_along_axis(y, indices.reshape(y.shape[0], -1), x.reshape(y.shape[0], -1), 1)
        return y.reshape(*x.shape[:-rank], *size)
    return reference


def _unpool_samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        shape = (2, 3, 2)[-rank:]
        x = _numbers(2, 3, *shape)
        plane = math.prod(2 * n for n in shape)
        rng = np.random.default_rng(1)
        indices = np.stack([rng.permutation(plane)[:math.prod(shape)] for _ in range(6)]).reshape(x.shape)
        yield (x, indices, 2), {}
        yield (x[0], indices[0], 2), {"output_size": tuple(2 * n + 1 for n in shape)}
    return samples


# Power means ---

def _power_mean(rank: int, input: Any, norm_type: Any, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"lp_pool{rank}d" not implemented for \'{dt.SCALAR_NAMES[input.dtype]}\'')
    if norm_type == math.inf:
        return _LARGEST[rank](input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    if norm_type == -math.inf:
        return -_LARGEST[rank](-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    mean = _MEAN[rank](input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    taps = math.prod(_tuple(kernel_size, rank))
    return (mean.sign() * mean.abs().relu() * taps).pow(1.0 / norm_type)


def _np_power_mean(rank: int) -> Callable[..., Any]:
    def reference(x: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        power = np.abs(x) if math.isinf(norm_type) else x ** norm_type
        if math.isinf(norm_type):
            op: Any = _LARGEST[rank]
            return op.reference(power, kernel_size, stride, 0, 1, ceil_mode)
        op = _MEAN[rank]
        mean = op.reference(power, kernel_size, stride, 0, ceil_mode)
        return (mean * math.prod(_tuple(kernel_size, rank))) ** (1 / norm_type)
    return reference


def _power_samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        x = np.abs(_numbers(2, 2, *(5, 4, 6)[-rank:])) + 0.3
        yield (x, 2, 2), {}
        yield (x[0], 3.0, 3, 2), {"ceil_mode": True}
        yield (x, math.inf, 2), {}
    return samples


# Windows at random places ---

def _starts(samples: Any, size: int, count: int, taps: int) -> Any:
    """Where ``count`` windows of ``taps`` elements begin: (n, c, count) int64."""
    if count == 1:
        return (samples * 0).to(dt.int64) + (size - taps)
    alpha = (size - taps) / (count - 1)
    steps = samples.new_range(count).to(samples.dtype)
    begin = ((steps + samples) * alpha).to(dt.int64) - (samples * alpha).to(dt.int64)
    last = steps >= count - 1
    return begin.masked_fill(last, size - taps)


def _fractional(name: str, rank: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any,
                samples: Any) -> tuple[Any, Any]:
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if input.ndim not in (rank + 1, rank + 2) or any(not n for n in input.shape[input.ndim - rank - 1:]):
        raise RuntimeError(f"{name}(): Expected {rank + 1}D or {rank + 2}D tensor with non-zero size for non-batch "
                           f"dimensions, but got: {list(input.shape)}")
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"{name}" not implemented for \'{dt.SCALAR_NAMES[input.dtype]}\'')
    spatial = tuple(input.shape[-rank:])
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * rank
        if len(ratios) > rank:
            raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
        output_size = [int(n * r) for n, r in zip(spatial, ratios)]
    size, taps = _tuple(output_size, rank), _tuple(kernel_size, rank)
    for word, n, m, k in zip(("time", "height", "width")[-rank:], spatial, size, taps):
        if m + k - 1 > n - (rank == 3):  # as strict as PyTorch
            raise RuntimeError(f"{name}(): pool {word} {k} too large relative to input {word} {n}")
    x = input if input.ndim == rank + 2 else unsqueeze(input, 0)
    n, c = x.shape[:2]
    if samples is None:
        samples = unit(shape=(n, c, rank), dtype=x.dtype, device=x.device)
    # For planes the first sample is the columns', as PyTorch's.
    order = (1, 0) if rank == 2 else range(rank)
    flat: Any = None
    for d, s in enumerate(order):
        begin = _starts(unsqueeze(select(samples, 2, s), 2), spatial[d], size[d], taps[d])
        shape = [n, c] + [1] * (2 * rank)
        shape[2 + d] = size[d]
        window = [1] * (2 + 2 * rank)
        window[2 + rank + d] = taps[d]
        at = reshape(begin, shape) + reshape(begin.new_range(taps[d]), window)
        flat = at if flat is None else flat * spatial[d] + at
    count = math.prod(taps)
    flat = reshape(expand(flat, (n, c, *size, *taps)), (n, c, math.prod(size) * count))
    values = reshape(lookup(reshape(x, (n, c, math.prod(x.shape[2:]))), flat, 2), (n, c, math.prod(size), count))
    best = argmax(values.detach(), 3, True)
    shape = [n, c, *size]
    result = [reshape(lookup(values, best, 3), shape), reshape(
        lookup(reshape(flat, (n, c, math.prod(size), count)), best, 3), shape)]
    if x is not input:
        result = [squeeze(r, 0) for r in result]
    return result[0], result[1]


def _np_fractional(rank: int) -> Callable[..., Any]:
    def reference(x: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
                  return_indices: bool = False, _random_samples: Any = None) -> Any:
        k, size = _tuple(kernel_size, rank), _tuple(output_size, rank)
        spatial = x.shape[-rank:]
        planes = x.reshape(-1, *spatial)
        y, at = np.zeros((len(planes), *size), x.dtype), np.zeros((len(planes), *size), np.int64)
        draws = np.asarray(_random_samples).reshape(len(planes), rank)
        for plane, out, index, draw in zip(planes, y, at, draws):
            draw = draw[::-1] if rank == 2 else draw
            starts = []
            for u, n, m, t in zip(draw, spatial, size, k):
                alpha = (n - t) / (m - 1) if m > 1 else 0
                starts.append([int((i + u) * alpha) - int(u * alpha) for i in range(m - 1)] + [n - t])
            for place in np.ndindex(*size):
                begin = [s[i] for s, i in zip(starts, place)]
                window = plane[tuple(slice(b, b + t) for b, t in zip(begin, k))]
                best = np.unravel_index(window.argmax(), window.shape)
                out[place] = window[best]
                index[place] = np.ravel_multi_index([b + j for b, j in zip(begin, best)], spatial)
        shape = (*x.shape[:-rank], *size)
        return (y.reshape(shape), at.reshape(shape)) if return_indices else y.reshape(shape)
    return reference


def _fractional_samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        x = _numbers(2, 2, *(5, 6, 7)[-rank:])
        draws = np.random.default_rng(2).uniform(0, 1, (2, 2, rank)).astype(np.float32)
        yield (x, 2, 3), {"_random_samples": draws}
    return samples


# The public functions ---

def _with_indices(reference: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: reference(*args, **{**kwargs, "return_indices": True})


def _declare(rank: int) -> dict[str, Any]:
    def unpool(input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               output_size: Any = None) -> Any:
        return _unpool(f"max_unpool{rank}d", rank, input, indices, kernel_size, stride, padding, output_size)

    def power_mean(input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        return _power_mean(rank, input, norm_type, kernel_size, stride, ceil_mode)

    def largest(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                ceil_mode: bool = False, return_indices: bool = False) -> Any:
        return _LARGEST[rank](input, kernel_size, stride, padding, dilation, ceil_mode, True)

    def adaptive(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        return _ADAPTIVE[rank](input, output_size, True)

    shape = f"(n, c, {', '.join('dhw'[3 - rank:])}), or without n"
    unpool.__doc__ = f"""Planes that are zero except where ``max_pool{rank}d`` found its results.

    Args:
        input: {shape}.
        indices: as ``max_pool{rank}d`` returns them.
        kernel_size, stride, padding: of the pooling.
        output_size: of the planes, where that leaves a choice.

    Raises:
        RuntimeError: shapes or dtypes that don't fit.  ValueError: an impossible ``output_size``.
    """
    power_mean.__doc__ = f"""The root of the sum of powers of each {rank}-d window.

    Args:
        input: {shape}.
        norm_type: the power; infinity for the largest magnitude.
        kernel_size, stride, ceil_mode: as in ``avg_pool{rank}d``.
    """
    largest.__doc__ = f"``max_pool{rank}d`` with ``return_indices``."
    adaptive.__doc__ = f"``adaptive_max_pool{rank}d`` with ``return_indices``."
    pool: Any = _LARGEST[rank]
    scaled: Any = _ADAPTIVE[rank]

    def first(samples: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: [next(iter(samples()))]

    made = {
        f"max_unpool{rank}d": composite("pool", name=f"max_unpool{rank}d", samples=_unpool_samples(rank),
                                        reference=_np_unpool(rank), **_OPTIONS)(unpool),
        f"lp_pool{rank}d": composite("pool", name=f"lp_pool{rank}d", samples=_power_samples(rank),
                                     reference=_np_power_mean(rank), **_OPTIONS)(power_mean),
        f"max_pool{rank}d_with_indices": composite(
            "pool", name=f"max_pool{rank}d_with_indices", samples=first(pool.samples),
            reference=_with_indices(pool.reference), **_OPTIONS)(largest),
        f"adaptive_max_pool{rank}d_with_indices": composite(
            "pool", name=f"adaptive_max_pool{rank}d_with_indices", samples=first(scaled.samples),
            reference=_with_indices(scaled.reference), **_OPTIONS)(adaptive)}
    return made | (_declare_fractional(rank) if rank > 1 else {})


def _declare_fractional(rank: int) -> dict[str, Any]:
    name = f"fractional_max_pool{rank}d"

    def pooled(input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
               return_indices: bool = False, _random_samples: Any = None) -> Any:
        values, indices = _fractional(name, rank, input, kernel_size, output_size, output_ratio, _random_samples)
        return (values, indices) if return_indices else values

    def with_indices(input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
                     return_indices: bool = False, _random_samples: Any = None) -> Any:
        return _fractional(name, rank, input, kernel_size, output_size, output_ratio, _random_samples)

    pooled.__doc__ = f"""The largest element of windows at pseudo-random places (Graham, arXiv:1412.6071).

    Args:
        input: (n, c, {', '.join('dhw'[3 - rank:])}), or without n.
        kernel_size: of the windows.
        output_size, output_ratio: of the result, or its ratio to the input's; one of the two.
        return_indices: return also the flat indices in their planes (int64).

    Raises:
        ValueError: neither size nor ratio.  RuntimeError: windows that don't fit.
    """
    with_indices.__doc__ = f"``{name}`` with ``return_indices``."
    return {name: composite("pool", name=name, samples=_fractional_samples(rank),
                            reference=_np_fractional(rank), **_OPTIONS)(pooled),
            f"{name}_with_indices": composite(
                "pool", name=f"{name}_with_indices", samples=_fractional_samples(rank),
                reference=_with_indices(_np_fractional(rank)), **_OPTIONS)(with_indices)}


for _rank in (1, 2, 3):
    _declare(_rank)
