"""The Laplace distribution."""
from __future__ import annotations

from typing import Any

from ..core.limits import finfo
from . import constraints
from .distribution import Distribution
from .parameters import broadcast_all, unit_noise


class Laplace(Distribution):
    """Exponential tails on both sides of ``loc``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

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
