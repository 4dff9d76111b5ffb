"""Normalisation over groups of channels, single channels, and by the root mean square."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import layout as lay
from .arithmetic import addcmul, mul, rsqrt
from .declare import composite
from .pool import avg_pool2d
from .reduction import mean
from .rowwise import batch_norm, normalize
from .view import narrow, reshape

# Relative spacing of the numbers of each type: PyTorch's default eps of rms_norm.
_EPSILON = {"float16": 2.0 ** -10, "bfloat16": 2.0 ** -7, "float32": 2.0 ** -23, "float64": 2.0 ** -52}


def _functional(**fields: Any) -> Any:
    return composite("rowwise", namespace="nn.functional", method=False, **fields)


def _channels(input: Any, least: int) -> int:
    if input.ndim < least:
        raise RuntimeError(f"Expected at least {least} dimensions for input tensor but received {input.ndim}")
    return input.shape[1]


def _check_parameters(channels: int, **parameters: Any) -> None:
    for name, p in parameters.items():
        if p is not None and (p.ndim != 1 or p.numel() != channels):
            raise RuntimeError(f"Expected {name} to be a vector of size equal to the number of channels in "
                               f"input, but got {name} of shape {list(p.shape)} and {channels} channels")


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    """``y * weight + bias`` per channel."""
    shape = (1, -1) + (1,) * (y.ndim - 2)
    if weight is None:
        return y if bias is None else y + reshape(bias, shape)
    if bias is None:
        return mul(y, reshape(weight, shape))
    return addcmul(reshape(bias, shape), y, reshape(weight, shape))


def _np_rows(x: Any, rows: tuple[int, ...], weight: Any, bias: Any, eps: float) -> Any:
    flat = x.reshape(*rows, -1)
    y = (flat - flat.mean(-1, keepdims=True)) / np.sqrt(flat.var(-1, keepdims=True) + eps)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    y = y.reshape(x.shape)
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def _data() -> tuple[Any, Any, Any]:
    x = np.sin(np.arange(120.0) ** 1.3).reshape(2, 6, 2, 5)
    return x, np.linspace(0.5, 1.5, 6), np.linspace(-1, 1, 6)


def _group_samples() -> Any:
    x, w, b = _data()
    yield (x, 3, w, b), {}
    yield (x, 1), {"eps": 0.1}
    yield (x, 2, w), {}


@_functional(samples=_group_samples, reference=lambda x, groups, weight=None, bias=None, eps=1e-5: _np_rows(
    x, (x.shape[0], groups), weight, bias, eps))
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Elements centred and scaled per sample over groups of channels (Wu & He 2018).

    Raises:
        RuntimeError: the channels do not divide into the groups, or the parameters don't fit.
    """
    channels = _channels(input, 2)
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(f"Expected number of channels in input to be divisible by num_groups, but got "
                           f"input of shape {list(input.shape)} and num_groups={num_groups}")
    _check_parameters(channels, weight=weight, bias=bias)
    size = input.numel() // max(input.shape[0] * num_groups, 1)
    rows = reshape(input, (input.shape[0], num_groups, size))
    y = normalize(rows, None, None, eps, (2,), "row")[0]
    return _affine(reshape(y, tuple(input.shape)), weight, bias)


def _instance_samples() -> Any:
    x, w, b = _data()
    yield (x, None, None, w, b), {}
    yield (x,), {"eps": 0.1}


def _np_instance(x: Any, m: Any = None, v: Any = None, weight: Any = None, bias: Any = None,
                 eps: float = 1e-5) -> Any:
    return _np_rows(x, x.shape[:2], weight, bias, eps)


