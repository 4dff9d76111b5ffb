"""Bernoulli numbers relaxed to chances."""
from __future__ import annotations

from typing import Any

from ..ops.activation import softplus
from . import constraints
from .distribution import Distribution
from .parameters import BinaryChance, broadcast_all, clamp_probs, one_of, unit_noise
from .scalar_transforms import SigmoidTransform
from .transformed_distribution import Relaxed


class LogitRelaxedBernoulli(BinaryChance, Distribution):
    """Logits of relaxed Bernoulli numbers (Maddison et al. 2017, "The concrete distribution")."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True
    _parameters = {"probs": 0, "logits": 0}

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:
        self.temperature = temperature
        self._given, value = one_of(probs, logits)
        (self.__dict__[self._given],) = broadcast_all(value)
        super().__init__(self._param.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Any:
        probs = clamp_probs(self.probs)
        u = clamp_probs(unit_noise(probs, self._extended_shape(sample_shape)))
        return (u.log() - (-u).log1p() + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        away = logits - value * self.temperature
        temperature = self.temperature
        if isinstance(temperature, (int, float)):
            temperature = logits.new_tensor(float(temperature))
        return temperature.log() + away - 2 * softplus(away)


class RelaxedBernoulli(Relaxed):
    """Chances that near 0 or 1 as ``temperature`` falls, differentiable by their parameters."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(),
                         validate_args=validate_args)
