"""The Kumaraswamy distribution."""
from __future__ import annotations

from typing import Any

from ..core.layout import Size
from . import constraints
from .gumbel import _EULER as EULER
from .parameters import broadcast_all
from .scalar_transforms import AffineTransform, PowerTransform
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform


def _moment(a: Any, b: Any, n: int) -> Any:
    part = 1 + n / a
    return (part.lgamma() + b.lgamma() - (part + b).lgamma()).exp() * b


class Kumaraswamy(TransformedDistribution):
    """Chances with the distribution function ``1 - (1 - x**concentration1)**concentration0``."""

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _parameters = {"concentration1": 0, "concentration0": 0}

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zero = self.concentration0.new_zeros(self.concentration0.shape)
        super().__init__(Uniform(zero, 1.0, validate_args=validate_args),
                         self._steps(self.concentration1, self.concentration0), validate_args=validate_args)

    def _steps(self, a: Any, b: Any) -> list[Any]:
        return [PowerTransform(b.reciprocal()), AffineTransform(1.0, -1.0), PowerTransform(a.reciprocal())]

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        new.base_dist = self.base_dist.expand(batch_shape)
        new.transforms = self._steps(new.concentration1, new.concentration0)

    @property
    def mean(self) -> Any:
        return _moment(self.concentration1, self.concentration0, 1)

    @property
    def mode(self) -> Any:
        a, b = self.concentration1, self.concentration0
        none = (a < 1) | (b < 1)
        peak = ((a - 1) / (a * b - 1)) ** a.reciprocal()
        return peak.masked_fill(none, float("nan"))

    @property
    def variance(self) -> Any:
        return _moment(self.concentration1, self.concentration0, 2) - self.mean.square()

    def entropy(self) -> Any:
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + EULER
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - a.log() - b.log()
