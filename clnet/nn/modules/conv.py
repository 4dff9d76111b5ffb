"""Convolution layers."""
from __future__ import annotations

import math
from typing import Any

from ...core.dtypes import DType
from ...tensor import Tensor
from ...tensor.creation import empty
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module


def as_tuple(value: Any, count: int) -> tuple[int, ...]:
    """One number per spatial dimension."""
    return (value,) * count if isinstance(value, int) else tuple(value)


class _ConvNd(Module):
    """What convolutions of every rank share: weight (out, in / groups, *kernel) and bias (out).

    Both start uniform in ±1/sqrt(in / groups * prod(kernel)).
    """

    rank: int
    weight: Parameter
    bias: Parameter | None

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        self._check_padding(padding, padding_mode, stride)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = as_tuple(kernel_size, self.rank)
        self.stride = as_tuple(stride, self.rank)
        self.padding = padding if isinstance(padding, str) else as_tuple(padding, self.rank)
        self.dilation = as_tuple(dilation, self.rank)
        self.padding_mode = padding_mode
        self.weight = Parameter(empty(self._weight_shape(), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty((out_channels,), device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def _check_padding(self, padding: Any, mode: str, stride: Any) -> None:
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}")
            if padding == "same" and any(s != 1 for s in as_tuple(stride, self.rank)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        modes = ("zeros", "reflect", "replicate", "circular")
        if mode not in modes:
            raise ValueError(f"padding_mode must be one of {set(modes)}, but got padding_mode='{mode}'")

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input padded as ``padding_mode`` says, and what is left to pad with zeros."""
        if self.padding_mode == "zeros":
            return input, self.padding
        widths: list[int] = []
        for d in reversed(range(self.rank)):
            if isinstance(self.padding, str):
                total = self.dilation[d] * (self.kernel_size[d] - 1) if self.padding == "same" else 0
                widths += [total // 2, total - total // 2]
            else:
                widths += [self.padding[d]] * 2
        return F.pad(input, widths, mode=self.padding_mode), 0

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                 f"stride={self.stride}"]
        zeros, ones = (0,) * self.rank, (1,) * self.rank
        for name, default in (("padding", zeros), ("dilation", ones), ("output_padding", zeros), ("groups", 1)):
            value = self.__dict__.get(name, default)
            if value != default:
                parts.append(f"{name}={value}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Conv1d(_ConvNd):
    """1-D convolution: (N, C, L) to (N, out_channels, L')."""

    rank = 1

    def forward(self, input: Tensor) -> Tensor:
        padded, padding = self._padded(input)
        return F.conv1d(padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_ConvNd):
    """2-D convolution: (N, C, H, W) to (N, out_channels, H', W')."""

    rank = 2

    def forward(self, input: Tensor) -> Tensor:
        padded, padding = self._padded(input)
        return F.conv2d(padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_ConvNd):
    """3-D convolution: (N, C, D, H, W) to (N, out_channels, D', H', W')."""

    rank = 3

    def forward(self, input: Tensor) -> Tensor:
        padded, padding = self._padded(input)
        return F.conv3d(padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTransposeNd(_ConvNd):
    """The transposed convolution: what a convolution's input gradient is (weight (in, out / groups, *kernel)).

    ``output_padding`` or, at the call, ``output_size`` chooses among the sizes that a strided
    convolution maps to the same one.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, output_padding: Any = 0, groups: int = 1, bias: bool = True,
                 dilation: Any = 1, padding_mode: str = "zeros", device: Any = None,
                 dtype: DType | None = None) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
                         padding_mode, device, dtype)
        self.output_padding = as_tuple(output_padding, self.rank)

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def _output_padding(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """What makes the result of that size (ValueError if nothing does)."""
        if output_size is None:
            return self.output_padding
        wanted = tuple(output_size)[-self.rank:]
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in zip(
            input.shape[-self.rank:], self.stride, as_tuple(self.padding, self.rank), self.dilation,
            self.kernel_size)]
        most = [n + s - 1 for n, s in zip(least, self.stride)]
        if len(wanted) != self.rank or any(not a <= n <= b for a, n, b in zip(least, wanted, most)):
            raise ValueError(f"requested an output size of {list(output_size)}, but valid sizes range from "
                             f"{least} to {most} (for an input of {list(input.shape[-self.rank:])})")
        return tuple(n - a for n, a in zip(wanted, least))


class ConvTranspose1d(_ConvTransposeNd):
    """1-D transposed convolution: (N, C, L) to (N, out_channels, L')."""

    rank = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        return F.conv_transpose1d(input, self.weight, self.bias, self.stride, self.padding,
                                  self._output_padding(input, output_size), self.groups, self.dilation)


class ConvTranspose2d(_ConvTransposeNd):
    """2-D transposed convolution: (N, C, H, W) to (N, out_channels, H', W')."""

    rank = 2

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding,
                                  self._output_padding(input, output_size), self.groups, self.dilation)


class ConvTranspose3d(_ConvTransposeNd):
    """3-D transposed convolution: (N, C, D, H, W) to (N, out_channels, D', H', W')."""

    rank = 3

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        return F.conv_transpose3d(input, self.weight, self.bias, self.stride, self.padding,
                                  self._output_padding(input, output_size), self.groups, self.dilation)
