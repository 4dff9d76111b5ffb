"""Initial values of parameters, written in place and outside any graph.

Distributions after Glorot & Bengio 2010 (xavier), He et al. 2015 (kaiming), Saxe et al. 2013
(orthogonal).
"""
from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.mode import no_grad
from ..tensor import Tensor
from ..tensor.creation import tensor as new_tensor

_GAINS = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
           "conv_transpose3d", "sigmoid")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance through a nonlinearity; ``param`` is leaky ReLU's slope.

    Raises:
        ValueError: an unknown name, or a slope that is no number.
    """
    if nonlinearity in _LINEAR:
        return 1.0
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    if param is None:
        slope = 0.01
    elif isinstance(param, (int, float)) and not isinstance(param, bool):
        slope = param
    else:
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + slope ** 2))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """(fan in, fan out) of a weight (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode.lower() == "fan_out"]


def _write(tensor: Tensor, write: Callable[[Any], Any]) -> Tensor:
    if not tensor.is_meta:
        with no_grad():
            write(tensor)
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in [a, b)."""
    return _write(tensor, lambda t: t.uniform_(a, b, generator=generator))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normal of the given mean and standard deviation."""
    return _write(tensor, lambda t: t.normal_(mean, std, generator=generator))


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Any = None) -> Tensor:
    """Normal, limited to [a, b] by drawing only from that part of the distribution."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
                      "values may be incorrect.", stacklevel=2)

    def cumulative(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    low, high = cumulative((a - mean) / std), cumulative((b - mean) / std)

    def write(t: Any) -> None:
        # The inverse of the cumulative distribution, in double precision on the host: erfinv's
        # tails lose everything in float32.
        t.uniform_(2 * low - 1, 2 * high - 1, generator=generator)
        drawn = np.asarray(t.tolist(), dtype=np.float64)
        values = mean + std * math.sqrt(2.0) * _erfinv(drawn)
        t.copy_(new_tensor(np.clip(values, a, b), dtype=t.dtype, device=t.device))

    return _write(tensor, write)


def _erfinv(y: np.ndarray) -> np.ndarray:
    """Inverse error function: Winitzki's approximation, polished by Newton's method."""
    y = np.clip(y, -1 + 1e-15, 1 - 1e-15)
    log = np.log1p(-y * y)
    part = 2 / (math.pi * 0.147) + log / 2
    x = np.sign(y) * np.sqrt(np.sqrt(part * part - log / 0.147) - part)
    erf = np.vectorize(math.erf, otypes=[float])
    for _ in range(3):
        x -= (erf(x) - y) * (math.sqrt(math.pi) / 2) * np.exp(x * x)
    return x


def constant_(tensor: Tensor, val: float) -> Tensor:
    """``val`` everywhere."""
    return _write(tensor, lambda t: t.fill_(val))


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix (ValueError unless 2-dimensional)."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")

    def write(t: Any) -> None:
        t.fill_(0)
        t.diagonal().fill_(1)

    return _write(tensor, write)


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The convolution weight that passes its input channels through.

    Raises:
        ValueError: not 3- to 5-dimensional, or the outputs don't divide into the groups.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = tensor.shape[0] // groups
    values = np.zeros(tuple(tensor.shape))
    centre = tuple(n // 2 for n in tensor.shape[2:])
    for g in range(groups):
        for d in range(min(per_group, tensor.shape[1])):
            index = (g * per_group + d, d, *centre)
            values[index] = 1
    return _write(tensor, lambda t: t.copy_(new_tensor(values, dtype=t.dtype, device=t.device)))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in ±gain * sqrt(6 / (fan_in + fan_out))."""
    bound = gain * math.sqrt(6.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal of deviation gain * sqrt(2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor))), generator)


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Any = None) -> Tensor:
    """Uniform in ±gain * sqrt(3 / fan); ``a`` is the slope of the leaky ReLU that follows."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3.0 / _calculate_correct_fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Any = None) -> Tensor:
    """Normal of deviation gain / sqrt(fan)."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    gain = calculate_gain(nonlinearity, a)
    return normal_(tensor, 0.0, gain / math.sqrt(_calculate_correct_fan(tensor, mode)), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """A (semi-)orthogonal matrix, times ``gain``; dimensions after the first count as one.

    Raises:
        ValueError: fewer than 2 dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if not tensor.numel():
        return tensor

    def write(t: Any) -> None:
        t.normal_(0.0, 1.0, generator=generator)
        flat = np.asarray(t.tolist(), dtype=np.float64).reshape(t.shape[0], -1)
        tall = flat.shape[0] >= flat.shape[1]
        q, r = np.linalg.qr(flat if tall else flat.T)
        q = q * np.sign(np.diag(r))  # makes the decomposition unique, so q is uniformly distributed
        values = gain * (q if tall else q.T).reshape(tuple(t.shape))
        t.copy_(new_tensor(np.ascontiguousarray(values), dtype=t.dtype, device=t.device))

    return _write(tensor, write)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Normal of deviation ``std``, with a share ``sparsity`` of each column zero (Martens 2010).

    Raises:
        ValueError: not 2 dimensions.
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)

    def write(t: Any) -> None:
        t.normal_(0.0, std, generator=generator)
        order = t.new_empty((rows, columns)).uniform_(0.0, 1.0, generator=generator).argsort(0)
        t.copy_(t.scatter(0, order.narrow(0, 0, zeros), value=0.0))

    return _write(tensor, write)


def _deprecated(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function under its old name, without the underscore."""
    old = function.__name__[:-1]

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{function.__name__}`.", FutureWarning,
                      stacklevel=2)
        return function(*args, **kwargs)
    renamed.__name__ = renamed.__qualname__ = old
    return renamed


uniform, normal, constant = _deprecated(uniform_), _deprecated(normal_), _deprecated(constant_)
eye, dirac, orthogonal, sparse = _deprecated(eye_), _deprecated(dirac_), _deprecated(orthogonal_), _deprecated(sparse_)
xavier_uniform, xavier_normal = _deprecated(xavier_uniform_), _deprecated(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecated(kaiming_uniform_), _deprecated(kaiming_normal_)
