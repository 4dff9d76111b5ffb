"""The interface that all distributions share."""
from __future__ import annotations

import importlib

import numpy as np
import pytest

import clnet
from clnet import distributions as d


def test_numbers_take_the_tensors_dtype():
    assert d.Normal(0.0, 1.0).sample().dtype is clnet.get_default_dtype()
    assert d.Normal(0.0, 1.0).batch_shape == () and d.Normal(0.0, 1.0).sample((2, 3)).shape == (2, 3)
    half = d.Normal(clnet.zeros(2, dtype=clnet.float16), 1)
    assert half.scale.dtype is clnet.float16 and half.sample().dtype is clnet.float16


def test_modules_have_pytorchs_paths():
    for path, name in (("normal", "Normal"), ("categorical", "Categorical"), ("kl", "kl_divergence"),
                       ("transforms", "TanhTransform"), ("studentT", "StudentT"), ("independent", "Independent"),
                       ("transformed_distribution", "TransformedDistribution"), ("constraints", "positive"),
                       ("multivariate_normal", "MultivariateNormal"), ("relaxed_bernoulli", "RelaxedBernoulli")):
        module = importlib.import_module(f"clnet.distributions.{path}")
        assert getattr(module, name) is getattr(d, name, getattr(d.constraints, name, None))


def test_expand_shares_parameters_and_their_graph():
    loc = clnet.zeros(3, requires_grad=True)
    wide = d.Independent(d.Normal(loc, 1.0), 1).expand((4,))
    assert wide.batch_shape == (4,) and wide.event_shape == (3,)
    wide.log_prob(clnet.ones(4, 3)).sum().backward()
    assert loc.grad.tolist() == [4.0] * 3
    assert d.Categorical(logits=clnet.zeros(3)).expand((2, 2)).sample((5,)).shape == (5, 2, 2)
    mixture = d.MixtureSameFamily(d.Categorical(clnet.ones(2)), d.Normal(clnet.zeros(2), 1.0)).expand((3,))
    assert mixture.sample((4,)).shape == (4, 3) and mixture.log_prob(clnet.zeros(3)).shape == (3,)


def test_expansion_drops_what_was_computed_for_the_old_shape():
    dist = d.Bernoulli(clnet.tensor(0.3))
    assert dist.logits.shape == ()
    wide = dist.expand((4,))
    assert wide.probs.shape == (4,) and wide.logits.shape == (4,)


def test_validation_can_be_switched_off():
    assert d.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0
    d.Distribution.set_default_validate_args(False)
    try:
        assert d.Uniform(0.0, 1.0).log_prob(clnet.tensor(2.0)).item() == -float("inf")
    finally:
        d.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="to satisfy the constraint GreaterThan"):
        d.Normal(0.0, -1.0)


def test_users_register_divergences():
    class Shifted(d.Normal):
        pass

    assert d.kl_divergence(Shifted(0.0, 1.0), d.Normal(0.0, 1.0)).item() == 0

    @d.register_kl(Shifted, Shifted)
    def _(p, q):
        return clnet.tensor(7.0)

    assert d.kl_divergence(Shifted(0.0, 1.0), Shifted(0.0, 1.0)).item() == 7
    with pytest.raises(NotImplementedError, match="No KL"):
        d.kl_divergence(d.Normal(0.0, 1.0), d.StudentT(3.0))


def test_a_family_gets_its_entropy_from_its_normaliser():
    rate = clnet.tensor([0.5, 2.0], requires_grad=True)
    dist = d.Exponential(rate)
    dist_entropy = d.ExponentialFamily.entropy
    type(dist)._mean_carrier_measure = property(lambda self: 0)
    try:
        np.testing.assert_allclose(dist_entropy(dist).detach().numpy(), dist.entropy().detach().numpy(), rtol=1e-5)
    finally:
        del type(dist)._mean_carrier_measure


def test_cached_transforms_invert_exactly():
    tanh = d.TanhTransform(cache_size=1)
    policy = d.TransformedDistribution(d.Normal(clnet.zeros(4), 20.0), [tanh])
    action = policy.rsample()
    assert tanh.inv(action) is tanh._cached[0]
    assert policy.log_prob(action.clamp(-0.999, 0.999)).isfinite().all()
    with pytest.raises(ValueError, match="cache_size"):
        d.ExpTransform(cache_size=2)


def test_constraints():
    c = d.constraints
    assert c.simplex.check(clnet.tensor([[0.5, 0.5], [0.7, 0.7]])).tolist() == [True, False]
    assert c.positive_definite.check(clnet.tensor([[2.0, 0.5], [0.5, 1.0]])).item()
    assert not c.positive_definite.check(clnet.tensor([[1.0, 2.0], [2.0, 1.0]])).item()
    assert c.positive_semidefinite.check(clnet.tensor([[1.0, 1.0], [1.0, 1.0]]) + 1e-6 * clnet.eye(2)).item()
    assert c.lower_cholesky.check(clnet.tensor([[1.0, 0.0], [3.0, 2.0]])).item()
    assert c.corr_cholesky.check(clnet.tensor([[1.0, 0.0], [0.6, 0.8]])).item()
    assert c.integer_interval(0, 3).check(clnet.tensor([0.0, 1.5, 3.0, 4.0])).tolist() == [True, False, True, False]
    assert c.half_open_interval(0, 1).check(clnet.tensor([0.0, 1.0])).tolist() == [True, False]
    assert c.independent(c.positive, 1).check(clnet.tensor([[1.0, -1.0], [1.0, 1.0]])).tolist() == [False, True]
    assert not c.square.check(clnet.zeros(2, 3)).item() and c.symmetric.check(clnet.eye(3)).item()
    assert c.one_hot.check(clnet.tensor([[0.0, 1.0], [1.0, 1.0]])).tolist() == [True, False]
    assert c.multinomial(3).check(clnet.tensor([1.0, 2.0])).item() and c.is_dependent(d.Uniform.support)
    assert c.cat([c.positive, c.real], 0, [1, 2]).check(clnet.tensor([-1.0, 1.0, -1.0])).tolist() == [False, True, True]
    assert c.stack([c.positive, c.real]).check(clnet.tensor([-1.0, -1.0])).tolist() == [False, True]
    assert repr(c.interval(0.0, 2.0)) == "Interval(lower_bound=0.0, upper_bound=2.0)"
    with pytest.raises(ValueError, match="dependent"):
        c.dependent.check(clnet.zeros(1))


def test_values_of_an_empty_batch():
    dist = d.Gamma(clnet.ones(0), clnet.ones(0))
    assert dist.sample((3,)).shape == (3, 0) and dist.log_prob(clnet.ones(3, 0)).shape == (3, 0)