@_functional(samples=_instance_samples, reference=_np_instance)
def instance_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
                  bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1,
                  eps: float = 1e-5) -> Any:
    """Elements centred and scaled per sample and channel (Ulyanov et al. 2016).

    By running statistics instead if not ``use_input_stats``; else these, where given, move by
    ``momentum``.

    Raises:
        ValueError: a single value per channel.  RuntimeError: parameters that don't fit.
    """
    channels = _channels(input, 2)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    dims = tuple(range(2, input.ndim))
    if math.prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size "
                         f"{list(input.shape)}")
    _check_parameters(channels, weight=weight, bias=bias)
    running = running_mean is not None
    y, centre, _, *spread = normalize(input, None, None, eps, dims, "row", running)
    if running:
        for kept, found in ((running_mean, centre), (running_var, spread[0])):
            average = mean(reshape(found.detach(), (-1, channels)), 0)
            kept.lerp_(average.to(kept.dtype), float(momentum))
    return _affine(y, weight, bias)


def _rms_samples() -> Any:
    x = np.sin(np.arange(60.0) ** 1.3).reshape(3, 4, 5)
    yield (x, (5,)), {"eps": 1e-6}
    yield (x, (4, 5), np.linspace(0.5, 1.5, 20).reshape(4, 5)), {"eps": 0.1}


def _np_rms(x: Any, shape: Any, weight: Any = None, eps: float = 1e-6) -> Any:
    dims = tuple(range(x.ndim - len(shape), x.ndim))
    y = x / np.sqrt((x * x).mean(dims, keepdims=True) + eps)
    return y if weight is None else y * weight


@_functional(samples=_rms_samples, reference=_np_rms)
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """Elements divided by the root mean square of the last dimensions (Zhang & Sennrich 2019).

    Args:
        eps: added to the mean square; by default the type's relative spacing.

    Raises:
        RuntimeError: the shapes don't fit.
    """
    shape = lay.size_of((normalized_shape,)) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    first = input.ndim - len(shape)
    if first < 0 or tuple(input.shape[first:]) != shape:
        raise RuntimeError(f"Given normalized_shape={list(shape)}, expected input with shape [*, "
                           f"{', '.join(map(str, shape))}], but got input of size{list(input.shape)}")
    if weight is not None and tuple(weight.shape) != shape:
        raise RuntimeError(f"Expected weight to be of same shape as normalized_shape, but got weight of "
                           f"shape {list(weight.shape)} and normalized_shape = {list(shape)}")
    added = _EPSILON[input.dtype.name] if eps is None else float(eps)
    scale = rsqrt(mean(input * input, tuple(range(first, input.ndim)), True) + added)
    y = input * scale
    return y if weight is None else y * weight


def _local_samples() -> Any:
    x = np.sin(np.arange(120.0) ** 1.3).reshape(2, 6, 2, 5)
    yield (x, 3), {"alpha": 0.5}
    yield (x[..., 0], 2), {"alpha": 0.5, "beta": 0.5, "k": 2.0}


def _np_local(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    padded = np.pad(x * x, [(0, 0), (size // 2, (size - 1) // 2)] + [(0, 0)] * (x.ndim - 2))
    total = sum(padded[:, i:i + x.shape[1]] for i in range(size))
    average = total // size if (x == np.trunc(x)).all() else total / size  # integers are pooled as such
    return x / (average * alpha + k) ** beta


@_functional(samples=_local_samples, reference=_np_local)
def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75,
                        k: float = 1.0) -> Any:
    """``input / (k + alpha * mean of the squares of size neighbouring channels) ** beta``.

    Krizhevsky et al. 2012; channels are dimension 1 of at least three, beyond their ends are zeros.

    Raises:
        ValueError: fewer than three dimensions.
    """
    if input.ndim < 3:
        raise ValueError("Expected 3D or higher dimensionality                          input (got "
                         f"{input.ndim} dimensions)")
    if not input.numel():
        return input
    n, c = input.shape[:2]
    squares = reshape(input * input, (n, 1, c, input.numel() // (n * c)))
    # An even size has one channel more before than behind: the last window of the padded ones is too many.
    windows = narrow(avg_pool2d(squares, (size, 1), 1, (size // 2, 0)), 2, 0, c)
    return input / (reshape(windows, tuple(input.shape)) * alpha + k) ** beta
