"""Flips, turns and holes, at random."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...nn import Module
from ...tensor import Tensor
from ...tensor.creation import tensor as make
from ...tensor.random import randn
from . import functional as F
from .chance import draw
from .interpolation import InterpolationMode


class RandomHorizontalFlip(Module):
    """Left and right exchanged with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        return F.hflip(img) if draw().random() < self.p else img

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


class RandomVerticalFlip(Module):
    """Top and bottom exchanged with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        return F.vflip(img) if draw().random() < self.p else img

    def __repr__(self) -> str:
        return f"RandomVerticalFlip(p={self.p})"


class RandomRotation(Module):
    """The image turned by an angle of a range: (least, greatest), or one number for both ways."""

    def __init__(self, degrees: float | Sequence[float], interpolation: Any = InterpolationMode.NEAREST,
                 expand: bool = False, center: Sequence[float] | None = None, fill: Any = 0) -> None:
        super().__init__()
        if isinstance(degrees, (int, float)):
            if degrees < 0:
                raise ValueError("If degrees is a single number, it must be positive.")
            degrees = (-degrees, degrees)
        self.degrees = tuple(degrees)
        self.interpolation, self.expand, self.center, self.fill = interpolation, expand, center, fill

    def forward(self, img: Any) -> Any:
        angle = float(draw().uniform(self.degrees[0], self.degrees[1]))
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        return f"RandomRotation(degrees={list(self.degrees)})"


class RandomErasing(Module):
    """A window of a tensor overwritten with probability ``p`` (Zhong et al. 2017).

    Args:
        scale: least and greatest share of the area.  ratio: least and greatest height by width.
        value: a number, one for each channel, or "random" for noise.
    """

    def __init__(self, p: float = 0.5, scale: Sequence[float] = (0.02, 0.33), ratio: Sequence[float] = (0.3, 3.3),
                 value: Any = 0, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.scale, self.ratio, self.value, self.inplace = p, tuple(scale), tuple(ratio), value, inplace

    def forward(self, img: Tensor) -> Tensor:
        numbers = draw()
        if numbers.random() >= self.p:
            return img
        channels, h, w = F.get_dimensions(img)
        for _ in range(10):
            area = h * w * numbers.uniform(self.scale[0], self.scale[1])
            shape = math.exp(numbers.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            height, width = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < height < h and 0 < width < w:
                top, left = int(numbers.integers(h - height + 1)), int(numbers.integers(w - width + 1))
                return F.erase(img, top, left, height, width, self._value(img, channels, height, width),
                               self.inplace)
        return img

    def _value(self, img: Tensor, channels: int, height: int, width: int) -> Any:
        if self.value == "random":
            return randn(channels, height, width, dtype=img.dtype, device=img.device)
        if isinstance(self.value, (list, tuple)):
            return make(list(self.value), dtype=img.dtype, device=img.device).reshape(-1, 1, 1)
        return self.value
