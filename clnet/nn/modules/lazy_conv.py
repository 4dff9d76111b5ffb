"""Convolutions that learn the number of input channels from their first input."""
from __future__ import annotations

from typing import Any

from ...autograd.mode import no_grad
from ...core.dtypes import DType
from ...tensor import Tensor
from ..parameter import UninitializedParameter
from .conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _ConvNd,
    _ConvTransposeNd,
)
from .lazy import LazyModuleMixin


class _LazyChannels(LazyModuleMixin, _ConvNd):
    """What waits for ``in_channels``."""

    def _postpone(self, bias: bool, device: Any, dtype: DType | None) -> None:
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = UninitializedParameter(**made)
        if bias:
            self.bias = UninitializedParameter(**made)
        self._wait()

    def reset_parameters(self) -> None:
        """Draw new initial values, once there are any."""
        if self.in_channels and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take the input's number of channels as ``in_channels``."""
        if input.ndim not in (self.rank + 1, self.rank + 2):
            raise RuntimeError(f"Expected {self.rank + 1}D (unbatched) or {self.rank + 2}D (batched) input to "
                               f"{type(self).__name__}, but got input of size: {input.shape}")
        self.in_channels = self.in_channels or input.shape[input.ndim - self.rank - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        if self.has_uninitialized_params():
            with no_grad():
                self.weight.materialize(self._weight_shape())
                if self.bias is not None:
                    self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class _LazyConv(_LazyChannels):
    def __init__(self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
                 dtype: DType | None = None) -> None:
        _ConvNd.__init__(self, 0, out_channels, kernel_size, stride, padding, dilation, groups, False, padding_mode,
                       device, dtype)
        self._postpone(bias, device, dtype)


class _LazyConvTranspose(_LazyChannels, _ConvTransposeNd):
    def __init__(self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
                 padding_mode: str = "zeros", device: Any = None, dtype: DType | None = None) -> None:
        _ConvTransposeNd.__init__(self, 0, out_channels, kernel_size, stride, padding, output_padding, groups, False,
                                dilation, padding_mode, device, dtype)
        self._postpone(bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """``Conv1d`` of as many input channels as its first input has."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """``Conv2d`` of as many input channels as its first input has."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """``Conv3d`` of as many input channels as its first input has."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """``ConvTranspose1d`` of as many input channels as its first input has."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """``ConvTranspose2d`` of as many input channels as its first input has."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """``ConvTranspose3d`` of as many input channels as its first input has."""

    cls_to_become = ConvTranspose3d
