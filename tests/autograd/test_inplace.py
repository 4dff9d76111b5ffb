"""In-place writes, also through views, under autograd."""
import numpy as np
import pytest

import clnet


def leaf(*shape, seed=0):
    return clnet.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def matches_functional(inplace, functional, *inputs):
    """Both ways give the same value and gradients."""
    results = []
    for f in (inplace, functional):
        xs = [clnet.tensor(x.detach().numpy().copy(), requires_grad=True) for x in inputs]
        y = f(*xs)
        (y * y).sum().backward()
        results.append([y.detach().numpy(), *(x.grad.numpy() for x in xs)])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_write_over_an_intermediate():
    def f(x):
        y = x * 1
        y.exp_()
        z = y * 2
        z.add_(x)
        return z
    matches_functional(f, lambda x: 2 * x.exp() + x, leaf(3))


def test_write_through_a_view_reaches_the_base():
    def inplace(x, w):
        y = x * 2
        y[1].mul_(3).add_(w)
        return y

    def functional(x, w):
        rows = [x[0] * 2, x[1] * 6 + w, x[2] * 2]
        return clnet.stack(rows)
    matches_functional(inplace, functional, leaf(3, 4), leaf(4, seed=1))


def test_write_to_the_base_reaches_the_view():
    def inplace(x):
        y = x.clone()
        v = y[:, 1]
        y.mul_(3).add_(x)
        return v * 1
    matches_functional(inplace, lambda x: (4 * x)[:, 1], leaf(3, 4))


def test_view_of_a_view_and_transposes():
    def inplace(x):
        y = x * 1
        y.t()[1:].t()[0].zero_()
        y.diagonal().mul_(2)
        return y

    def functional(x):
        mask = np.ones((3, 3))
        mask[0, 1:] = 0
        return x * clnet.tensor(mask) * (clnet.eye(3, dtype=clnet.float64) + 1)
    matches_functional(inplace, functional, leaf(3, 3))


def test_constant_base_becomes_part_of_the_graph():
    def inplace(w):
        y = clnet.zeros(3, 4, dtype=clnet.float64)
        before = y[2]
        y[0].copy_(w)
        y[1] = w * w
        return y + before
    matches_functional(inplace, lambda w: clnet.stack([w, w * w, w * 0]), leaf(4))


def test_setitem_with_a_mask():
    def inplace(x):
        y = x * 2
        y[y > 0] = 5.0
        return y
    matches_functional(inplace, lambda x: clnet.where(x > 0, 5.0, x * 2), leaf(4, 3))


def test_stale_saved_tensors_raise():
    x = leaf(3)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    y = x * 1
    z = y * y
    y[0] = 0
    with pytest.raises(RuntimeError, match="inplace"):
        z.sum().backward()


def test_leaves_are_protected():
    x = leaf(3)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="view of a leaf"):
        x[0].mul_(2)
    with clnet.no_grad():
        x.add_(1)
    assert x.is_leaf and x.requires_grad


def test_overlapping_operands_are_refused_where_that_is_plain_and_read_first_elsewhere():
    x = clnet.arange(6, dtype=clnet.float32)
    for call in (lambda: x[1:].copy_(x[:-1]), lambda: x.view(2, 3).add_(x[:3]), lambda: x.copy_(x[0]),
                 lambda: clnet.add(x[:-1], 1, out=x[1:]), lambda: x[:4].view(2, 2).add_(x[:4].view(2, 2).t())):
        with pytest.raises(RuntimeError, match="some elements of the input tensor"):
            call()
    assert clnet.add(x, 1, out=x).tolist() == [1, 2, 3, 4, 5, 6]
    x[2::2].copy_(x[:4:2])
    assert x.tolist() == [1, 2, 1, 4, 3, 6]
    with pytest.raises(RuntimeError, match="single memory location"):
        clnet.zeros(3).expand(2, 3).add_(1)


def test_out_writes_where_it_is_told():
    """An elementwise result goes straight into ``out``; inputs that need gradients are refused there."""
    x, y = clnet.arange(6.).reshape(2, 3), clnet.ones(3)
    target = clnet.zeros(3, 2).t()
    before = target.data_ptr()
    assert clnet.add(x, y, alpha=2, out=target) is target
    assert target.data_ptr() == before and target.tolist() == [[2, 3, 4], [5, 6, 7]]
    assert clnet.exp(x, out=x) is x and x[0, 0].item() == 1
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        clnet.add(clnet.ones(3, requires_grad=True), y, out=clnet.empty(3))
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        clnet.add(y, other=clnet.ones(3, requires_grad=True), out=clnet.empty(3))
    assert clnet.add(y, other=x, out=clnet.empty(3)).shape == (2, 3)  # takes the shape of the result
