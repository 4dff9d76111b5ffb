"""Parametrized, pruned and borrowed weights."""
from __future__ import annotations

import copy

import numpy as np
import pytest

import clnet
from clnet import nn
from clnet.nn.utils import parametrizations, parametrize, prune, stateless


class _Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

    def right_inverse(self, x):
        return x.triu()


class _Doubled(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, x):
        return x / 2


def test_a_weight_is_a_function():
    layer = nn.Linear(3, 3)
    before = layer.weight
    parametrize.register_parametrization(layer, "weight", _Symmetric())
    assert parametrize.is_parametrized(layer, "weight") and not parametrize.is_parametrized(layer, "bias")
    assert clnet.equal(layer.weight, layer.weight.mT)
    assert layer.parametrizations.weight.original is before
    assert sorted(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    parametrize.register_parametrization(layer, "weight", _Doubled())
    wanted = clnet.tensor([[1.0, 2.0, 3.0], [2.0, 5.0, 6.0], [3.0, 6.0, 9.0]])
    layer.weight = wanted
    assert clnet.equal(layer.weight, wanted)
    layer(clnet.ones(2, 3)).sum().backward()
    assert before.grad is not None
    assert type(layer).__name__ == "ParametrizedLinear"
    twin = copy.deepcopy(layer)
    with parametrize.cached():
        assert layer.weight is layer.weight
        assert twin.weight is not layer.weight and clnet.equal(twin.weight, wanted)
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and layer.weight is before and clnet.equal(layer.weight, wanted)
    assert parametrize.is_parametrized(twin)


def test_shapes_must_stay():
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(nn.Linear(3, 2), "weight", nn.Flatten(0))
    with pytest.raises(ValueError, match="does not have a parameter"):
        parametrize.register_parametrization(nn.Linear(3, 2), "wait", _Doubled())


@pytest.mark.parametrize("hook", [False, True])
def test_weight_norm(hook):
    layer = nn.Linear(4, 3)
    weight = layer.weight.detach().clone()
    (nn.utils.weight_norm if hook else parametrizations.weight_norm)(layer)
    np.testing.assert_allclose(layer.weight.tolist(), weight.tolist(), rtol=1e-5)
    layer(clnet.ones(2, 4)).sum().backward()
    names = {"weight_g", "weight_v", "bias"} if hook else {
        "parametrizations.weight.original0", "parametrizations.weight.original1", "bias"}
    assert {n for n, p in layer.named_parameters() if p.grad is not None} == names
    (nn.utils.remove_weight_norm if hook else lambda m: parametrize.remove_parametrizations(m, "weight"))(layer)
    np.testing.assert_allclose(layer.weight.tolist(), weight.tolist(), rtol=1e-5)
    assert isinstance(layer.weight, nn.Parameter)


@pytest.mark.parametrize("hook", [False, True])
def test_spectral_norm(hook):
    layer = nn.Conv2d(2, 4, 3)
    (nn.utils.spectral_norm if hook else parametrizations.spectral_norm)(layer, n_power_iterations=100)
    layer(clnet.ones(1, 2, 4, 4)).sum().backward()
    largest = np.linalg.norm(np.array(layer.weight.tolist()).reshape(4, -1), 2)
    assert largest == pytest.approx(1, abs=1e-2)
    layer.eval()
    assert clnet.equal(layer(clnet.ones(1, 2, 4, 4)), layer(clnet.ones(1, 2, 4, 4)))
    (nn.utils.remove_spectral_norm if hook else lambda m: parametrize.remove_parametrizations(m, "weight"))(layer)
    assert np.linalg.norm(np.array(layer.weight.tolist()).reshape(4, -1), 2) == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
@pytest.mark.parametrize("name", ["matrix_exp", "cayley", "householder"])
def test_orthogonal(name, shape):
    layer = parametrizations.orthogonal(nn.Linear(*shape[::-1]), orthogonal_map=name)

    def error():
        q = np.array(layer.weight.tolist())
        q = q.T if shape[0] < shape[1] else q
        return np.abs(q.T @ q - np.eye(min(shape))).max()

    assert error() < 1e-5
    (layer(clnet.ones(2, shape[1])) ** 2).sum().backward()
    clnet.optim.SGD(layer.parameters(), lr=0.1).step()
    assert error() < 1e-5


def test_pruning():
    layer = nn.Linear(4, 3)
    weight = layer.weight.detach().clone()
    prune.l1_unstructured(layer, "weight", 0.5)
    assert int((layer.weight == 0).sum()) == 6
    assert {n for n, _ in layer.named_parameters()} == {"weight_orig", "bias"}
    kept = weight.abs().reshape(-1).sort()[0][6]
    assert clnet.equal(layer.weight_mask == 1, weight.abs() >= kept)
    prune.ln_structured(layer, "weight", 1, n=2, dim=0)
    assert int((layer.weight_mask.sum(1) == 0).sum()) >= 1
    assert prune.is_pruned(layer)
    pruned = layer.weight.detach().clone()
    layer(clnet.ones(2, 4)).sum().backward()
    assert clnet.equal(layer.weight_orig.grad != 0, layer.weight_mask == 1)
    prune.remove(layer, "weight")
    assert clnet.equal(layer.weight, pruned) and not prune.is_pruned(layer)


def test_global_and_random_pruning():
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    prune.global_unstructured([(net[0], "weight"), (net[1], "weight")], prune.L1Unstructured, amount=9)
    assert sum(int((m.weight == 0).sum()) for m in net) == 9
    assert net(clnet.ones(1, 4)).shape == (1, 2)
    other = prune.random_structured(nn.Linear(4, 3), "weight", 2, dim=1)
    assert sorted(other.weight_mask.sum(0).tolist()) == [0, 0, 3, 3]
    prune.random_unstructured(other, "weight", 3)
    assert int(other.weight_mask.sum()) == 3
    with pytest.raises(ValueError, match="smaller than the number"):
        prune.l1_unstructured(nn.Linear(1, 1), "weight", 5)


def test_functional_call():
    layer = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight = clnet.zeros(2, 2, requires_grad=True)
    own = layer[0].weight
    y = stateless.functional_call(layer.eval(), {"0.weight": weight, "0.bias": clnet.ones(2)}, clnet.ones(3, 2))
    np.testing.assert_allclose(y.tolist(), np.ones((3, 2)), rtol=1e-4)
    y.sum().backward()
    assert weight.grad is not None and layer[0].weight is own and own.grad is None
    with pytest.raises(RuntimeError, match="Missing key"):
        stateless.functional_call(layer, {"0.weight": weight}, clnet.ones(3, 2), strict=True)


def test_fusion():
    conv, bn = nn.Conv2d(2, 3, 3, bias=False).eval(), nn.BatchNorm2d(3)
    bn(clnet.randn(4, 3, 5, 5) * 3 + 1)
    bn.eval()
    x = clnet.randn(2, 2, 5, 5)
    fused = nn.utils.fuse_conv_bn_eval(conv, bn)
    np.testing.assert_allclose(fused(x).tolist(), bn(conv(x)).tolist(), rtol=1e-4, atol=1e-5)


def test_clipping_takes_few_launches():
    parameters = [nn.Parameter(clnet.ones(n, 2)) for n in range(1, 9)]
    for p in parameters:
        p.grad = clnet.ones_like(p)
    total = nn.utils.clip_grad_norm_(parameters, 3.0)
    assert float(total) == pytest.approx(72 ** 0.5)
    assert float(nn.utils.get_total_norm([p.grad for p in parameters])) == pytest.approx(3.0, rel=1e-5)
