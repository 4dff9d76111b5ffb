"""The Laplace distribution."""
from __future__ import annotations

from typing import Any

from ..core.limits import finfo
from .location import Centred, LocationScale
from .parameters import unit_noise


class Laplace(Centred, LocationScale):
    """Exponential tails on both sides of ``loc``."""

    @property
    def variance(self) -> Any:
        return 2 * self.scale ** 2

    @property
    def stddev(self) -> Any:
        return 2 ** 0.5 * self.scale

    def rsample(self, sample_shape: Any = ()) -> Any:
        eps = finfo(self.loc.dtype).eps
        # In (-1, 1): neither end, where the logarithm is infinite.
        u = unit_noise(self.loc, self._extended_shape(sample_shape)) * (2 - eps) + (eps / 2 - 1)
        return self.loc - self.scale * u.sign() * (-u.abs().clamp(max=1 - eps / 2)).log1p()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        away = value - self.loc
        return 0.5 - 0.5 * away.sign() * (-away.abs() / self.scale).expm1()

    def icdf(self, value: Any) -> Any:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Any:
        return 1 + (2 * self.scale).log()
