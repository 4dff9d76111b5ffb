"""Hand-written derivatives."""
from __future__ import annotations

import pytest

import clnet
from clnet.autograd import Function
from clnet.autograd.function import once_differentiable


def test_once_differentiable():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    x = clnet.tensor([3.0], requires_grad=True)
    [g] = clnet.autograd.grad(Square.apply(x), x, only_inputs=True)
    assert g.item() == 6.0 and not g.requires_grad
    y = Square.apply(x)
    [g] = clnet.autograd.grad(y, x, create_graph=True)
    assert not g.requires_grad
    seed = clnet.ones(1, requires_grad=True)
    [g] = clnet.autograd.grad(Square.apply(x), x, seed, create_graph=True)
    with pytest.raises(RuntimeError, match="marked with @once_differentiable"):
        g.backward()
