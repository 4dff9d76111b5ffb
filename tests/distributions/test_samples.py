"""Samples: their statistics with fixed seeds, and their derivatives by the parameters."""
from __future__ import annotations

import math

import numpy as np
import pytest

import clnet
from clnet import distributions as d
from clnet.ops.special import host_value
from clnet.ops.variates import gamma_slope, standard_gamma

COUNT = 20000
CASES = {
    "normal": lambda: d.Normal(clnet.tensor([0.0, 3.0]), clnet.tensor([1.0, 0.5])),
    "log normal": lambda: d.LogNormal(0.3, 0.4),
    "uniform": lambda: d.Uniform(-1.0, 3.0),
    "bernoulli": lambda: d.Bernoulli(clnet.tensor([0.1, 0.7])),
    "geometric": lambda: d.Geometric(clnet.tensor([0.3, 0.9])),
    "one-hot": lambda: d.OneHotCategorical(clnet.tensor([0.2, 0.5, 0.3])),
    "multinomial": lambda: d.Multinomial(9, clnet.tensor([0.2, 0.5, 0.3])),
    "binomial": lambda: d.Binomial(clnet.tensor([5.0, 100.0, 60.0, 40.0]), clnet.tensor([0.3, 0.2, 0.95, 0.5])),
    "negative binomial": lambda: d.NegativeBinomial(clnet.tensor([2.0, 30.0]), 0.4),
    "exponential": lambda: d.Exponential(clnet.tensor([0.5, 4.0])),
    "laplace": lambda: d.Laplace(1.0, 2.0),
    "half normal": lambda: d.HalfNormal(2.0),
    "gamma": lambda: d.Gamma(clnet.tensor([0.2, 1.0, 7.0, 300.0]), clnet.tensor([1.0, 2.0, 0.5, 1.0])),
    "chi2": lambda: d.Chi2(clnet.tensor([1.0, 9.0])),
    "beta": lambda: d.Beta(clnet.tensor([0.5, 4.0]), clnet.tensor([0.5, 2.0])),
    "beta of small concentrations": lambda: d.Beta(clnet.tensor([1e-3, 0.02]), clnet.tensor([1e-3, 0.05])),
    "dirichlet": lambda: d.Dirichlet(clnet.tensor([0.4, 2.0, 9.0])),
    "student": lambda: d.StudentT(9.0, 1.0, 2.0),
    "gumbel": lambda: d.Gumbel(1.0, 2.0),
    "weibull": lambda: d.Weibull(2.0, 1.7),
    "pareto": lambda: d.Pareto(1.0, 6.0),
    "poisson": lambda: d.Poisson(clnet.tensor([0.0, 0.3, 9.5, 10.5, 200.0])),
    "kumaraswamy": lambda: d.Kumaraswamy(2.0, 3.0),
    "continuous bernoulli": lambda: d.ContinuousBernoulli(clnet.tensor([0.2, 0.5])),
    "multivariate": lambda: d.MultivariateNormal(
        clnet.tensor([0.0, 1.0]), clnet.tensor([[2.0, 0.5], [0.5, 1.0]])),
    "low rank": lambda: d.LowRankMultivariateNormal(
        clnet.zeros(3), clnet.tensor([[1.0], [0.5], [-1.0]]), clnet.tensor([0.1, 1.0, 0.5])),
    "mixture": lambda: d.MixtureSameFamily(
        d.Categorical(clnet.tensor([0.3, 0.7])), d.Normal(clnet.tensor([-1.0, 2.0]), clnet.tensor([0.5, 1.0]))),
    "mixture of vectors": lambda: d.MixtureSameFamily(
        d.Categorical(clnet.tensor([0.3, 0.7])),
        d.Independent(d.Normal(clnet.tensor([[-1.0, 0.0], [2.0, 5.0]]), 1.0), 1)),
}


@pytest.mark.parametrize("name", list(CASES))
def test_moments(name):
    clnet.manual_seed(1)
    dist = CASES[name]()
    drawn = dist.sample((COUNT,)).numpy().astype("float64")
    mean, deviation = dist.mean.numpy(), dist.stddev.numpy()
    assert drawn.shape == (COUNT, *dist.batch_shape, *dist.event_shape)
    assert np.all(np.isfinite(drawn))
    np.testing.assert_array_less(abs(drawn.mean(0) - mean), 5 * deviation / math.sqrt(COUNT) + 1e-6)
    np.testing.assert_allclose(drawn.std(0), deviation, rtol=0.08, atol=1e-6)


def test_gamma_variates_follow_their_distribution():
    clnet.manual_seed(2)
    for shape in (0.3, 1.5, 40.0):
        drawn = np.sort(standard_gamma(clnet.full((COUNT,), shape)).numpy().astype("float64"))
        chances = host_value("igamma")(np.full(COUNT, shape), drawn)
        # Kolmogorov's distance is below 1.95 / sqrt(n) with probability 0.999.
        assert abs(chances - np.arange(COUNT) / COUNT).max() < 1.95 / math.sqrt(COUNT)


@pytest.mark.parametrize("mean", [3.0, 15.0, 120.0])
def test_poisson_counts_follow_their_distribution(mean):
    clnet.manual_seed(3)
    drawn = clnet.poisson(clnet.full((COUNT,), mean)).numpy()
    values = np.arange(drawn.max() + 1)
    chances = d.Poisson(mean).log_prob(clnet.tensor(values)).exp().numpy().astype("float64")
    distance = np.cumsum(np.bincount(drawn.astype(int)) / COUNT) - np.cumsum(chances)
    assert abs(distance).max() < 1.95 / math.sqrt(COUNT)


