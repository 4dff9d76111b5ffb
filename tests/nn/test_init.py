"""Initial values have the distributions that their names say."""
from __future__ import annotations

import math

import numpy as np
import pytest

import clnet
from clnet import nn
from clnet.nn import init


def _array(t):
    return np.array(t.tolist())


@pytest.fixture(autouse=True)
def _seeded():
    clnet.manual_seed(0)


def test_uniform_bounds():
    for make, bound in ((lambda t: init.uniform_(t, -2, 2), 2.0),
                        (lambda t: init.xavier_uniform_(t, gain=2.0), 2 * math.sqrt(6 / 300)),
                        (lambda t: init.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
                         math.sqrt(2) * math.sqrt(3 / 100))):
        t = clnet.empty(100, 200)
        assert make(t) is t
        values = _array(t)
        assert np.abs(values).max() <= bound and np.abs(values).max() > 0.99 * bound
        assert abs(values.mean()) < 0.02 * bound
        assert abs(values.std() - bound / math.sqrt(3)) < 0.02 * bound


def test_normal_deviations():
    for make, std in ((lambda t: init.normal_(t, 0, 0.5), 0.5),
                      (init.xavier_normal_, math.sqrt(2 / 300)),
                      (lambda t: init.kaiming_normal_(t, nonlinearity="relu"), math.sqrt(2 / 200))):
        values = _array(make(clnet.empty(100, 200)))
        assert abs(values.std() / std - 1) < 0.02 and abs(values.mean()) < 0.02 * std


def test_truncated_normal():
    values = _array(init.trunc_normal_(clnet.empty(20000), mean=1.0, std=2.0, a=-1.0, b=3.0))
    assert values.min() >= -1 and values.max() <= 3 and values.max() > 2.9
    # The deviation of a normal distribution cut at one standard deviation on both sides.
    assert abs(values.std() - 2.0 * 0.5396) < 0.02 and abs(values.mean() - 1) < 0.03


def test_structured_values():
    assert init.eye_(clnet.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.constant_(clnet.empty(2), 3.5).tolist() == [3.5, 3.5]
    assert init.ones_(clnet.empty(1)).tolist() == [1] and init.zeros_(clnet.empty(1)).tolist() == [0]
    kernel = _array(init.dirac_(clnet.empty(4, 2, 3, 3), groups=2))
    assert kernel.sum() == 4 and all(kernel[o, o % 2, 1, 1] == 1 for o in range(4))
    for shape in ((6, 4), (4, 6), (4, 2, 3)):
        flat = _array(init.orthogonal_(clnet.empty(*shape), gain=2.0)).reshape(shape[0], -1)
        gram = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
        np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_parameters_stay_leaves():
    p = nn.Parameter(clnet.zeros(3, 3))
    init.xavier_uniform_(p)
    assert p.is_leaf and p.requires_grad


def test_layers_start_as_pytorchs_do():
    layer = nn.Linear(50, 400)
    bound = 1 / math.sqrt(50)
    for p in layer.parameters():
        values = _array(p)
        assert np.abs(values).max() <= bound and abs(values.std() - bound / math.sqrt(3)) < 0.05 * bound
    conv = nn.Conv2d(4, 64, 3, groups=2)
    bound = 1 / math.sqrt(2 * 9)
    assert np.abs(_array(conv.weight)).max() <= bound and np.abs(_array(conv.bias)).max() <= bound
    table = _array(nn.Embedding(500, 40, padding_idx=-1).weight)
    assert abs(table[:-1].std() - 1) < 0.02 and not table[-1].any()


def test_gains_and_mistakes():
    assert init.calculate_gain("leaky_relu", 1.0) == 1.0 and init.calculate_gain("tanh") == 5 / 3
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        init.calculate_gain("x")
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.xavier_normal_(clnet.empty(3))
    with pytest.raises(ValueError, match="Mode x not supported"):
        init.kaiming_normal_(clnet.empty(3, 3), mode="x")
    with pytest.warns(UserWarning, match="zero-element"):
        init.kaiming_uniform_(clnet.empty(0, 3))


def test_sparse_zeroes_a_share_of_each_column():
    t = nn.init.sparse_(clnet.empty(10, 4), 0.3, std=2.0)
    assert (t == 0).sum(0).tolist() == [3] * 4
    with pytest.raises(ValueError, match="2 dimensions"):
        nn.init.sparse_(clnet.empty(10), 0.3)
