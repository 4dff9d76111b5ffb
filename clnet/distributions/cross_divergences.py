"""The divergences of one family from another.

Each is the cross entropy, which the moments of the first family give, less its entropy.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..ops.elementary import xlogy
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import _EULER as EULER
from .gumbel import Gumbel
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform

Rule = Callable[[Any, Any], Any]
RULES: dict[tuple[type, type], Rule] = {}


def _infinite(p: Any, q: Any) -> Any:
    """The values of ``p`` reach beyond those of ``q``."""
    return p.mean.new_full(p.batch_shape, math.inf)


RULES.update({(p, q): _infinite for p, others in {
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial), Beta: (Pareto,), ContinuousBernoulli: (Pareto,)}.items() for q in others})


def _outside(value: Any, outside: Any) -> Any:
    return value.masked_fill(outside, math.inf)


def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _from_continuous_bernoulli(p: Any, q: Any) -> Any:
    return -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


def _from_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


def _from_normal(p: Any, q: Any) -> Any:
    spread = (p.variance + (p.mean - q.loc).square()) / (2 * q.scale.square())
    return -p.entropy() + q.scale.log() + 0.5 * math.log(2 * math.pi) + spread


def _from_uniform(p: Any, q: Any) -> Any:
    return _outside(-p.entropy() + (q.high - q.low).log(), (q.low > 0) | (q.high < 1))


def _mean_log(p: Any) -> Any:
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Exponential):
        return -p.rate.log() - EULER
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low) - 1


def _from_gamma(p: Any, q: Any) -> Any:
    a = q.concentration
    return -p.entropy() + a.lgamma() - a * q.rate.log() - (a - 1) * _mean_log(p) + q.rate * p.mean


def _mean_tilt(p: Any, q: Any) -> Any:
    """The mean of ``exp((q.loc - x) / q.scale)``."""
    if isinstance(p, Exponential):
        return (q.loc / q.scale).exp() / (1 + 1 / (p.rate * q.scale))
    if isinstance(p, Gamma):
        return (q.loc / q.scale - p.concentration * (1 / (p.rate * q.scale)).log1p()).exp()
    if isinstance(p, Normal):
        return ((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).square()).exp()
    ends = ((q.loc - p.low) / q.scale).exp() - ((q.loc - p.high) / q.scale).exp()
    return q.scale / (p.high - p.low) * ends


def _from_gumbel(p: Any, q: Any) -> Any:
    return -p.entropy() + q.scale.log() + (p.mean - q.loc) / q.scale + _mean_tilt(p, q)


def _normal_laplace(p: Any, q: Any) -> Any:
    away = (p.loc - q.loc) / (p.scale * math.sqrt(2))
    distance = p.scale * math.sqrt(2) * ((-away.square()).exp() / math.sqrt(math.pi) + away * away.erf())
    return -p.entropy() + (2 * q.scale).log() + distance / q.scale


def _uniform_beta(p: Any, q: Any) -> Any:
    a, b = q.concentration1, q.concentration0
    low, high = 1 - p.high, 1 - p.low
    mean_log_rest = (xlogy(high, high) - xlogy(low, low)) / (high - low) - 1
    ways = a.lgamma() + b.lgamma() - (a + b).lgamma()
    found = -p.entropy() - (a - 1) * _mean_log(p) - (b - 1) * mean_log_rest + ways
    return _outside(found, (p.high > 1) | (p.low < 0))


def _uniform_pareto(p: Any, q: Any) -> Any:
    found = -p.entropy() - q.alpha.log() - xlogy(q.alpha, q.scale) + (q.alpha + 1) * _mean_log(p)
    return _outside(found, p.low < q.scale)


def _from_zero(rule: Rule) -> Rule:
    """The divergence of a Uniform from what has no negative values."""
    return lambda p, q: _outside(rule(p, q), p.low < 0)


_FINITE: dict[tuple[type, type], Rule] = {
    (Bernoulli, Poisson): _bernoulli_poisson,
    (Beta, ContinuousBernoulli): _from_continuous_bernoulli,
    (Uniform, ContinuousBernoulli):
        lambda p, q: _outside(_from_continuous_bernoulli(p, q), (p.high > 1) | (p.low < 0)),
    (Normal, Laplace): _normal_laplace,
    (Uniform, Beta): _uniform_beta,
    (Uniform, Pareto): _uniform_pareto,
    (Uniform, Exponential): _from_zero(_from_exponential),
    (Uniform, Gamma): _from_zero(_from_gamma),
    **{(p, Exponential): _from_exponential for p in (Beta, ContinuousBernoulli, Gamma, Pareto)},
    **{(p, Normal): _from_normal for p in (
        Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform)},
    **{(p, Uniform): _from_uniform for p in (Beta, ContinuousBernoulli)},
    **{(p, Gamma): _from_gamma for p in (Beta, Exponential, Pareto)},
    **{(p, Gumbel): _from_gumbel for p in (Exponential, Gamma, Normal, Uniform)},
}
RULES.update(_FINITE)
