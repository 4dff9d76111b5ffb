"""Ways of interpolating, under torchvision's names."""
from __future__ import annotations

import enum


class InterpolationMode(enum.Enum):
    """How pixels between pixels are found."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# By Pillow's number.
PILLOW = {InterpolationMode.NEAREST: 0, InterpolationMode.NEAREST_EXACT: 0, InterpolationMode.LANCZOS: 1,
          InterpolationMode.BILINEAR: 2, InterpolationMode.BICUBIC: 3, InterpolationMode.BOX: 4,
          InterpolationMode.HAMMING: 5}
_BY_NUMBER = {0: InterpolationMode.NEAREST, 1: InterpolationMode.LANCZOS, 2: InterpolationMode.BILINEAR,
              3: InterpolationMode.BICUBIC, 4: InterpolationMode.BOX, 5: InterpolationMode.HAMMING}


def mode_of(interpolation: InterpolationMode | int) -> InterpolationMode:
    """The mode, also from Pillow's number."""
    return _BY_NUMBER[int(interpolation)] if isinstance(interpolation, int) else interpolation
