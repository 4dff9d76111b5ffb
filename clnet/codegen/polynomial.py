"""Orthogonal polynomials of a degree known at run time, by three-term recurrences (DLMF 18.9).

Degrees are truncated to integers of 64 bits; negative ones and those beyond (NaN too) give 0.
Inside [-1, 1] higher Chebyshev polynomials are cosines, exact where the recurrence would have
lost digits.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..core import dtypes as dt
from .expansion import expansion, iteration
from .expr import Const, Expr
from .primitives import f, where

Recurrence = Callable[[Expr, Expr, Expr, Expr], Expr]


def _recurrence(name: str, first: Callable[[Expr], Expr], following: Recurrence) -> None:
    """Declare p(x, n) with p0 = 1, p1 = ``first(x)`` and p(k+1) = ``following(x, k, p(k), p(k-1))``."""
    def start(x: Expr, n: Expr) -> list[Expr]:
        one = Const(1.0, x.dtype) + (n - n)
        return [where(n < 1, one, first(x)), one, one]

    def going(operands: Sequence[Expr], state: Sequence[Expr]) -> Expr:
        return (state[2] < operands[1]) & f("bit_not", f("is_nan", state[0]))

    def step(operands: Sequence[Expr], state: Sequence[Expr]) -> list[Expr]:
        p, before, k = state
        return [following(operands[0], k, p, before), p, k + 1]

    iteration(name, start, going, step, lambda operands, state: state[0])


def _twice(x: Expr, k: Expr, p: Expr, before: Expr) -> Expr:
    return (x + x) * p - before


def _degree(n: Expr) -> Expr:
    return where(f("abs", n) < 2.0 ** 63, f("trunc", n), -1)


def _odd(n: Expr) -> Expr:
    return f("ne", f("fmod", n, Const(2.0, n.dtype)), 0)


def _chebyshev(kind: str, shifted: bool) -> Callable[[Expr, Expr], Expr]:
    def body(x: Expr, n: Expr) -> Expr:
        n = _degree(n)
        if shifted:
            x = x + x - 1
        inside = f("abs", x) < 1
        angle = f("acos", where(inside, x, 0))
        closed = {"t": lambda: f("cos", n * angle),
                  "u": lambda: f("sin", (n + 1) * angle) / f("sin", angle),
                  "v": lambda: f("cos", (n + 0.5) * angle) / f("cos", angle * 0.5),
                  "w": lambda: f("sin", (n + 0.5) * angle) / f("sin", angle * 0.5)}[kind]()
        many = inside & (n > (6 if kind == "t" else 8))
        one = Const(1.0, x.dtype)
        high = {"t": one, "u": n + 1, "v": one, "w": n + n + 1}[kind]
        low = {"t": one, "u": n + 1, "v": n + n + 1, "w": one}[kind]
        edge = f("eq", f("abs", x), 1)
        value = where(many, closed, f(f"chebyshev_{kind}_steps", x, where(many | edge, 0, n)))
        value = where(edge, where(x > 0, high, where(_odd(n), -low, low)), value)
        return where(n < 0, 0, value)
    return body


def _plain(name: str, most: dict[object, float] | None = None,
           special: Callable[[Expr, Expr, Expr], Expr] | None = None) -> Callable[[Expr, Expr], Expr]:
    def body(x: Expr, n: Expr) -> Expr:
        n = _degree(n)
        over = n > (most[x.dtype] if most else math.inf)
        value = f(f"{name}_steps", x, where(over, 0, n))
        if special is not None:
            value = special(x, n, value)
        return where(n < 0, 0, where(over, math.nan, value))
    return body


def _legendre_edge(x: Expr, n: Expr, value: Expr) -> Expr:
    sign = where((x < 0) & _odd(n), Const(-1.0, x.dtype), 1)
    return where(f("eq", f("abs", x), 1), sign, value)


_recurrence("chebyshev_t_steps", lambda x: x, _twice)
_recurrence("chebyshev_u_steps", lambda x: x + x, _twice)
_recurrence("chebyshev_v_steps", lambda x: x + x - 1, _twice)
_recurrence("chebyshev_w_steps", lambda x: x + x + 1, _twice)
_recurrence("hermite_h_steps", lambda x: x + x, lambda x, k, p, q: (x + x) * p - (k + k) * q)
_recurrence("hermite_he_steps", lambda x: x, lambda x, k, p, q: x * p - k * q)
_recurrence("laguerre_l_steps", lambda x: 1 - x,
            lambda x, k, p, q: ((k + k + (1 - x)) * p - k * q) / (k + 1))
_recurrence("legendre_p_steps", lambda x: x, lambda x, k, p, q: ((k + k + 1) * x * p - k * q) / (k + 1))
for _kind in "tuvw":
    expansion(f"chebyshev_{_kind}", _chebyshev(_kind, False))
    expansion(f"shifted_chebyshev_{_kind}", _chebyshev(_kind, True))
# Beyond these degrees PyTorch gives NaN: the values overflow for almost every x.
_HERMITE_MOST: dict[object, float] = {dt.float32: 128, dt.float64: 512}
expansion("hermite_h", _plain("hermite_h", _HERMITE_MOST))
expansion("hermite_he", _plain("hermite_he", _HERMITE_MOST))
expansion("laguerre_l", _plain("laguerre_l"))
expansion("legendre_p", _plain("legendre_p", special=_legendre_edge))
