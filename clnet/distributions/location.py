"""What distributions around a location share."""
from __future__ import annotations

from typing import Any

from . import constraints
from .distribution import Distribution
from .parameters import broadcast_all


class Centred(Distribution):
    """Distributions whose mean and mode are ``loc``."""

    loc: Any

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc


class LocationScale(Distribution):
    """Distributions of real numbers, moved to ``loc`` and widened by ``scale``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)
