"""The half-Cauchy distribution."""
from __future__ import annotations

import math
from typing import Any

from .cauchy import Cauchy
from .half import Half


class HalfCauchy(Half):
    """The absolute value of a Cauchy number at 0."""

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Any:
        return self.scale.new_full(self._extended_shape(), math.inf)

    @property
    def variance(self) -> Any:
        return self.base_dist.variance
