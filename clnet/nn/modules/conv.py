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


class _Conv(Module):
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
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty((out_channels,), device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check_padding(self, padding: Any, mode: str, stride: Any) -> None:
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}")
            if padding == "same" and any(s != 1 for s in as_tuple(stride, self.rank)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        modes = ("zeros", "reflect", "replicate", "circular")
        if mode not in modes:
            raise ValueError(f"padding_mode must be one of {set(modes)}, but got padding_mode='{mode}'")
        if mode != "zeros":
            raise NotImplementedError(f"convolution layers pad with zeros only so far, not {mode!r}")

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight.numel() // self.out_channels if self.out_channels else 0
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                 f"stride={self.stride}"]
        for name, default in (("padding", (0,) * self.rank), ("dilation", (1,) * self.rank), ("groups", 1)):
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={value}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)


class Conv1d(_Conv):
    """1-D convolution: (N, C, L) to (N, out_channels, L')."""

    rank = 1

    def forward(self, input: Tensor) -> Tensor:
        return F.conv1d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """2-D convolution: (N, C, H, W) to (N, out_channels, H', W')."""

    rank = 2

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv3d(_Conv):
    """3-D convolution: (N, C, D, H, W) to (N, out_channels, D', H', W')."""

    rank = 3

    def forward(self, input: Tensor) -> Tensor:
        return F.conv3d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
