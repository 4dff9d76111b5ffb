"""The negative binomial distribution."""
from __future__ import annotations

from typing import Any

from ..autograd.mode import no_grad
from ..ops.activation import logsigmoid
from ..ops.variates import poisson, standard_gamma
from . import constraints
from .distribution import Distribution
from .parameters import BinaryChance, broadcast_all, one_of


class NegativeBinomial(BinaryChance, Distribution):
    """How many trials of chance ``probs`` succeed before ``total_count`` failures."""

    arg_constraints = {"total_count": constraints.greater_than_eq(0),
                       "probs": constraints.half_open_interval(0.0, 1.0), "logits": constraints.real}
    support = constraints.nonnegative_integer
    _parameters = {"total_count": 0, "probs": 0, "logits": 0}

    def __init__(self, total_count: Any, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:
        self._given, value = one_of(probs, logits)
        self.total_count, self.__dict__[self._given] = reversed(broadcast_all(value, total_count))
        self.total_count = self.total_count.to(self._param.dtype)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Any:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Any:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            shape = self._extended_shape(sample_shape)
            return poisson(standard_gamma(self.total_count.expand(shape)) * self.logits.exp())

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n = self.total_count
        unnormalized = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        ways = (n + value).lgamma() - (1.0 + value).lgamma() - n.lgamma()
        return unnormalized + ways.masked_fill(n + value == 0, 0.0)