def test_angles():
    clnet.manual_seed(4)
    for concentration in (1e-3, 0.5, 4.0, 500.0):
        dist = d.VonMises(clnet.tensor(0.5), clnet.tensor(concentration))
        drawn = dist.sample((COUNT,)).numpy().astype("float64")
        assert drawn.min() >= -math.pi - 1e-6 and drawn.max() <= math.pi
        length = np.cos(drawn - 0.5).mean()
        assert abs(1 - length - dist.variance.item()) < 4 / math.sqrt(COUNT) * max(dist.variance.item(), 0.02)


def test_poisson_and_binomial_at_their_ends():
    assert clnet.poisson(clnet.zeros(4)).tolist() == [0] * 4
    counts, chances = clnet.tensor([0.0, 5.0, 5.0, 90.0]), clnet.tensor([0.5, 0.0, 1.0, 1.0])
    assert clnet.binomial(counts, chances).tolist() == [0, 0, 5, 90]
    assert clnet.poisson(clnet.ones(3, dtype=clnet.float16)).dtype is clnet.float16
    assert clnet.poisson(clnet.empty(0)).shape == (0,)
    with pytest.raises(NotImplementedError, match="poisson"):
        clnet.poisson(clnet.arange(3))


def test_equal_seeds_give_equal_samples():
    def draw():
        clnet.manual_seed(7)
        return d.Gamma(clnet.tensor([0.5, 3.0]), 1.0).sample((50,)).tolist()
    assert draw() == draw()


# Derivatives ------------------------------------------------------------------------------------

def test_a_gamma_variate_keeps_its_quantile():
    a, quantile = np.meshgrid(np.array([1e-2, 0.3, 1.0, 5.0, 60.0, 900.0, 1e4]), np.array([-3.0, -1.0, 0.0, 0.7, 3.0]))
    # Wilson and Hilferty's approximation gives values all over the distribution.
    x = np.maximum(a * (1 - 1 / (9 * a) + quantile / (3 * np.sqrt(a))) ** 3, 1e-3)
    slope = gamma_slope(clnet.tensor(a.astype("float32")), clnet.tensor(x.astype("float32"))).numpy().astype("float64")
    held_a, held_x = a.astype("float32").astype("float64"), x.astype("float32").astype("float64")
    h = held_a * 1e-4 / np.sqrt(np.maximum(held_a, 1))
    chance = host_value("igamma")
    by_shape = (chance(held_a + h, held_x) - chance(held_a - h, held_x)) / (2 * h)
    step = held_x * 1e-4 / np.sqrt(np.maximum(held_a, 1))
    density = (chance(held_a, held_x + step) - chance(held_a, held_x - step)) / (2 * step)
    clear = (chance(held_a, held_x) > 1e-4) & (chance(held_a, held_x) < 1 - 1e-4)
    np.testing.assert_allclose(slope[clear], (-by_shape / density)[clear], rtol=1e-4)


@pytest.mark.parametrize("make, expected", [
    (lambda a: d.Gamma(a, 2.0), lambda a: 0.5 * np.ones_like(a)),
    (lambda a: d.Beta(a, 2.0), lambda a: 2 / (a + 2) ** 2),
    (lambda a: d.Chi2(a), np.ones_like),
], ids=["gamma", "beta", "chi2"])
def test_derivatives_of_means_by_samples(make, expected):
    clnet.manual_seed(5)
    a = clnet.tensor([0.1, 1.0, 6.0], requires_grad=True)
    make(a).rsample((COUNT,)).mean(0).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), expected(a.detach().numpy()), rtol=0.05)


def test_dirichlet_samples_are_differentiable():
    clnet.manual_seed(6)
    a = clnet.tensor([0.5, 2.0, 3.0], requires_grad=True)
    drawn = d.Dirichlet(a).rsample((COUNT,))
    np.testing.assert_allclose(drawn.sum(-1).detach().numpy(), 1, atol=1e-5)
    drawn[:, 0].mean().backward()
    np.testing.assert_allclose(a.grad.numpy(), [5.0 / 5.5 ** 2, -0.5 / 5.5 ** 2, -0.5 / 5.5 ** 2], rtol=0.1)


def test_straight_through_samples_carry_the_probabilities_derivative():
    logits = clnet.tensor([0.1, 0.5, -0.4], requires_grad=True)
    drawn = d.OneHotCategoricalStraightThrough(logits=logits).rsample()
    weight = clnet.tensor([1.0, 2.0, 3.0])
    (drawn * weight).sum().backward()
    expected = clnet.tensor([0.1, 0.5, -0.4], requires_grad=True)
    (expected.softmax(-1) * weight).sum().backward()
    np.testing.assert_allclose(logits.grad.numpy(), expected.grad.numpy(), rtol=1e-5)


def test_a_sampled_policy_trains():
    """The gradient of a score function raises the chance of what is rewarded."""
    clnet.manual_seed(8)
    logits = clnet.zeros(4, requires_grad=True)
    optimizer = clnet.optim.Adam([logits], lr=0.1)
    for _ in range(60):
        policy = d.Categorical(logits=logits)
        action = policy.sample((64,))
        loss = -(policy.log_prob(action) * (action == 2)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert d.Categorical(logits=logits).probs[2].item() > 0.9
