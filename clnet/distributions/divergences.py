"""The divergences of the families from themselves."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd import grad
from ..ops.activation import softplus
from ..ops.triangular import solve_triangular
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import _EULER as EULER
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal, lowrank_log_det, lowrank_mahalanobis
from .multivariate_normal import MultivariateNormal, half_log_det, mahalanobis
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .parameters import sum_rightmost
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform

Rule = Callable[[Any, Any], Any]
RULES: dict[tuple[type, type], Rule] = {}


def _rule(p: type, q: type) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES[p, q] = rule
        return rule
    return register


@_rule(Bernoulli, Bernoulli)
def _(p: Any, q: Any) -> Any:
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    one = one.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0.0)
    return one + zero.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0.0)


@_rule(Beta, Beta)
def _(p: Any, q: Any) -> Any:
    a, b, c, d = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    ways = c.lgamma() + d.lgamma() + (a + b).lgamma() - a.lgamma() - b.lgamma() - (c + d).lgamma()
    return ways + (a - c) * a.digamma() + (b - d) * b.digamma() + (c + d - a - b) * (a + b).digamma()


@_rule(Binomial, Binomial)
def _(p: Any, q: Any) -> Any:
    # As PyTorch: a count that q cannot reach is infinitely far, one of fewer trials has no rule.
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    found = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return found.masked_fill(p.total_count > q.total_count, math.inf)


@_rule(Categorical, Categorical)
def _(p: Any, q: Any) -> Any:
    term = p.probs * (p.logits - q.logits)
    return term.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0.0).sum(-1)


@_rule(ContinuousBernoulli, ContinuousBernoulli)
def _(p: Any, q: Any) -> Any:
    return (p.mean * (p.logits - q.logits) + p._cont_bern_log_norm() + (-p.probs).log1p()
            - q._cont_bern_log_norm() - (-q.probs).log1p())


@_rule(Dirichlet, Dirichlet)
def _(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    ways = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return ways + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@_rule(Exponential, Exponential)
def _(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@_rule(Gamma, Gamma)
def _(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    return (b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma() + (a - b) * a.digamma()
            + (q.rate - p.rate) * (a / p.rate))


@_rule(Gumbel, Gumbel)
def _(p: Any, q: Any) -> Any:
    ratio = p.scale / q.scale
    away = (q.loc - p.loc) / q.scale
    return -ratio.log() - away + ratio * EULER + (away + (1 + ratio).lgamma()).exp() - (1 + EULER)


@_rule(Geometric, Geometric)
def _(p: Any, q: Any) -> Any:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@_rule(HalfNormal, HalfNormal)
def _(p: Any, q: Any) -> Any:
    return RULES[Normal, Normal](p.base_dist, q.base_dist)


@_rule(Laplace, Laplace)
def _(p: Any, q: Any) -> Any:
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + away / q.scale + ratio * (-away / p.scale).exp() - 1


@_rule(Normal, Normal)
def _(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log())


@_rule(OneHotCategorical, OneHotCategorical)
def _(p: Any, q: Any) -> Any:
    return RULES[Categorical, Categorical](p._categorical, q._categorical)


@_rule(Pareto, Pareto)
def _(p: Any, q: Any) -> Any:
    ratio = q.alpha / p.alpha
    found = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return found.masked_fill(p.support.lower_bound < q.support.lower_bound, math.inf)


@_rule(Poisson, Poisson)
def _(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@_rule(Cauchy, Cauchy)
def _(p: Any, q: Any) -> Any:
    # Chyzak & Nielsen 2019, "A closed-form formula for the divergence between Cauchy distributions".
    return (((p.scale + q.scale).square() + (p.loc - q.loc).square()).log() - (4 * p.scale * q.scale).log())


@_rule(Uniform, Uniform)
def _(p: Any, q: Any) -> Any:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return found.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@_rule(ExponentialFamily, ExponentialFamily)
def _(p: Any, q: Any) -> Any:
    # The Bregman divergence of the log-normaliser at the natural parameters.
    if type(p) is not type(q):
        raise NotImplementedError(f"The cross KL-divergence between {type(p).__name__} and {type(q).__name__} "
                                  "is not implemented")
    natural = [v.detach().requires_grad_() for v in p._natural_params]
    normalizer = p._log_normalizer(*natural)
    found = q._log_normalizer(*q._natural_params) - normalizer
    for own, other, slope in zip(natural, q._natural_params, grad(normalizer.sum(), natural, create_graph=True)):
        found = found - sum_rightmost((other - own) * slope, len(q.event_shape))
    return found


# Normal vectors, whose covariance is kept as a factor or as a low rank beside a diagonal ---

def _log_det(d: Any) -> Any:
    if isinstance(d, LowRankMultivariateNormal):
        return lowrank_log_det(d._unbroadcasted_cov_diag, d._capacitance_tril)
    return 2 * half_log_det(d._unbroadcasted_scale_tril)


def _roots(d: Any) -> list[Any]:
    """Matrices whose squares add up to the covariance."""
    if isinstance(d, LowRankMultivariateNormal):
        return [d._unbroadcasted_cov_factor, d._unbroadcasted_cov_diag.sqrt().diag_embed()]
    return [d._unbroadcasted_scale_tril]


def _trace(d: Any, root: Any) -> Any:
    """The trace of ``covariance**-1 @ root @ root.mT``."""
    if isinstance(d, LowRankMultivariateNormal):
        scaled = root / d._unbroadcasted_cov_diag.unsqueeze(-1)
        inner = solve_triangular(d._capacitance_tril, d._unbroadcasted_cov_factor.mT @ scaled, upper=False)
        return (root * scaled).sum((-2, -1)) - inner.square().sum((-2, -1))
    return solve_triangular(d._unbroadcasted_scale_tril, root, upper=False).square().sum((-2, -1))


def _distance(d: Any, away: Any) -> Any:
    if isinstance(d, LowRankMultivariateNormal):
        return lowrank_mahalanobis(d._unbroadcasted_cov_factor, d._unbroadcasted_cov_diag, away, d._capacitance_tril)
    return mahalanobis(d._unbroadcasted_scale_tril, away)


@_rule(MultivariateNormal, MultivariateNormal)
@_rule(MultivariateNormal, LowRankMultivariateNormal)
@_rule(LowRankMultivariateNormal, MultivariateNormal)
@_rule(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError("KL-divergence between two Multivariate Normals with different event shapes cannot be "
                         "computed")
    trace = sum(_trace(q, root) for root in _roots(p))
    return 0.5 * (_log_det(q) - _log_det(p) + trace + _distance(q, q.loc - p.loc) - p.event_shape[0])
