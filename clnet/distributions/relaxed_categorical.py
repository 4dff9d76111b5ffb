"""Unit vectors relaxed to probabilities."""
from __future__ import annotations

import math
from typing import Any

from . import constraints
from .categorical import Categorical, Categories
from .parameters import clamp_probs, unit_noise
from .scalar_transforms import ExpTransform
from .transformed_distribution import Relaxed


class ExpRelaxedCategorical(Categories):
    """Logarithms of relaxed unit vectors (Maddison et al. 2017, "The concrete distribution")."""

    support = constraints.real_vector
    has_rsample = True

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:
        self.temperature = temperature
        super().__init__(Categorical(probs, logits), validate_args)

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = clamp_probs(unit_noise(self.logits, self._extended_shape(sample_shape)))
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n = self._event_shape[0]
        temperature = self.temperature
        if isinstance(temperature, (int, float)):
            temperature = self.logits.new_tensor(float(temperature))
        scale = temperature.new_full(self._batch_shape, math.lgamma(n)) + temperature.log() * (n - 1)
        score = self.logits - value * self.temperature
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + scale


class RelaxedOneHotCategorical(Relaxed):
    """Probabilities that near a unit vector as ``temperature`` falls, differentiable by their parameters."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:
        super().__init__(ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args),
                         ExpTransform(), validate_args=validate_args)
