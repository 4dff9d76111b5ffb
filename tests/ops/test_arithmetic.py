"""Arithmetic of two Python numbers, and factors of sums, as PyTorch has them."""
from __future__ import annotations

import pytest

import clnet


@pytest.mark.parametrize(("name", "numbers", "value", "dtype"), [
    ("add", (3, 2), 5, clnet.int64), ("add", (True, False), True, clnet.bool), ("sub", (3, 2.5), 0.5, clnet.float32),
    ("mul", (True, 2), 2, clnet.int64), ("mul", (1 + 2j, 2), 2 + 4j, clnet.complex64),
    ("div", (3, 2), 1.5, clnet.float32), ("true_divide", (True, 2), 0.5, clnet.float32),
    ("floor_divide", (-7, 2), -4, clnet.int64), ("floor_divide", (7.0, -2.5), -3.0, clnet.float32)])
def test_two_numbers(name, numbers, value, dtype):
    got = getattr(clnet, name)(*numbers)
    assert (got.dtype, got.shape, got.item()) == (dtype, (), value)


def test_refusals():
    with pytest.raises(RuntimeError, match="bool tensor"):
        clnet.sub(True, 2)
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        clnet.rsub(3, 2)
    with pytest.raises(RuntimeError, match="Boolean alpha"):
        clnet.add(3, 2, alpha=True)
    with pytest.raises(NotImplementedError, match="Bool"):
        clnet.div(True, True, rounding_mode="floor")


def test_a_factor_of_bools_is_a_bool():
    x = clnet.tensor([True, False])
    assert clnet.add(x, x, alpha=2).tolist() == [True, False]
    assert clnet.add(False, True, alpha=False).item() is False
