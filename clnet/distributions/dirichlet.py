"""The Dirichlet distribution."""
from __future__ import annotations

from typing import Any

from ..core.limits import finfo
from ..ops.elementary import xlogy
from ..ops.rowwise import softmax
from ..ops.variates import log_standard_gamma
from . import constraints
from .exp_family import ExponentialFamily


class Dirichlet(ExponentialFamily):
    """Probabilities: gamma variates of shapes ``concentration`` (*, n), divided by their sum.

    Samples are differentiable through the gamma variates.
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _parameters = {"concentration": 1}

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Any:
        drawn = log_standard_gamma(self.concentration.expand(self._extended_shape(sample_shape)))
        dtype = self.concentration.dtype
        return softmax(drawn, -1).to(dtype).clamp(min=finfo(dtype).tiny)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a = self.concentration
        return xlogy(a - 1.0, value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Any:
        a = self.concentration
        excess = (a - 1).clamp(min=0.0)
        mode = excess / excess.sum(-1, True).clamp(min=finfo(a.dtype).tiny)
        # Without excess the density is infinite in every corner; as PyTorch, the first one stands for all.
        corner = a.new_tensor([1.0] + [0.0] * (a.shape[-1] - 1))
        return corner.where((a < 1).all(-1, True), mode)

    @property
    def variance(self) -> Any:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.square() * (total + 1))

    def entropy(self) -> Any:
        a = self.concentration
        total = a.sum(-1)
        return (a.lgamma().sum(-1) - total.lgamma() - (a.shape[-1] - total) * total.digamma()
                - ((a - 1.0) * a.digamma()).sum(-1))

    @property
    def _natural_params(self) -> Any:
        return (self.concentration,)

    def _log_normalizer(self, *natural_params: Any) -> Any:
        (x,) = natural_params
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
