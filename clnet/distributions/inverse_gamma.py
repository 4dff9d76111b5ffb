"""The inverse gamma distribution."""
from __future__ import annotations

import math
from typing import Any

from . import constraints
from .gamma import Gamma
from .parameters import broadcast_all
from .scalar_transforms import PowerTransform
from .transformed_distribution import TransformedDistribution


class InverseGamma(TransformedDistribution):
    """The reciprocal of a gamma variate."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        a, rate = broadcast_all(concentration, rate)
        super().__init__(Gamma(a, rate, validate_args=validate_args), PowerTransform(-a.new_ones(())),
                         validate_args=validate_args)

    @property
    def concentration(self) -> Any:
        return self.base_dist.concentration

    @property
    def rate(self) -> Any:
        return self.base_dist.rate

    @property
    def mean(self) -> Any:
        a = self.concentration
        return (self.rate / (a - 1)).masked_fill(a <= 1, math.inf)

    @property
    def mode(self) -> Any:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Any:
        a = self.concentration
        return (self.rate.square() / ((a - 1).square() * (a - 2))).masked_fill(a <= 2, math.inf)

    def entropy(self) -> Any:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
