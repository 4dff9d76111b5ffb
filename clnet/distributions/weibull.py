"""The Weibull distribution."""
from __future__ import annotations

from typing import Any

from ..core.layout import Size
from . import constraints
from .exponential import Exponential
from .gumbel import _EULER as EULER
from .parameters import broadcast_all
from .scalar_transforms import AffineTransform, PowerTransform
from .transformed_distribution import TransformedDistribution


class Weibull(TransformedDistribution):
    """A power of waiting times: ``scale * exponential ** (1 / concentration)``."""

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parameters = {"scale": 0, "concentration": 0}

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        base = Exponential(self.scale.new_ones(self.scale.shape), validate_args=validate_args)
        super().__init__(base, self._steps(self.scale, self.concentration), validate_args=validate_args)

    def _steps(self, scale: Any, concentration: Any) -> list[Any]:
        return [PowerTransform(concentration.reciprocal()), AffineTransform(0, scale)]

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        new.base_dist = self.base_dist.expand(batch_shape)
        new.transforms = self._steps(new.scale, new.concentration)

    @property
    def mean(self) -> Any:
        return self.scale * (1 + self.concentration.reciprocal()).lgamma().exp()

    @property
    def mode(self) -> Any:
        k = self.concentration
        held = k.masked_fill(k <= 1, 2.0)
        return (self.scale * ((held - 1) / held) ** held.reciprocal()).masked_fill(k <= 1, 0.0)

    @property
    def variance(self) -> Any:
        part = self.concentration.reciprocal()
        return self.scale.square() * ((1 + 2 * part).lgamma().exp() - (2 * (1 + part).lgamma()).exp())

    def entropy(self) -> Any:
        part = self.concentration.reciprocal()
        return EULER * (1 - part) + (self.scale * part).log() + 1
