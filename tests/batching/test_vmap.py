"""vmap and the function transforms: shapes, options, mistakes."""

from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap


def _x(*shape):
    return clnet.tensor(np.random.default_rng(1).standard_normal(shape).astype("float32"))


def test_each_example_is_computed():
    a, b = _x(4, 3), _x(3, 5)
    got = vmap(lambda x: (x, (x @ b).exp().amax(0)), out_dims=(1, 0))(a)
    np.testing.assert_allclose(got[0].numpy(), a.numpy().T)
    np.testing.assert_allclose(got[1].numpy(), np.exp(a.numpy() @ b.numpy()).max(1), rtol=1e-5)


def test_operators_without_a_rule_run_one_by_one():
    x = _x(3, 12)
    got = vmap(lambda v: clnet.nn.functional.unfold(v.reshape(1, 1, 3, 4), 2))(x)
    each = clnet.stack([clnet.nn.functional.unfold(v.reshape(1, 1, 3, 4), 2) for v in x.unbind(0)])
    assert (got == each).all()


def test_numbers_of_each_example_count_as_numbers_in_promotion():
    got = vmap(lambda number, vector: number + vector)(_x(3).double(), _x(3, 2))
    assert got.dtype is clnet.float32 and got.shape == (3, 2)


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_random_numbers(randomness):
    got = vmap(lambda x: x + clnet.rand(5), randomness=randomness)(clnet.zeros(3, 5))
    assert ((got[0] == got[1]).all().item()) == (randomness == "same")


def test_mistakes_are_named():
    x = _x(3, 4)
    for call, error, text in (
        (lambda: vmap(lambda v: v.sum().item())(x), RuntimeError, "calling .item"),
        (lambda: vmap(lambda v: v if v.sum() > 0 else -v)(x), RuntimeError, "control flow"),
        (lambda: vmap(lambda v: v.numpy())(x), RuntimeError, "cannot be read"),
        (lambda: vmap(lambda v: v.nonzero())(x), RuntimeError, "vmap"),
        (lambda: vmap(lambda v: v + clnet.rand(4))(x), RuntimeError, "randomness error mode"),
        (lambda: vmap(lambda v: clnet.zeros(4).add_(v))(x), RuntimeError, "inplace arithmetic"),
        (lambda: vmap(clnet.dot)(x, _x(2, 4)), ValueError, "same size in the mapped dimension"),
        (lambda: vmap(clnet.sin, in_dims=2)(x), ValueError, "in_dim=2"),
        (lambda: vmap(clnet.sin, in_dims=None)(x), ValueError, "in_dims"),
        (lambda: vmap(lambda v: 3)(x), ValueError, "must only return Tensors"),
        (lambda: vmap(clnet.sin, randomness="no")(x), RuntimeError, "randomness"),
        (lambda: grad(lambda v: v * 2)(x), RuntimeError, "scalar tensor"),
        (lambda: grad(lambda v: v.sum())(3.0), RuntimeError, "expected tensors"),
        (lambda: vmap(lambda v: v.sum().backward())(x), RuntimeError, "functorch transform"),
    ):
        with pytest.raises(error, match=text):
            call()
    assert len(clnet.core.dispatch.stack) == 1  # nothing is left in force


def test_gradients_reach_what_is_outside():
    w = clnet.ones(4, requires_grad=True)
    x = _x(3, 4)
    vmap(lambda v: (v * w).sum())(x).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), x.numpy().sum(0), rtol=1e-5)
    w.grad = None
    inner = grad(lambda v: (v * v * w).sum())(x[0])  # still depends on w
    assert inner.requires_grad
    inner.sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * x.numpy()[0], rtol=1e-5)
    assert not grad(lambda v: (v * v).sum())(x[0]).requires_grad


def test_second_derivatives_agree():
    def function(v):
        return (v.sin() * v.prod()).sum()

    x = _x(4).double()
    expected = jacrev(jacrev(function))(x)
    for way in (hessian(function), jacfwd(jacfwd(function)), jacrev(jacfwd(function))):
        np.testing.assert_allclose(way(x).numpy(), expected.numpy(), rtol=1e-9)
    _, along = jvp(grad(function), (x,), (clnet.ones(4).double(),))
    np.testing.assert_allclose(along.numpy(), expected.numpy().sum(1), rtol=1e-9)
    (back,) = vjp(grad(function), x)[1](clnet.ones(4).double())
    np.testing.assert_allclose(back.numpy(), expected.numpy().sum(0), rtol=1e-9)


def test_batched_cotangents():
    x = _x(3).requires_grad_()
    y = x ** 2
    (got,) = clnet.autograd.grad(y, x, clnet.eye(3), is_grads_batched=True)
    np.testing.assert_allclose(got.numpy(), np.diag(2 * x.detach().numpy()), rtol=1e-6)


def test_an_ensemble_is_one_call():
    models = [clnet.nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = stack_module_state(models)
    x = _x(5, 3)
    assert not buffers
    got = vmap(lambda p: functional_call(models[0], p, (x,)))(parameters)
    np.testing.assert_allclose(got.detach().numpy(), np.stack([m(x).detach().numpy() for m in models]), rtol=1e-5)
