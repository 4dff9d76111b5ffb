"""Limits on gradients, and parameters as one vector."""
from __future__ import annotations

import math

import pytest

import clnet
from clnet import nn
from clnet.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters


def _parameters():
    a, b = nn.Parameter(clnet.zeros(2)), nn.Parameter(clnet.zeros(2, 2))
    a.grad, b.grad = clnet.tensor([3.0, 0.0]), clnet.tensor([[0.0, 4.0], [0.0, 0.0]])
    return [a, b, nn.Parameter(clnet.zeros(1))]


def test_norm():
    parameters = _parameters()
    assert clip_grad_norm_(parameters, 1.0).item() == pytest.approx(5.0)
    assert parameters[0].grad.tolist() == pytest.approx([0.6, 0.0], rel=1e-5)
    assert clip_grad_norm_(parameters, 10.0).item() == pytest.approx(1.0, rel=1e-5)
    assert clip_grad_norm_(_parameters(), 1.0, math.inf).item() == 4
    assert clip_grad_norm_([], 1.0).item() == 0
    parameters[0].grad = clnet.tensor([math.nan, 0.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)


def test_value():
    parameters = _parameters()
    clip_grad_value_(parameters, 2.5)
    assert parameters[0].grad.tolist() == [2.5, 0] and parameters[1].grad.tolist() == [[0, 2.5], [0, 0]]


def test_vector():
    parameters = _parameters()
    vector = clnet.arange(7, dtype=clnet.float32)
    vector_to_parameters(vector, parameters)
    assert parameters[1].tolist() == [[2, 3], [4, 5]] and parameters[1].is_leaf
    assert parameters_to_vector(parameters).tolist() == vector.tolist()
