"""Windows, sizes and margins."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...nn import Module
from . import functional as F
from .chance import draw
from .interpolation import InterpolationMode


def _size(size: Any) -> tuple[int, int]:
    numbers = [size] if isinstance(size, int) else list(size)
    if len(numbers) not in (1, 2):
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return int(numbers[0]), int(numbers[-1])


class Resize(Module):
    """The image at another size: (height, width), or one number for the shorter side."""

    def __init__(self, size: int | Sequence[int], interpolation: Any = InterpolationMode.BILINEAR,
                 max_size: int | None = None, antialias: bool | None = True) -> None:
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size, self.interpolation, self.max_size, self.antialias = size, interpolation, max_size, antialias

    def forward(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return (f"Resize(size={self.size}, interpolation={getattr(self.interpolation, 'value', self.interpolation)}, "
                f"max_size={self.max_size}, antialias={self.antialias})")


class CenterCrop(Module):
    """The middle of the image."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = _size(size)

    def forward(self, img: Any) -> Any:
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class FiveCrop(Module):
    """The four corners and the middle, as a tuple."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = _size(size)

    def forward(self, img: Any) -> tuple[Any, ...]:
        height, width = self.size
        w, h = F.get_image_size(img)
        if width > w or height > h:
            raise ValueError(f"Requested crop size {self.size} is bigger than input size {(h, w)}")
        corners = [(0, 0), (0, w - width), (h - height, 0), (h - height, w - width)]
        return (*(F.crop(img, top, left, height, width) for top, left in corners), F.center_crop(img, self.size))


class Pad(Module):
    """Pixels around the image: see ``functional.pad``."""

    def __init__(self, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        if not isinstance(padding, int) and len(padding) not in (1, 2, 4):
            raise ValueError("Padding must be an int or a 1, 2, or 4 element tuple, not a "
                             f"{len(padding)} element tuple")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"Pad(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomCrop(Module):
    """A window anywhere in the image, after padding.

    Args:
        padding, fill, padding_mode: as in ``functional.pad``.
        pad_if_needed: widen images that are too small.

    Raises:
        ValueError: the image is too small (at the call).
    """

    def __init__(self, size: int | Sequence[int], padding: Any = None, pad_if_needed: bool = False, fill: Any = 0,
                 padding_mode: str = "constant") -> None:
        super().__init__()
        self.size, self.padding, self.pad_if_needed = _size(size), padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    def forward(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        height, width = self.size
        w, h = F.get_image_size(img)
        if self.pad_if_needed and (w < width or h < height):
            img = F.pad(img, [max(width - w, 0), max(height - h, 0)], self.fill, self.padding_mode)
            w, h = F.get_image_size(img)
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image size {(h, w)}")
        numbers = draw()
        return F.crop(img, int(numbers.integers(h - height + 1)), int(numbers.integers(w - width + 1)),
                      height, width)

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class RandomResizedCrop(Module):
    """A window of random area and proportions, at a given size (Szegedy et al. 2014).

    Args:
        scale: least and greatest share of the image's area.  ratio: least and greatest width by height.
    """

    def __init__(self, size: int | Sequence[int], scale: Sequence[float] = (0.08, 1.0),
                 ratio: Sequence[float] = (3 / 4, 4 / 3), interpolation: Any = InterpolationMode.BILINEAR,
                 antialias: bool | None = True) -> None:
        super().__init__()
        self.size, self.scale, self.ratio = _size(size), tuple(scale), tuple(ratio)
        self.interpolation, self.antialias = interpolation, antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a window; the middle if ten draws do not fit."""
        numbers = draw()
        w, h = F.get_image_size(img)
        for _ in range(10):
            area = h * w * numbers.uniform(scale[0], scale[1])
            shape = math.exp(numbers.uniform(math.log(ratio[0]), math.log(ratio[1])))
            width, height = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < width <= w and 0 < height <= h:
                return int(numbers.integers(h - height + 1)), int(numbers.integers(w - width + 1)), height, width
        width, height = w, h
        if w / h < min(ratio):
            height = round(w / min(ratio))
        elif w / h > max(ratio):
            width = round(h * max(ratio))
        return (h - height) // 2, (w - width) // 2, height, width

    def forward(self, img: Any) -> Any:
        window = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *window, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        return f"RandomResizedCrop(size={self.size}, scale={self.scale}, ratio={self.ratio})"
