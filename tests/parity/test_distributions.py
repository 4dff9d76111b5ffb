"""Distributions beside PyTorch's: densities, moments, entropies, divergences, their derivatives, errors."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
import clnet.distributions

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def _real(*shape):
    return RNG.normal(size=shape).astype("float32")


def _positive(*shape):
    return RNG.uniform(0.4, 3.0, shape).astype("float32")


def _chance(*shape):
    return RNG.uniform(0.1, 0.9, shape).astype("float32")


def _simplex(*shape):
    raw = RNG.uniform(0.1, 1.0, shape)
    return (raw / raw.sum(-1, keepdims=True)).astype("float32")


def _definite(*shape):
    raw = RNG.normal(size=(*shape, shape[-1]))
    return (raw @ raw.swapaxes(-1, -2) + 2 * np.eye(shape[-1])).astype("float32")


def _tril(*shape):
    return np.linalg.cholesky(_definite(*shape).astype("float64")).astype("float32")


_one_hot = np.eye(4, dtype="float32")[RNG.integers(0, 4, (5, 3))]
_counts = np.array([[2, 0, 1, 2], [0, 5, 0, 0], [1, 1, 1, 2]], "float32")
# name: (parameters; arrays are differentiated, values)
CASES = {
    "Normal": ({"loc": _real(3), "scale": _positive(3)}, _real(5, 3)),
    "Normal/numbers": ({"loc": 0.5, "scale": 2.0}, _real(5)),
    "LogNormal": ({"loc": _real(3), "scale": _positive(3)}, _positive(5, 3)),
    "Uniform": ({"low": -_positive(3), "high": _positive(3) + 1}, _chance(5, 3)),
    "Bernoulli": ({"probs": _chance(3)}, np.float32(RNG.random((5, 3)) < 0.5)),
    "Bernoulli/logits": ({"logits": _real(3)}, np.float32(RNG.random((5, 3)) < 0.5)),
    "Categorical": ({"probs": _positive(3, 4)}, RNG.integers(0, 4, (5, 3))),
    "Categorical/logits": ({"logits": _real(3, 4)}, RNG.integers(0, 4, (5, 3))),
    "OneHotCategorical": ({"probs": _positive(3, 4)}, _one_hot),
    "OneHotCategoricalStraightThrough": ({"logits": _real(3, 4)}, _one_hot),
    "Multinomial": ({"total_count": 5, "probs": _positive(3, 4)}, _counts),
    "Multinomial/logits": ({"total_count": 5, "logits": _real(3, 4)}, _counts),
    "Binomial": ({"total_count": 7, "probs": _chance(3)}, np.float32(RNG.integers(0, 8, (5, 3)))),
    "Binomial/logits": ({"total_count": 7, "logits": _real(3)}, np.float32(RNG.integers(0, 8, (5, 3)))),
    "NegativeBinomial": ({"total_count": _positive(3), "probs": _chance(3)}, np.float32(RNG.integers(0, 8, (5, 3)))),
    "Geometric": ({"probs": _chance(3)}, np.float32(RNG.integers(0, 8, (5, 3)))),
    "Geometric/logits": ({"logits": _real(3)}, np.float32(RNG.integers(0, 8, (5, 3)))),
    "Exponential": ({"rate": _positive(3)}, _positive(5, 3)),
    "Laplace": ({"loc": _real(3), "scale": _positive(3)}, _real(5, 3)),
    "Cauchy": ({"loc": _real(3), "scale": _positive(3)}, _real(5, 3)),
    "HalfNormal": ({"scale": _positive(3)}, _positive(5, 3)),
    "HalfCauchy": ({"scale": _positive(3)}, _positive(5, 3)),
    "Gamma": ({"concentration": _positive(3), "rate": _positive(3)}, _positive(5, 3)),
    "InverseGamma": ({"concentration": _positive(3), "rate": _positive(3)}, _positive(5, 3)),
    "Chi2": ({"df": _positive(3)}, _positive(5, 3)),
    "Beta": ({"concentration1": _positive(3), "concentration0": _positive(3)}, _chance(5, 3)),
    "Dirichlet": ({"concentration": _positive(3, 4)}, _simplex(5, 3, 4)),
    "Dirichlet/corner": ({"concentration": _chance(3, 4)}, _simplex(5, 3, 4)),
    "StudentT": ({"df": _positive(3) + 2, "loc": _real(3), "scale": _positive(3)}, _real(5, 3)),
    "FisherSnedecor": ({"df1": _positive(3) + 3, "df2": _positive(3) + 4}, _positive(5, 3)),
    "Gumbel": ({"loc": _real(3), "scale": _positive(3)}, _real(5, 3)),
    "Weibull": ({"scale": _positive(3), "concentration": _positive(3)}, _positive(5, 3)),
    "Kumaraswamy": ({"concentration1": _positive(3), "concentration0": _positive(3)}, _chance(5, 3)),
    "Pareto": ({"scale": _chance(3), "alpha": _positive(3) + 2}, _positive(5, 3) + 1),
    "Poisson": ({"rate": _positive(3)}, np.float32(RNG.integers(0, 8, (5, 3)))),
    "VonMises": ({"loc": _real(3), "concentration": _positive(3)}, _real(5, 3)),
    "ContinuousBernoulli": ({"probs": np.float32([0.2, 0.5003, 0.8])}, _chance(5, 3)),
    "LogisticNormal": ({"loc": _real(3), "scale": _positive(3)}, _simplex(5, 4)),
    "RelaxedBernoulli": ({"temperature": np.float32(0.7), "probs": _chance(3)}, _chance(5, 3)),
    "RelaxedOneHotCategorical": ({"temperature": np.float32(0.7), "logits": _real(3, 4)}, _simplex(5, 3, 4)),
    "MultivariateNormal": ({"loc": _real(2, 3), "scale_tril": _tril(2, 3)}, _real(5, 2, 3)),
    "MultivariateNormal/covariance": ({"loc": _real(2, 3), "covariance_matrix": _definite(3)}, _real(5, 2, 3)),
    "MultivariateNormal/precision": ({"loc": _real(3), "precision_matrix": _definite(2, 3)}, _real(5, 2, 3)),
    "LowRankMultivariateNormal": ({"loc": _real(2, 4), "cov_factor": _real(2, 4, 2), "cov_diag": _positive(4)},
                                  _real(5, 2, 4)),
}
PROPERTIES = ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support", "mean", "variance", "stddev",
              "mode")
# PyTorch's mode of Kumaraswamy is NaN throughout.
UNLIKE = {"Kumaraswamy": ("mode",)}


def _build(library, name, given):
    made = {k: library.tensor(v).requires_grad_() if isinstance(v, (np.ndarray, np.float32)) else v
            for k, v in given.items()}
    return getattr(library.distributions, name.split("/")[0])(**made), [
        v for v in made.values() if isinstance(v, library.Tensor)]


def _array(x):
    return x.detach().numpy()


def _outcome(call):
    try:
        return call()
    except (NotImplementedError, AttributeError, ValueError) as error:
        return type(error)


def _same(ours, theirs, what, tolerance=2e-4):
    if isinstance(theirs, (type, bool)):
        assert ours == theirs, what
    elif isinstance(theirs, torch.Size):
        assert tuple(ours) == tuple(theirs), what
    else:
        assert not isinstance(ours, type), f"{what}: {ours}"
        np.testing.assert_allclose(_array(ours), _array(theirs), rtol=tolerance, atol=tolerance / 10, err_msg=what)


def _same_gradients(ours, our_leaves, theirs, their_leaves, what):
    if not theirs.requires_grad:
        assert not ours.requires_grad, what
        return
    mine = clnet.autograd.grad(ours.sum(), our_leaves, allow_unused=True, retain_graph=True)
    reference = torch.autograd.grad(theirs.sum(), their_leaves, allow_unused=True, retain_graph=True)
    for i, (a, b) in enumerate(zip(mine, reference)):
        zero = np.zeros(tuple(our_leaves[i].shape), "float32")
        np.testing.assert_allclose(zero if a is None else a.numpy(), zero if b is None else b.numpy(), rtol=5e-4,
                                   atol=5e-5, err_msg=f"{what}, parameter {i}")


@pytest.mark.parametrize("name", list(CASES))
def test_properties(name):
    given, _ = CASES[name]
    (ours, _), (theirs, _) = _build(clnet, name, given), _build(torch, name, given)
    for what in sorted(set(PROPERTIES) - set(UNLIKE.get(name, ()))):
        _same(_outcome(lambda what=what: getattr(ours, what)), _outcome(lambda what=what: getattr(theirs, what)), what)
    wide = (2, *theirs.batch_shape)
    for what in ("batch_shape", "event_shape", "mean"):
        _same(_outcome(lambda what=what: getattr(ours.expand(wide), what)),
              _outcome(lambda what=what: getattr(theirs.expand(wide), what)), f"expanded {what}")
    if theirs.has_enumerate_support:
        _same(_outcome(ours.enumerate_support), _outcome(theirs.enumerate_support), "support")


@pytest.mark.parametrize("name", list(CASES))
def test_functions_and_their_derivatives(name):
    given, value = CASES[name]
    ours, our_leaves = _build(clnet, name, given)
    theirs, their_leaves = _build(torch, name, given)
    calls = {
        "log_prob": lambda library, d: d.log_prob(library.tensor(value)),
        "cdf": lambda library, d: d.cdf(library.tensor(value)),
        "icdf": lambda library, d: d.icdf(library.tensor(np.linspace(0.1, 0.9, 3, dtype="float32"))),
        "entropy": lambda library, d: d.entropy(),
        "perplexity": lambda library, d: d.perplexity(),
        "expanded": lambda library, d: d.expand((5, *d.batch_shape)).log_prob(library.tensor(value)),
    }
    if name.startswith("Gamma") or name in ("Chi2", "InverseGamma"):
        calls["cdf"] = lambda library, d: d.cdf(library.tensor(value)).detach()  # by the shape it has no derivative
    for what, call in calls.items():
        mine, reference = _outcome(lambda call=call: call(clnet, ours)), _outcome(lambda call=call: call(torch, theirs))
        _same(mine, reference, what)
        if isinstance(reference, torch.Tensor):
            _same_gradients(mine, our_leaves, reference, their_leaves, what)


@pytest.mark.parametrize("name", list(CASES))
def test_samples(name):
    given, _ = CASES[name]
    ours, leaves = _build(clnet, name, given)
    theirs, _ = _build(torch, name, given)
    drawn, reference = ours.sample((2, 6)), theirs.sample((2, 6))
    assert tuple(drawn.shape) == tuple(reference.shape) and not drawn.requires_grad
    assert str(drawn.dtype).split(".")[-1] == str(reference.dtype).split(".")[-1]
    assert _outcome(lambda: bool(ours.support.check(drawn).all())) in (True, NotImplementedError)
    if theirs.has_rsample:
        made = ours.rsample((2,))
        assert made.requires_grad == theirs.rsample((2,)).requires_grad
    else:
        with pytest.raises(NotImplementedError):
            ours.rsample()


# Divergences ------------------------------------------------------------------------------------

FAMILIES = ("Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "ContinuousBernoulli", "Dirichlet", "Exponential",
            "Gamma", "Geometric", "Gumbel", "HalfNormal", "Laplace", "LogNormal", "LowRankMultivariateNormal",
            "MultivariateNormal", "Normal", "OneHotCategorical", "Pareto", "Poisson", "Uniform", "StudentT", "Chi2")
SECOND = {
    "Bernoulli": {"probs": _chance(3)}, "Beta": {"concentration1": _positive(3), "concentration0": _positive(3)},
    "Binomial": {"total_count": 7, "probs": _chance(3)}, "Categorical": {"logits": _real(3, 4)},
    "Cauchy": {"loc": _real(3), "scale": _positive(3)}, "ContinuousBernoulli": {"probs": _chance(3)},
    "Dirichlet": {"concentration": _positive(3, 4)}, "Exponential": {"rate": _positive(3)},
    "Gamma": {"concentration": _positive(3), "rate": _positive(3)}, "Geometric": {"probs": _chance(3)},
    "Gumbel": {"loc": _real(3), "scale": _positive(3)}, "HalfNormal": {"scale": _positive(3)},
    "Laplace": {"loc": _real(3), "scale": _positive(3)}, "LogNormal": {"loc": _real(3), "scale": _positive(3)},
    "LowRankMultivariateNormal": {"loc": _real(2, 4), "cov_factor": _real(4, 2), "cov_diag": _positive(2, 4)},
    "MultivariateNormal": {"loc": _real(4), "scale_tril": _tril(2, 4)},
    "Normal": {"loc": _real(3), "scale": _positive(3)},
    "OneHotCategorical": {"probs": _positive(3, 4)}, "Pareto": {"scale": _chance(3) / 10, "alpha": _positive(3)},
    "Poisson": {"rate": _positive(3)}, "Uniform": {"low": -_positive(3) - 3, "high": _positive(3) + 5},
    "StudentT": {"df": _positive(3)}, "Chi2": {"df": _positive(3)},
}
# A Uniform above 0 and below 1, so that its divergences are finite.
INSIDE = {"low": _chance(3) / 4 + 0.1, "high": _chance(3) / 4 + 0.6}


def _pairs(name):
    given = dict(CASES[name][0])
    if name == "MultivariateNormal":
        given = {"loc": _real(2, 4), "covariance_matrix": _definite(4)}
    found = [given]
    return [*found, INSIDE] if name == "Uniform" else found


@pytest.mark.parametrize("name", FAMILIES)
def test_divergences(name):
    for given in _pairs(name):
        ours, our_leaves = _build(clnet, name, given)
        theirs, their_leaves = _build(torch, name, given)
        for other in FAMILIES:
            q, q_leaves = _build(clnet, other, SECOND[other])
            their_q, their_q_leaves = _build(torch, other, SECOND[other])
            what = f"{name} from {other}"
            mine = _outcome(lambda p=ours, q=q: clnet.distributions.kl_divergence(p, q))
            reference = _outcome(lambda p=theirs, q=their_q: torch.distributions.kl_divergence(p, q))
            _same(mine, reference, what, 5e-4)
            if isinstance(reference, torch.Tensor) and bool(reference.isfinite().all()):
                _same_gradients(mine, [*our_leaves, *q_leaves], reference, [*their_leaves, *their_q_leaves], what)


def test_divergences_of_compositions():
    def make(library):
        d, tensor = library.distributions, library.tensor
        p = d.Independent(d.Normal(tensor(_A), tensor(_B)), 1)
        q = d.Independent(d.Normal(tensor(_B), tensor(_B)), 1)
        moved = [d.TransformedDistribution(d.Normal(tensor(v), 1.0), [d.ExpTransform(), d.AffineTransform(1.0, 2.0)])
                 for v in (_A, _B)]
        return d.kl_divergence(p, q), d.kl_divergence(*moved)
    for ours, theirs in zip(make(clnet), make(torch)):
        _same(ours, theirs, "composition")


_A, _B = _positive(2, 3), _positive(2, 3)
_WRONG = [
    lambda d, t: d.Normal(t([0.0]), t([-1.0])),
    lambda d, t: d.Normal("a", 1.0),
    lambda d, t: d.Uniform(2.0, 1.0),
    lambda d, t: d.Bernoulli(probs=t(1.5)),
    lambda d, t: d.Bernoulli(),
    lambda d, t: d.Categorical(probs=t([0.5, -0.5, 1.0])),
    lambda d, t: d.Categorical(t(0.5)),
    lambda d, t: d.Categorical(t([0.5, 0.5]), t([0.5, 0.5])),
    lambda d, t: d.Normal(0.0, 1.0).log_prob(t(float("nan"))),
    lambda d, t: d.Normal(0.0, 1.0).log_prob(2.0),
    lambda d, t: d.Beta(1.0, 1.0).log_prob(t(1.5)),
    lambda d, t: d.Categorical(t([0.5, 0.5])).log_prob(t(2)),
    lambda d, t: d.Normal(t([0.0, 1.0]), 1.0).log_prob(t([0.0, 1.0, 2.0])),
    lambda d, t: d.Independent(d.Normal(0.0, 1.0), 1),
    lambda d, t: d.MultivariateNormal(t([0.0, 1.0])),
    lambda d, t: d.MultivariateNormal(t([0.0, 1.0]), t([[1.0, 2.0], [2.0, 1.0]])),
    lambda d, t: d.Dirichlet(t(1.0)),
    lambda d, t: d.Bernoulli(0.5).cdf(t(0.5)),
    lambda d, t: d.Categorical(t([0.5, 0.5])).rsample(),
    lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), 3),
    lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform()),
    lambda d, t: d.MixtureSameFamily(d.Categorical(t([0.5, 0.5])), d.Normal(t([0.0, 1.0, 2.0]), 1.0)),
    lambda d, t: d.register_kl(3, d.Normal),
    lambda d, t: d.biject_to(d.constraints.boolean),
]


@pytest.mark.parametrize("index", range(len(_WRONG)))
def test_errors(index):
    raised = []
    for library in (clnet, torch):
        with pytest.raises((ValueError, TypeError, NotImplementedError, RuntimeError)) as info:
            _WRONG[index](library.distributions, library.tensor)
        raised.append(info)
    ours, theirs = raised
    assert ours.type is theirs.type
    text = str(theirs.value)
    if text.startswith(("Expected parameter", "Expected value")):
        assert str(ours.value).split("found")[0].replace("clnet.", "torch.") == text.split("found")[0]


# Transforms -------------------------------------------------------------------------------------

_TRANSFORMS = {
    "exp": (lambda d, t: d.ExpTransform(), _real(3, 4)),
    "power": (lambda d, t: d.PowerTransform(t([2.0, 0.5, 3.0, 1.5])), _positive(3, 4)),
    "sigmoid": (lambda d, t: d.SigmoidTransform(), _real(3, 4)),
    "softplus": (lambda d, t: d.SoftplusTransform(), _real(3, 4)),
    "tanh": (lambda d, t: d.TanhTransform(), _real(3, 4)),
    "affine": (lambda d, t: d.AffineTransform(t([1.0, 2.0, 3.0, 4.0]), -2.0), _real(3, 4)),
    "affine event": (lambda d, t: d.AffineTransform(1.0, t([1.0, 2.0, 3.0, 4.0]), event_dim=1), _real(3, 4)),
    "stick": (lambda d, t: d.StickBreakingTransform(), _real(3, 4)),
    "cholesky": (lambda d, t: d.LowerCholeskyTransform(), _real(3, 4, 4)),
    "compose": (lambda d, t: d.ComposeTransform([d.AffineTransform(0.5, 2.0), d.SigmoidTransform(), d.ExpTransform()]),
                _real(3, 4)),
    "compose stick": (lambda d, t: d.ComposeTransform([d.AffineTransform(0.5, 2.0), d.StickBreakingTransform()]),
                      _real(3, 4)),
    "independent": (lambda d, t: d.IndependentTransform(d.ExpTransform(), 1), _real(3, 4)),
    "reshape": (lambda d, t: d.ReshapeTransform((4,), (2, 2)), _real(3, 4)),
    "cat": (lambda d, t: d.CatTransform([d.ExpTransform(), d.TanhTransform()], dim=-1, lengths=[1, 3]), _real(3, 4)),
    "stack": (lambda d, t: d.StackTransform([d.ExpTransform(), d.SigmoidTransform(), d.TanhTransform()]), _real(3, 4)),
    "distribution": (lambda d, t: d.CumulativeDistributionTransform(d.Normal(0.0, 1.0)), _real(3, 4)),
    "biject simplex": (lambda d, t: d.biject_to(d.constraints.simplex), _real(3, 4)),
    "biject interval": (lambda d, t: d.biject_to(d.constraints.interval(2.0, 5.0)), _real(3, 4)),
    "biject positive": (lambda d, t: d.transform_to(d.constraints.greater_than(3.0)), _real(3, 4)),
}


@pytest.mark.parametrize("name", list(_TRANSFORMS))
def test_transforms(name):
    make, value = _TRANSFORMS[name]
    found = []
    for library in (clnet, torch):
        transform, x = make(library.distributions, library.tensor), library.tensor(value)
        y = transform(x)
        jacobian = _outcome(lambda t=transform, x=x, y=y: t.log_abs_det_jacobian(x, y))
        shapes = (tuple(transform.forward_shape(x.shape)), tuple(transform.inverse_shape(y.shape)))
        dims = (transform.domain.event_dim, transform.codomain.event_dim, transform.bijective)
        found.append((y, transform.inv(y), jacobian, shapes, dims, bool(transform.codomain.check(y).all())))
    ours, theirs = found
    _same(ours[0], theirs[0], "result")
    _same(ours[1], theirs[1], "inverse", 2e-3)
    if not isinstance(theirs[2], type):
        _same(ours[2], theirs[2], "jacobian")
    assert ours[3:] == theirs[3:]
