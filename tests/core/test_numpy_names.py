"""NumPy's names of arguments are taken in place of PyTorch's."""
from __future__ import annotations

import pytest

import clnet


def test_axis_and_keepdims():
    x = clnet.arange(6.0).reshape(2, 3)
    assert x.sum(axis=0).tolist() == [3.0, 5.0, 7.0]
    assert x.mean(axis=1, keepdims=True).shape == (2, 1)
    assert clnet.cumprod(x, axis=1).tolist() == [[0.0, 0.0, 0.0], [3.0, 12.0, 60.0]]
    assert clnet.stack([x, x], axis=1).shape == (2, 2, 3) and x.clone().cumsum_(axis=0)[1].tolist() == [3.0, 5.0, 7.0]
    assert clnet.maximum(x1=x, x2=x + 1).equal(x + 1) and clnet.neg(x=x).equal(-x)


def test_both_names_are_too_many():
    with pytest.raises(TypeError, match="axis"):
        clnet.ones(2).sum(dim=0, axis=0)
