"""The multinomial distribution."""
from __future__ import annotations

from typing import Any

from ..core.layout import Size
from . import constraints
from .binomial import Binomial
from .categorical import Categorical, Categories


class Multinomial(Categories):
    """How often each of n classes comes up in ``total_count`` draws."""

    total_count: int

    def __init__(self, total_count: int = 1, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        super().__init__(Categorical(probs, logits), validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = Size(sample_shape)
        drawn = self._categorical.sample(Size((self.total_count,)) + shape)
        drawn = drawn.permute((*range(1, drawn.ndim), 0))
        counts = self.probs.new_zeros(self._extended_shape(shape))
        return counts.scatter_add(-1, drawn, self.probs.new_ones(drawn.shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        # A class that never came up counts nothing, even without chance.
        logits = self.logits.masked_fill((value == 0) & (self.logits == -float("inf")), 0)
        ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return ways + (logits * value).sum(-1)

    def entropy(self) -> Any:
        n = self.probs.new_tensor(float(self.total_count))
        counts = Binomial(self.total_count, self.probs)
        support = counts.enumerate_support(expand=False)[1:]
        repeats = (counts.log_prob(support).exp() * (support + 1).lgamma()).sum((0, -1))
        return n * self._categorical.entropy() - (n + 1).lgamma() + repeats
