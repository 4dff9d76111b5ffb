"""Primitives with a body of their own: expressions, power series and loops behind one name.

A special function is a primitive, so that its derivative is stated once and names other
primitives; its value is an expression, so that it runs in vectors on every device and evaluates
with NumPy without being written twice.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import DType
from . import types
from .chebyshev_tables import TABLES
from .expr import Arg, Const, Expr, Primitive, evaluate, primitives
from .primitives import f, where

# Terms of a series below this part of the largest do not reach a float32 result.
_FLOAT32_END = 2.0 ** -28
Body = Callable[..., Expr]


class Formal(Expr):
    """An operand of a body while it is written: equal to itself alone, so no name outlives it."""

    __slots__ = ()

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype
        self._hash = id(self)

    __hash__ = Expr.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def _formals(r: Any, names: Sequence[str], dtypes: Sequence[DType]) -> list[Formal]:
    made = [Formal(d) for d in dtypes]
    for node, name in zip(made, names):
        r.bind(node, name)
    return made


def inline(r: Any, body: Body, operands: Sequence[str], dtypes: Sequence[DType]) -> str:
    """Write a body's statements; returns the name of its value."""
    return str(r.write(body(*_formals(r, operands, dtypes))))


def expansion(name: str, body: Body, vjp: Callable[..., Any] | None = None, boolean: bool = False) -> None:
    """Declare a primitive whose value is ``body`` of its operands."""
    def render(r: Any, dtype: DType, types_: tuple[DType, ...], *operands: str) -> str:
        return inline(r, body, operands, types_)

    def numpy(*arrays: Any) -> Any:
        return evaluate([body(*_arguments(arrays))], arrays)[0]

    primitives.add(Primitive(name, render, numpy, vjp, boolean))


def _arguments(arrays: Sequence[Any]) -> list[Expr]:
    return [Arg(i, dt.from_numpy(np.asarray(a).dtype)) for i, a in enumerate(arrays)]


def iteration(name: str, start: Callable[..., Sequence[Expr]], going: Callable[..., Expr],
              step: Callable[..., Sequence[Expr]], result: Body, vjp: Callable[..., Any] | None = None) -> None:
    """Declare a primitive computed by a loop, each lane for as long as it needs.

    Args:
        start: (*operands) -> the first state, a few expressions of the operands' type.
        going: (operands, state) -> whether a lane goes on; false for a NaN state.
        step: (operands, state) -> the next state; parts that stay are returned as they are.
        result: (operands, state) -> the value.
    """
    def render(r: Any, dtype: DType, types_: tuple[DType, ...], *operands: str) -> str:
        kind = types.register_type(dtype, r.width)
        names = []
        for value in start(*_formals(r, operands, types_)):
            first = r.declare(dtype, r.write(value))
            r.line(f"{kind} {first}_state = {first};")
            names.append(f"{first}_state")
        r.line("for (;;) {")
        inside, state = _formals(r, operands, types_), _formals(r, names, [dtype] * len(names))
        mask = r.mask(r.write(going(inside, state)), dtype)
        r.line(f"if (!{r.any(mask)}) break;")
        moved = [(n, s, e) for n, s, e in zip(names, state, step(inside, state)) if e is not s]
        # Named before any is assigned: a part may be what another one was.
        values = [r.declare(dtype, r.write(e)) for _, _, e in moved]
        for (held, _, _), value in zip(moved, values):
            r.line(f"{held} = {r.select(mask, value, held, dtype)};")
        r.line("}")
        outside = _formals(r, operands, types_), _formals(r, names, [dtype] * len(names))
        return str(r.write(result(*outside)))

    def numpy(*arrays: Any) -> Any:
        operands = _arguments(arrays)
        held = [np.asarray(v) for v in evaluate(start(*operands), arrays)]
        shape = np.broadcast_shapes(*(np.shape(a) for a in (*arrays, *held)))
        held = [np.broadcast_to(v, shape) for v in held]
        state = [Arg(len(arrays) + i, operands[0].dtype) for i in range(len(held))]
        while True:
            [more] = evaluate([going(operands, state)], [*arrays, *held])
            if not np.any(more):
                break
            held = [np.where(more, new, old) for new, old in
                    zip(evaluate(step(operands, state), [*arrays, *held]), held)]
        return evaluate([result(operands, state)], [*arrays, *held])[0]

    primitives.add(Primitive(name, render, numpy, vjp))


def series(name: str, u: Expr) -> Expr:
    """The tabulated function at ``u``, which must lie in the table's interval.

    float64 sums Chebyshev polynomials by Clenshaw's recurrence; float32 sums powers where the
    powers' coefficients are no larger than the others, which takes half as many operations.
    """
    low, high, coefficients = TABLES[name]
    t = f("fma", u, Const(2 / (high - low), u.dtype), Const(-(high + low) / (high - low), u.dtype))
    if u.dtype is not dt.float32:
        return _clenshaw(t, coefficients)
    kept = list(coefficients)
    while abs(kept[-1]) < _FLOAT32_END * max(map(abs, kept)):
        kept.pop()
    powers = np.polynomial.chebyshev.cheb2poly(kept)
    if np.abs(powers).sum() > 2 * np.abs(kept).sum():
        return _clenshaw(t, kept)
    return polynomial(t, powers.tolist())


def polynomial(t: Expr, coefficients: Sequence[float]) -> Expr:
    """``coefficients[0] + coefficients[1] * t + ...`` by Horner's rule."""
    total: Expr = Const(float(coefficients[-1]), t.dtype)
    for c in reversed(coefficients[:-1]):
        total = f("fma", total, t, Const(float(c), t.dtype))
    return total


def _clenshaw(t: Expr, coefficients: Sequence[float]) -> Expr:
    twice = t + t
    older: Expr = Const(0.0, t.dtype)
    newer: Expr = Const(coefficients[-1], t.dtype)
    for c in reversed(coefficients[1:-1]):
        older, newer = newer, f("fma", twice, newer, Const(c, t.dtype) - older)
    return f("fma", t, newer, Const(coefficients[0], t.dtype) - older)


def exp_square(x: Expr, sign: float = -1.0) -> Expr:
    """``exp(sign * x**2)``, with the square's rounding error made good (x**2 large amplifies it)."""
    square = x * x
    power = f("exp", square * sign)
    exact = power + power * (f("fma", x, x, -square) * sign)
    return where(f("eq", square, math.inf) | f("eq", power, math.inf), power, exact)
