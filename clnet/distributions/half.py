"""The absolute values of distributions that are symmetric about 0."""
from __future__ import annotations

import math
from typing import Any

from . import constraints
from .scalar_transforms import AbsTransform
from .transformed_distribution import TransformedDistribution


class Half(TransformedDistribution):
    """The absolute value of ``base``, which has a ``scale`` and is symmetric about 0."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, base: Any, validate_args: bool | None) -> None:
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Any:
        return self.base_dist.scale

    @property
    def mode(self) -> Any:
        return self.scale.new_zeros(self.scale.shape)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return (self.base_dist.log_prob(value) + math.log(2)).masked_fill(value < 0, -math.inf)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        return self.base_dist.entropy() - math.log(2)
