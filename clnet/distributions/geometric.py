"""The geometric distribution."""
from __future__ import annotations

from typing import Any

from ..autograd.mode import no_grad
from ..ops.loss import binary_cross_entropy_with_logits
from . import constraints
from .distribution import Distribution
from .parameters import BinaryChance, broadcast_all, one_of, open_unit_noise


class Geometric(BinaryChance, Distribution):
    """How often trials fail before the first success of chance ``probs``."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _parameters = {"probs": 0, "logits": 0}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._given, value = one_of(probs, logits)
        (self.__dict__[self._given],) = broadcast_all(value)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            raise ValueError(f"Expected parameter probs (Tensor of shape {tuple(self.probs.shape)}) of distribution "
                             f"{self!r} to be positive but found invalid values:\n{self.probs}")

    @property
    def mean(self) -> Any:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Any:
        return self.probs.new_zeros(self.probs.shape)

    @property
    def variance(self) -> Any:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            u = open_unit_noise(self.probs, self._extended_shape(sample_shape))
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        # A certain success: no failure has the logarithm 0, not 0 times infinity.
        held = probs.masked_fill((probs == 1) & (value == 0), 0)
        return value * (-held).log1p() + probs.log()

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
