"""Exponential families."""
from __future__ import annotations

from typing import Any

from ..autograd import grad
from .distribution import Distribution
from .parameters import sum_rightmost


class ExponentialFamily(Distribution):
    """Distributions with the density ``exp(<natural, statistic> - log_normalizer + carrier)``.

    A family that states its natural parameters and log-normaliser gets its entropy from their
    Bregman divergence (Nielsen & Nock 2010, "Entropies and cross-entropies of exponential families").
    """

    @property
    def _natural_params(self) -> Any:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> Any:
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*natural)
        result = -self._mean_carrier_measure + normalizer
        for p, slope in zip(natural, grad(normalizer.sum(), natural, create_graph=True)):
            result = result - sum_rightmost(p * slope, len(self._event_shape))
        return result
