"""The distribution of Fisher and Snedecor."""
from __future__ import annotations

import math
from typing import Any

from ..core.layout import Size
from ..core.limits import finfo
from . import constraints
from .distribution import Distribution
from .gamma import Gamma
from .parameters import broadcast_all


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared numbers, each divided by its degrees of freedom."""

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parameters = {"df1": 0, "df2": 0}

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1, self._gamma2 = Gamma(self.df1 * 0.5, self.df1), Gamma(self.df2 * 0.5, self.df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        new._gamma1, new._gamma2 = self._gamma1.expand(batch_shape), self._gamma2.expand(batch_shape)

    @property
    def mean(self) -> Any:
        found = self.df2 / (self.df2 - 2)
        return found.masked_fill(self.df2 <= 2, math.nan)

    @property
    def mode(self) -> Any:
        found = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return found.masked_fill(self.df1 <= 2, math.nan)

    @property
    def variance(self) -> Any:
        n, m = self.df1, self.df2
        found = 2 * m.square() * (n + m - 2) / (n * (m - 2).square() * (m - 4))
        return found.masked_fill(m <= 4, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        above, below = self._gamma1.rsample(sample_shape), self._gamma2.rsample(sample_shape)
        tiny = finfo(below.dtype).tiny
        return (above / below.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n, m = self.df1 * 0.5, self.df2 * 0.5
        ratio = self.df1 / self.df2
        front = (n + m).lgamma() - n.lgamma() - m.lgamma()
        return front + n * ratio.log() + (n - 1) * value.log() - (n + m) * (ratio * value).log1p()
