"""Reverse mode: leaves, graphs, hooks, errors."""
import numpy as np
import pytest

import clnet
from clnet.autograd import grad


def leaf(*shape, dtype="float32", seed=0):
    return clnet.tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype), requires_grad=True)


def test_chain_and_broadcast():
    x, w = leaf(3, 4), leaf(4, seed=1)
    ((x * w).exp()).sum().backward()
    e = np.exp(x.detach().numpy() * w.detach().numpy())
    np.testing.assert_allclose(x.grad.numpy(), e * w.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(w.grad.numpy(), (e * x.detach().numpy()).sum(0), rtol=1e-5)


def test_gradients_accumulate_into_the_same_tensor():
    x = leaf(3)
    (2 * x).sum().backward()
    first = x.grad
    (3 * x).sum().backward()
    assert x.grad is first
    assert x.grad.tolist() == [5, 5, 5]


def test_leaves_do_not_share_gradient_memory():
    x, y = leaf(3), leaf(3, seed=1)
    seed = clnet.ones(3)
    (x + y).backward(seed)
    x.grad.mul_(7)
    assert y.grad.tolist() == [1, 1, 1]
    assert seed.tolist() == [1, 1, 1]


def test_second_backward_needs_retain_graph():
    x = leaf(3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_create_graph_gives_second_derivatives():
    x = leaf(3)
    [g] = grad((x ** 3).sum(), x, create_graph=True)
    (g * g).sum().backward()
    v = x.detach().numpy()
    np.testing.assert_allclose(x.grad.numpy(), 36 * v ** 3, rtol=1e-4)


def test_grad_with_respect_to_intermediates_and_unused():
    x, z = leaf(3), leaf(3, seed=1)
    y = x * 2
    [g] = grad((y * y).sum(), y)
    np.testing.assert_allclose(g.numpy(), 2 * y.detach().numpy())
    with pytest.raises(RuntimeError, match="not have been used"):
        grad((x * 2).sum(), z)
    assert grad((x * 2).sum(), z, allow_unused=True) == (None,)
    assert grad((x * 2).sum(), z, materialize_grads=True)[0].tolist() == [0, 0, 0]
    assert x.grad is None


def test_grad_of_part_of_a_graph_keeps_the_rest():
    x, w = leaf(3), leaf(3, seed=1)
    a, b = x * x, w * w
    total = (a + b).sum()
    grad(total, w, retain_graph=True)
    total.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy())


def test_hooks_and_retained_gradients():
    x = leaf(3)
    seen = []
    y = x * 2
    y.retain_grad()
    handle = y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    y.sum().backward()
    assert seen == [[20, 20, 20], [20, 20, 20]]
    assert y.grad.tolist() == [10, 10, 10]
    handle.remove()
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_modes():
    x = leaf(3)
    with clnet.no_grad():
        assert not (x * 2).requires_grad
        with clnet.enable_grad():
            assert (x * 2).requires_grad

    @clnet.no_grad()
    def double(v):
        return v * 2

    assert not double(x).requires_grad
    assert clnet.is_grad_enabled()
    with clnet.inference_mode():
        y = x * 2
        assert clnet.is_inference_mode_enabled()
    assert not y.requires_grad
    previous = clnet.set_grad_enabled(False)
    assert not clnet.is_grad_enabled()
    clnet.set_grad_enabled(True)
    del previous


def test_errors_name_the_mistake():
    x = leaf(2)
    with pytest.raises(RuntimeError, match="scalar outputs"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(clnet.ones(3))
    with pytest.raises(RuntimeError, match="does not require grad"):
        clnet.ones(2).sum().backward()
    with pytest.raises(RuntimeError, match="floating point"):
        clnet.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match="requires grad"):
        x.numpy()


def test_anomaly_mode_names_the_forward_line():
    x = clnet.tensor([-1.0], requires_grad=True)
    with clnet.autograd.detect_anomaly():
        y = x.sqrt()  # the line to be named
        with pytest.raises(RuntimeError, match="the line to be named"):
            y.sum().backward()


def test_custom_function():
    class Cube(clnet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, g):
            [x] = ctx.saved_tensors
            return 3 * g * x * x

    x = leaf(4, dtype="float64")
    assert clnet.autograd.gradcheck(Cube.apply, (x,))
    assert clnet.autograd.gradgradcheck(Cube.apply, (x,))
    y = Cube.apply(x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_custom_function_with_two_outputs_and_constants():
    class Split(clnet.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            low = x * factor
            flag = x > 0
            ctx.mark_non_differentiable(flag)
            return low, flag

        @staticmethod
        def backward(ctx, g, _):
            return g * ctx.factor, None

    x = leaf(3)
    y, flag = Split.apply(x, 2.0)
    assert not flag.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_a_long_chain_needs_no_recursion():
    x = leaf(1)
    y = x
    for _ in range(5000):
        y = y + 1
    y.sum().backward()
    assert x.grad.tolist() == [1]


def test_checkpoint_equals_plain_and_saves_less():
    x, w = leaf(4, 4), leaf(4, 4, seed=1)
    runs = []

    def block(v):
        runs.append(1)
        return (v * w).exp().tanh() * v

    plain = grad(block(x).sum(), (x, w))
    runs.clear()
    y = clnet.autograd.checkpoint.checkpoint(block, x)
    assert len(runs) == 1
    got = grad(y.sum(), (x, w))
    assert len(runs) == 2
    for a, b in zip(plain, got):
        assert a.tolist() == b.tolist()


def test_inference_tensors_stay_out_of_graphs():
    x = leaf(3)
    with clnet.inference_mode():
        y = x * 2
        with clnet.inference_mode(False):
            assert not clnet.is_inference_mode_enabled()
            assert (x * 2).requires_grad
    assert y.is_inference() and not clnet.is_inference_mode_enabled()
    with pytest.raises(RuntimeError, match="saved for backward"):
        x * y
    with pytest.raises(RuntimeError, match="inference tensor"):
        y.add_(1)
    assert (x * y.clone()).requires_grad


def test_an_expanded_gradient_is_added_to_out_of_place():
    x = leaf(3)
    x.grad = clnet.ones(1).expand(3)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3, 3, 3]


def test_inputs_of_any_iterable():
    params = {"a": leaf(2), "b": leaf(2)}
    loss = (params["a"] * params["b"]).sum()
    for inputs in (params.values(), iter(params.values())):
        assert len(grad(loss, inputs, retain_graph=True)) == 2
