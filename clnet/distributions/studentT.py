"""Student's t-distribution."""
from __future__ import annotations

import math
from typing import Any

from ..core.layout import Size
from . import constraints
from .chi2 import Chi2
from .distribution import Distribution
from .parameters import broadcast_all, normal_noise


class StudentT(Distribution):
    """Student's t-distribution of ``df`` degrees of freedom, moved to ``loc`` and scaled."""

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters = {"df": 0, "loc": 0, "scale": 0}

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        new._chi2 = self._chi2.expand(batch_shape)

    @property
    def mean(self) -> Any:
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        held = self.df.masked_fill(self.df <= 2, 3.0)
        found = self.scale.square() * held / (held - 2)
        return found.masked_fill(self.df <= 2, math.inf).masked_fill(self.df <= 1, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        z = self._chi2.rsample(sample_shape)
        x = normal_noise(self.df, self._extended_shape(sample_shape))
        return self.loc + self.scale * (x * (z / self.df).rsqrt())

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        y = (value - self.loc) / self.scale
        half = 0.5 * (self.df + 1.0)
        normalizer = (self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi) + (0.5 * self.df).lgamma()
                      - half.lgamma())
        return -half * (y.square() / self.df).log1p() - normalizer

    def entropy(self) -> Any:
        half, upper = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = half.lgamma() + math.lgamma(0.5) - upper.lgamma()
        return self.scale.log() + upper * (upper.digamma() - half.digamma()) + 0.5 * self.df.log() + log_beta
