"""Brightness, contrast, saturation and hue.

Pictures are computed as tensors and converted back, so that both give the same.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...nn import Module
from ...ops.join import cat, stack
from ...tensor import Tensor
from . import functional as F
from .chance import draw

# ITU-R BT.601 luma, as torchvision has it.
_LUMA = (0.2989, 0.587, 0.114)


def _as_tensor(change: Callable[[Tensor], Tensor], img: Any) -> Any:
    """A change of tensors on a tensor or a picture."""
    return change(img) if isinstance(img, Tensor) else F.to_pil_image(change(F.pil_to_tensor(img)))


def _grey(img: Any) -> Any:
    """The luma, of shape (..., 1, H, W), in float."""
    values = img if img.is_floating_point() else img.float()
    if img.shape[-3] == 1:
        return values
    red, green, blue = values.split(1, -3)
    grey = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    return grey if img.is_floating_point() else grey.floor()


def _bound(img: Any) -> float:
    return 1.0 if img.is_floating_point() else float(np.iinfo(img.dtype.storage).max)


def _blend(img: Any, other: Any, ratio: float) -> Tensor:
    values = img if img.is_floating_point() else img.float()
    return (ratio * values + (1 - ratio) * other).clamp(0, _bound(img)).to(img.dtype)


def _brightness(img: Any, factor: float) -> Tensor:
    return _blend(img, 0.0, factor)


def _contrast(img: Any, factor: float) -> Tensor:
    return _blend(img, _grey(img).mean(dim=(-3, -2, -1), keepdim=True), factor)


def _saturation(img: Any, factor: float) -> Tensor:
    return img if img.shape[-3] == 1 else _blend(img, _grey(img), factor)


def _hue(img: Any, factor: float) -> Tensor:
    """Colours turned on the wheel: to hue, saturation, value and back (Smith 1978), ``factor`` of a turn."""
    if img.shape[-3] == 1:
        return img
    values = img if img.is_floating_point() else img.float() / _bound(img)
    red, green, blue = values.unbind(-3)
    high, low = values.amax(-3), values.amin(-3)
    spread = high - low
    safe = spread + (spread == 0)
    hue = ((high == red) * ((green - blue) / safe)
           + ((high != red) & (high == green)) * (2 + (blue - red) / safe)
           + ((high != red) & (high != green)) * (4 + (red - green) / safe)) / 6 + factor
    # f(n) = V - V S max(0, min(k, 4 - k, 1)) with k = (n + 6 H) mod 6, and V S is the spread.
    turned = []
    for n in (5, 3, 1):
        k = (n + 6 * hue).remainder(6)
        turned.append(high - spread * k.minimum(4 - k).clamp(0, 1))
    done = stack(turned, -3)
    return done if img.is_floating_point() else (done * _bound(img)).round().to(img.dtype)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 is black, 1 the image itself, 2 twice as bright."""
    return _as_tensor(lambda t: _brightness(t, brightness_factor), img)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 is grey, 1 the image itself."""
    return _as_tensor(lambda t: _contrast(t, contrast_factor), img)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 is black and white, 1 the image itself."""
    return _as_tensor(lambda t: _saturation(t, saturation_factor), img)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """Hues shifted by a share of the wheel, from -0.5 to 0.5.

    Raises:
        ValueError: beyond.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    return _as_tensor(lambda t: _hue(t, hue_factor), img)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Black and white, in one channel or three equal ones."""
    def change(t: Tensor) -> Tensor:
        grey = _grey(t).to(t.dtype)
        return grey if num_output_channels == 1 else cat([grey] * 3, -3)
    return _as_tensor(change, img)


class ColorJitter(Module):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    Args:
        brightness, contrast, saturation: (least, greatest) factor, or a number x for (1 - x, 1 + x).
        hue: (least, greatest) shift within -0.5..0.5, or a number x for (-x, x).

    Raises:
        ValueError: a range outside of what is possible.
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        super().__init__()
        self.brightness = _range("brightness", brightness)
        self.contrast = _range("contrast", contrast)
        self.saturation = _range("saturation", saturation)
        self.hue = _range("hue", hue, middle=0.0, bounds=(-0.5, 0.5))

    def forward(self, img: Any) -> Any:
        numbers = draw()
        steps = [(adjust_brightness, self.brightness), (adjust_contrast, self.contrast),
                 (adjust_saturation, self.saturation), (adjust_hue, self.hue)]
        for i in numbers.permutation(4):
            change, limits = steps[i]
            if limits is not None:
                img = change(img, float(numbers.uniform(*limits)))
        return img

    def __repr__(self) -> str:
        return (f"ColorJitter(brightness={self.brightness}, contrast={self.contrast}, "
                f"saturation={self.saturation}, hue={self.hue})")


def _range(name: str, value: float | Sequence[float], middle: float = 1.0,
           bounds: tuple[float, float] = (0.0, float("inf"))) -> tuple[float, float] | None:
    """(least, greatest); None where nothing changes."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = max(middle - value, bounds[0]) if name != "hue" else middle - value, middle + value
    else:
        low, high = value
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(f"{name} values should be between {bounds}, but got {[low, high]}.")
    return None if low == high == middle else (float(low), float(high))


class Grayscale(Module):
    """Black and white, in one channel or three equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        return rgb_to_grayscale(img, self.num_output_channels)


class RandomGrayscale(Module):
    """Black and white with probability ``p``, in as many channels as before."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        return rgb_to_grayscale(img, F.get_dimensions(img)[0]) if draw().random() < self.p else img
