"""Activations where exponentials overflow, and written in place."""

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F

SMOOTH = ["sigmoid", "tanh", "logsigmoid", "softplus", "silu", "mish", "elu", "selu", "celu", "gelu", "softsign"]


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_of_two_orders_stay_finite(name):
    x = clnet.tensor([-1e4, -200.0, -90.0, 90.0, 200.0, 1e4], requires_grad=True)
    y = getattr(F, name)(x)
    assert np.isfinite(y.detach().numpy()).all()
    (first,) = clnet.autograd.grad(y.sum(), (x,), create_graph=True)
    (second,) = clnet.autograd.grad(first.sum(), (x,), allow_unused=True)
    assert np.isfinite(first.detach().numpy()).all()
    assert second is None or np.isfinite(second.numpy()).all()


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish",
                                  "hardtanh", "hardswish", "hardsigmoid"])
def test_in_place_equals_out_of_place_with_gradients(name):
    data = np.linspace(-4.05, 6.95, 12)
    results = []
    for inplace in (False, True):
        x = clnet.tensor(data, requires_grad=True)
        before = x * 1
        y = getattr(F, name)(before, inplace=inplace)
        assert (y is before) == inplace
        (y * y).sum().backward()
        results.append((y.detach().numpy().copy(), x.grad.numpy()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1])


def test_arguments_are_checked():
    with pytest.raises(RuntimeError):
        F.gelu(clnet.ones(2), approximate="no")
    with pytest.raises(RuntimeError):
        F.softshrink(clnet.ones(2), -1.0)
    with pytest.raises(RuntimeError):
        F.glu(clnet.ones(3))
    with pytest.raises(RuntimeError):
        F.prelu(clnet.ones(2, 3), clnet.ones(2))
    with pytest.raises(ValueError):
        F.hardtanh(clnet.ones(2), 1.0, 0.0)
