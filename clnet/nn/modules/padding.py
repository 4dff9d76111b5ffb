"""Padding layers."""
from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import functional as F
from .module import Module


class _Pad(Module):
    rank: int
    mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self.rank) if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.rank + 1, self.rank + 2):
            raise ValueError(f"expected {self.rank + 1}D or {self.rank + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad):
    """The last dimension framed by a constant."""

    rank = 1


class ConstantPad2d(_ConstantPad):
    """The last two dimensions framed by a constant."""

    rank = 2


class ConstantPad3d(_ConstantPad):
    """The last three dimensions framed by a constant."""

    rank = 3


class ZeroPad1d(_ZeroPad):
    """The last dimension framed by zeros."""

    rank = 1


class ZeroPad2d(_ZeroPad):
    """The last two dimensions framed by zeros."""

    rank = 2


class ZeroPad3d(_ZeroPad):
    """The last three dimensions framed by zeros."""

    rank = 3


class ReflectionPad1d(_Pad):
    """The last dimension framed by its mirror image, without the edge."""

    rank = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """The last two dimensions framed by its mirror image, without the edge."""

    rank = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """The last three dimensions framed by its mirror image, without the edge."""

    rank = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """The last dimension framed by its edge, repeated."""

    rank = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """The last two dimensions framed by its edge, repeated."""

    rank = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """The last three dimensions framed by its edge, repeated."""

    rank = 3
    mode = "replicate"


class CircularPad1d(_CircularPad):
    """The last dimension framed by its other end."""

    rank = 1


class CircularPad2d(_CircularPad):
    """The last two dimensions framed by its other end."""

    rank = 2


class CircularPad3d(_CircularPad):
    """The last three dimensions framed by its other end."""

    rank = 3
