"""The continuous Bernoulli distribution."""
from __future__ import annotations

import math
from typing import Any

from ..ops.loss import binary_cross_entropy_with_logits
from . import constraints
from .exp_family import ExponentialFamily
from .parameters import (
    BinaryChance,
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    one_of,
    unit_noise,
)


class ContinuousBernoulli(BinaryChance, ExponentialFamily):
    """Chances of density proportional to ``probs**x (1 - probs)**(1 - x)``.

    Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli: fixing a pervasive error in
    variational autoencoders".

    Args:
        lims: where ``probs`` is too near 0.5 for the quotients, and series stand for them.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _parameters = {"probs": 0, "logits": 0}

    def __init__(self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
                 validate_args: bool | None = None) -> None:
        self._given, value = one_of(probs, logits)
        (value,) = broadcast_all(value)
        if self._given == "probs":
            if validate_args is not None and validate_args and not self.arg_constraints["probs"].check(value).all():
                raise ValueError("The parameter probs has invalid values")
            value = clamp_probs(value)
        self.__dict__[self._given] = value
        self._lims = lims
        super().__init__(value.shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Any:
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _outside(self) -> Any:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self) -> Any:
        return self.probs.where(self._outside(), self._lims[0])

    def _cont_bern_log_norm(self) -> Any:
        cut = self._cut_probs()
        low, high = cut.clamp(max=0.5), cut.clamp(min=0.5)
        log_norm = ((-cut).log1p() - cut.log()).abs().log() - (
            (-2.0 * low).log1p().where(cut <= 0.5, (2.0 * high - 1.0).log()))
        x = (self.probs - 0.5).square()
        return log_norm.where(self._outside(), math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> Any:
        cut = self._cut_probs()
        found = cut / (2.0 * cut - 1.0) + 1.0 / ((-cut).log1p() - cut.log())
        x = self.probs - 0.5
        return found.where(self._outside(), 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.square()) * x)

    @property
    def stddev(self) -> Any:
        return self.variance.sqrt()

    @property
    def variance(self) -> Any:
        cut = self._cut_probs()
        found = cut * (cut - 1.0) / (1.0 - 2.0 * cut).square() + 1.0 / ((-cut).log1p() - cut.log()).square()
        x = (self.probs - 0.5).square()
        return found.where(self._outside(), 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(unit_noise(self.probs, self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        cut = self._cut_probs()
        found = (cut.pow(value) * (1.0 - cut).pow(1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        return found.where(self._outside(), value).clamp(min=0.0, max=1.0)

    def icdf(self, value: Any) -> Any:
        cut = self._cut_probs()
        found = ((-cut + value * (2.0 * cut - 1.0)).log1p() - (-cut).log1p()) / (cut.log() - (-cut).log1p())
        return found.where(self._outside(), value)

    def entropy(self) -> Any:
        low = (-self.probs).log1p()
        return self.mean * (low - self.probs.log()) - self._cont_bern_log_norm() - low
