"""Expressions: building, evaluation on arrays, and derivatives by their primitives."""

from __future__ import annotations

import numpy as np
import pytest

from clnet.codegen.expr import Arg, arguments, cotangents, evaluate, from_storage, substitute, to_storage
from clnet.codegen.primitives import f
from clnet.core import dtypes as dt

X, Y = Arg(0, dt.float64), Arg(1, dt.float64)
VALUES = [np.array([0.5, 1.5, -2.0]), np.array([2.0, -1.0, 0.25])]


def value(expression):
    [got] = evaluate([expression], VALUES)
    return got


def test_equal_expressions_are_equal():
    assert X * Y + 1 == X * Y + 1
    assert hash(X * Y) == hash(X * Y)
    assert X * Y != Y * X


def test_operators_evaluate_as_numpy():
    x, y = VALUES
    assert np.allclose(value((X + 2) * Y - X / Y), (x + 2) * y - x / y)
    assert np.allclose(value(f("exp", X) * f("tanh", Y)), np.exp(x) * np.tanh(y))


def test_substitution_replaces_every_use():
    swapped = substitute(X * X + Y, {X: Y})
    assert swapped == Y * Y + Y
    assert list(arguments(swapped)) == [1]


@pytest.mark.parametrize("expression", [X * Y, X / Y, f("exp", X) * Y, f("sin", X * Y), f("tanh", X + Y * Y)],
                         ids=["product", "quotient", "exp", "sin", "tanh"])
def test_cotangents_equal_differences(expression):
    one = Arg(2, dt.float64)
    step = 1e-6
    for k, found in enumerate(cotangents(expression, one, [X, Y])):
        [got] = evaluate([found], [*VALUES, np.ones(3)])
        moved = [[v + s * step * (i == k) for i, v in enumerate(VALUES)] for s in (1, -1)]
        [high], [low] = (evaluate([expression], m) for m in moved)
        assert np.allclose(got, (high - low) / (2 * step), atol=1e-6)


def test_an_operand_that_is_not_used_has_no_cotangent():
    assert cotangents(f("exp", X), Arg(2, dt.float64), [X, Y])[1] is None


def test_bfloat16_rounds_to_nearest_even():
    exact = np.array([1.0, 1.00390625, 1.01171875, np.inf, np.nan, -0.0], np.float32)
    held = from_storage(to_storage(exact, dt.bfloat16), dt.bfloat16)
    assert np.array_equal(held, np.array([1.0, 1.0, 1.015625, np.inf, np.nan, -0.0], np.float32), equal_nan=True)
