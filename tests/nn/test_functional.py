"""What nn.functional has beyond the operators."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F


def test_distances():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    a, b = clnet.tensor(x, dtype=clnet.float32), clnet.tensor(y, dtype=clnet.float32)
    lengths = np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(F.normalize(a).tolist(), x / lengths[:, None], rtol=1e-5)
    np.testing.assert_allclose(F.normalize(a, p=1, dim=0).tolist(), x / np.abs(x).sum(0), rtol=1e-5)
    expected = (x * y).sum(1) / lengths / np.linalg.norm(y, axis=1)
    np.testing.assert_allclose(F.cosine_similarity(a, b).tolist(), expected, rtol=1e-4)
    apart = np.linalg.norm(x - y + 1e-6, axis=1)
    np.testing.assert_allclose(F.pairwise_distance(a, b).tolist(), apart, rtol=1e-5)
    assert F.normalize(clnet.zeros(1, 3)).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(("name", "expected"), [
    ("relu_", [0, 2]), ("leaky_relu_", [-0.01, 2]), ("hardtanh_", [-1, 1])])
def test_in_place_names(name, expected):
    x = clnet.tensor([-1.0, 2.0])
    assert getattr(F, name)(x) is x and x.tolist() == pytest.approx(expected)


def test_in_place_under_autograd():
    x = clnet.tensor([-1.0, 2.0], requires_grad=True)
    (F.relu_(x * 3) ** 2).sum().backward()
    assert x.grad.tolist() == [0, 36]
