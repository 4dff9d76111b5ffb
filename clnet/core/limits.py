"""``finfo`` and ``iinfo``: what the number types can hold."""
from __future__ import annotations

import numpy as np

from . import dtypes as dt
from .dtypes import DType


class finfo:
    """Limits of a floating type: bits, eps, min, max, tiny, smallest_normal, resolution."""

    def __init__(self, dtype: DType | None = None) -> None:
        dtype = (dtype or dt.get_default_dtype()).to_real()
        if not dtype.is_floating_point:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                            f"'{dtype.name}'")
        self.dtype = dtype.name
        self.bits = dtype.itemsize * 8
        if dtype is dt.bfloat16:  # 8 bits of significand, float32's exponents
            self.eps, self.max, self.tiny, self.resolution = 2.0 ** -7, (2 - 2.0 ** -7) * 2.0 ** 127, 2.0 ** -126, 0.01
        else:
            info = np.finfo(dtype.storage)
            self.eps, self.max, self.tiny = float(info.eps), float(info.max), float(info.tiny)
            self.resolution = float(info.resolution)
        self.min = -self.max
        self.smallest_normal = self.tiny

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution}, min={self.min}, max={self.max}, eps={self.eps}, "
                f"smallest_normal={self.smallest_normal}, tiny={self.tiny}, dtype={self.dtype})")


class iinfo:
    """Limits of an integer type: bits, min, max."""

    def __init__(self, dtype: DType) -> None:
        if dtype.kind != "int":
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                            f"'{dtype.name}'")
        info = np.iinfo(dtype.storage)
        self.dtype, self.bits, self.min, self.max = dtype.name, info.bits, int(info.min), int(info.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
