"""The Gumbel distribution."""
from __future__ import annotations

import math
from typing import Any

from ..core.layout import Size
from ..core.limits import finfo
from . import constraints
from .parameters import broadcast_all
from .scalar_transforms import AffineTransform, ExpTransform
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform

_EULER = 0.57721566490153286060


class Gumbel(TransformedDistribution):
    """The largest of many numbers, at ``loc`` with the given ``scale``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        info = finfo(self.loc.dtype)
        base = Uniform(self.loc.new_full(self.loc.shape, info.tiny), 1 - info.eps, validate_args=validate_args)
        super().__init__(base, self._steps(self.loc, self.scale), validate_args=validate_args)

    def _steps(self, loc: Any, scale: Any) -> list[Any]:
        one = scale.new_ones(scale.shape)
        return [ExpTransform().inv, AffineTransform(0, -one), ExpTransform().inv, AffineTransform(loc, -scale)]

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        new.base_dist = self.base_dist.expand(batch_shape)
        new.transforms = self._steps(new.loc, new.scale)

    @property
    def mean(self) -> Any:
        return self.loc + self.scale * _EULER

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def stddev(self) -> Any:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Any:
        return self.stddev.square()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    def entropy(self) -> Any:
        return self.scale.log() + (1 + _EULER)
