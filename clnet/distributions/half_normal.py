"""The half-normal distribution."""
from __future__ import annotations

import math
from typing import Any

from .half import Half
from .normal import Normal


class HalfNormal(Half):
    """The absolute value of a normal number of mean 0."""

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Any:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Any:
        return self.scale.square() * (1 - 2 / math.pi)
