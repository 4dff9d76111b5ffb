"""Reductions of sizes that take every kernel: rows, columns, both in splits; and their edge cases."""

from __future__ import annotations

import numpy as np
import pytest

import clnet

SHAPES = ((3, 5, 37), (2, 300, 700), (1, 9, 4096), (70, 33, 17))


@pytest.mark.parametrize("shape", SHAPES)
def test_dims(shape):
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    held = clnet.tensor(x)
    for dim in (0, 1, 2, (0, 1), (1, 2), (0, 2), (0, 1, 2)):
        assert np.allclose(held.sum(dim).numpy(), x.sum(dim), 1e-4, 1e-3), dim
        assert np.array_equal(held.amax(dim).numpy(), x.max(dim)), dim
    for dim in (0, 1, 2):
        assert np.array_equal(held.argmin(dim).numpy(), x.argmin(dim)), dim
    moved = np.swapaxes(x, 0, 2)
    assert np.allclose(held.transpose(0, 2).mean(1).numpy(), moved.mean(1), 1e-4, 1e-5)
    assert np.allclose(held[:, ::2].sum(1).numpy(), x[:, ::2].sum(1), 1e-4, 1e-3)


def test_nan_wins_and_integers_wrap():
    x = clnet.tensor([1.0, float("nan"), 3.0])
    assert np.isnan(x.max().item()) and x.argmin().item() == 1 and x.argmax().item() == 1
    assert clnet.tensor([100, 100], dtype=clnet.int8).sum(dtype=clnet.int8).item() == -56
    assert clnet.tensor([200, 100], dtype=clnet.uint8).sum().item() == 300


def test_an_empty_list_of_dims():
    x = clnet.tensor([[1.0, 0.0]])
    assert clnet.all(x, dim=()).tolist() == [[True, False]]
    assert clnet.sum(x, dim=()).item() == 1.0


def test_products_are_differentiated_twice_where_elements_are_zero():
    x = clnet.tensor([0.0, 3.0, 4.0], requires_grad=True)
    [first] = clnet.autograd.grad(x.prod(), x, create_graph=True)
    assert first.tolist() == [12.0, 0.0, 0.0]
    [second] = clnet.autograd.grad((first * clnet.tensor([1.0, 2.0, 5.0])).sum(), x)
    assert second.tolist() == [23.0, 4.0, 3.0]


@pytest.mark.parametrize("call, error", [
    (lambda x: x.max(), RuntimeError), (lambda x: x.argmax(), IndexError), (lambda x: x.amax(0), IndexError),
    (lambda x: x.amax(), RuntimeError), (lambda x: x.aminmax(), RuntimeError), (lambda x: x.sum(3), IndexError),
    (lambda x: x.sum((0, 0)), RuntimeError), (lambda x: x.prod((0, 1)), TypeError),
    (lambda x: x.to(clnet.int64).mean(), RuntimeError), (lambda x: x.to(clnet.int64).var(), RuntimeError)])
def test_errors(call, error):
    with pytest.raises(error):
        call(clnet.ones(0, 3))


def test_reductions_of_nothing():
    x = clnet.ones(0, 2)
    assert x.sum(0).tolist() == [0.0, 0.0] and x.prod(0).tolist() == [1.0, 1.0]
    assert x.logsumexp(0).tolist() == [-np.inf, -np.inf] and np.isnan(x.mean().item())
