"""The gamma function's family: logarithm, derivatives, incomplete integrals, Hurwitz's zeta."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from .expansion import expansion, iteration, polynomial, series
from .expr import Const, Expr, Primitive, primitives
from .primitives import f, where

# B(2k) / (2k), k = 1.., of the digamma function's asymptotic series, and B(2k) of its derivative's.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
              -174611 / 330, 854513 / 138, -236364091 / 2730)
_SHIFT = 10
_MOST_STEPS = 2000
# From here on the uniform expansion (DLMF 8.12) is exact, and loops would be long.
_LARGE = 2e4
# DLMF 8.12.11: the first two coefficients as power series in eta.
_TEMME = ((-1 / 3, 1 / 12, -2 / 135, 1 / 864, 1 / 2835, -139 / 777600), (-1 / 540, -1 / 288, 1 / 378))


def _epsilon(x: Expr) -> float:
    return 2.0 ** -24 if x.dtype is dt.float32 else 2.0 ** -53


def _np_lgamma(a: Any) -> Any:
    def one(x: float) -> float:
        if math.isinf(x) or x <= 0 and x == math.floor(x):
            return math.inf
        return math.lgamma(x)
    return np.vectorize(one, otypes=[a.dtype])(a) if np.size(a) else a


def _shifted(x: Expr, power: int) -> tuple[Expr, Expr]:
    """(sum of (x + k)**-power for k below the shift, x + shift), or (0, x) from the shift on."""
    small = x < _SHIFT
    held = where(small, x, Const(1.0, x.dtype))
    total: Expr = Const(0.0, x.dtype)
    for k in reversed(range(_SHIFT)):
        part = 1 / (held + k)
        total = total + (part if power == 1 else part * part)
    return where(small, total, 0), where(small, x + _SHIFT, x)


def _digamma(x: Expr) -> Expr:
    total, z = _shifted(where(x < 0, 1 - x, x), 1)
    square = 1 / (z * z)
    tail = square * polynomial(square, [b / (2 * k + 2) for k, b in enumerate(_BERNOULLI[:8])])
    value = f("log", z) - 0.5 / z - where(f("eq", z, math.inf), 0, tail) - total
    whole = f("round", x)
    reflected = value - math.pi / f("tan", (x - whole) * math.pi)
    value = where(x < 0, where(f("eq", x, whole), math.nan, reflected), value)
    return where(f("eq", x, 0), f("copysign", Const(math.inf, x.dtype), -x), value)


def _trigamma(x: Expr) -> Expr:
    low = x < 0.5
    total, z = _shifted(where(low, 1 - x, x), 2)
    square = 1 / (z * z)
    value = (1 + square * polynomial(square, _BERNOULLI[:8])) / z + square * 0.5 + total
    sine = f("sin", (x - f("round", x)) * math.pi)
    return where(low, math.pi ** 2 / (sine * sine) - value, value)


def _zeta_start(s: Expr, q: Expr) -> list[Expr]:
    first = f("pow", q, -s)
    # Cases decided without summing take no step: a NaN term ends the loop.
    plain = (s > 1) & ((q > 0) | (f("ne", q, f("floor", q)) & f("eq", s, f("floor", s))))
    return [first, q, where(plain, first, math.nan), q - q, q - q]


def _zeta_going(operands: Sequence[Expr], state: Sequence[Expr]) -> Expr:
    total, a, last, count, _ = state
    return ((count < 9) | (a <= 9)) & (f("abs", last) > f("abs", total) * _epsilon(total))


def _zeta_step(operands: Sequence[Expr], state: Sequence[Expr]) -> list[Expr]:
    total, a, _, count, rest = state
    term = f("pow", a + 1, -operands[0])
    # What rounding drops is kept (Knuth's two-sum): between poles terms of both signs cancel.
    grown = total + term
    part = grown - total
    dropped = (total - (grown - part)) + (term - part)
    return [grown, a + 1, term, count + 1, rest + where(f("is_nan", dropped), 0, dropped)]


def _zeta_end(operands: Sequence[Expr], state: Sequence[Expr]) -> Expr:
    (s, q), (total, a, last, _, rest) = operands, state
    total = total + rest
    # Euler-Maclaurin: the integral, half the last term, and corrections by Bernoulli numbers.
    tail = last * (a / (s - 1) - 0.5)
    term = last * s / a
    for k, b in enumerate(_BERNOULLI):
        tail = tail + term * (b / math.factorial(2 * k + 2))
        term = term * ((s + (2 * k + 1)) / a * ((s + (2 * k + 2)) / a))
    done = f("abs", last) <= f("abs", total) * _epsilon(total)
    value = where(done, total, total + tail)
    # Far out the terms are too small to be held; their integral is not (DLMF 25.11.43).
    value = where(q > 1e8, f("pow", q, 1 - s) * (1 / (s - 1) + 0.5 / q), value)
    at_pole = (q <= 0) & f("eq", q, f("floor", q))
    undefined = (q <= 0) & f("ne", s, f("floor", s))
    undefined = undefined | f("eq", q, math.inf) | (f("eq", s, math.inf) & (q > 1))  # as PyTorch has it
    value = where(at_pole, math.inf, where(undefined, math.nan, value))
    return where(f("eq", s, 1), math.inf, where(s < 1, math.nan, value))


def _polygamma(n: Expr, x: Expr) -> Expr:
    sign = where(f("eq", f("fmod", n, Const(2.0, n.dtype)), 0), Const(-1.0, n.dtype), 1)
    return sign * f("exp", f("lgamma", n + 1)) * f("zeta", n + 1, x)


def _log1p_rest(d: Expr) -> Expr:
    """``log(1 + d) - d``."""
    near = d * d * series("log1p_rest", where(f("abs", d) < 0.5, d, 0))
    return where(f("abs", d) < 0.5, near, f("log", d + 1) - d)


def _gamma_density(a: Expr, x: Expr) -> Expr:
    """``x**a exp(-x) / gamma(a)``; for large ``a`` around its peak, where powers would overflow."""
    large = where(a < 4, Const(4.0, a.dtype), a)
    around = (x - large) / large
    peak = f("sqrt", large * (0.5 / math.pi)) / series("gamma_scaled", 1 / large)
    small = where(a < 4, a, Const(1.0, a.dtype))
    plain = f("exp", small * f("log", x) - x - f("lgamma", small))
    return where(a < 4, plain, peak * f("exp", large * _log1p_rest(around)))


def _series_step(operands: Sequence[Expr], state: Sequence[Expr]) -> list[Expr]:
    (_, x), (total, term, n) = operands, state
    following = term * x / (n + 1)
    return [total + following, following, n + 1]


def _fraction_start(a: Expr, x: Expr) -> list[Expr]:
    b = x + 1 - a
    return [1 / b, 1 / b, Const(1e30, a.dtype) + (a - a), b, a - a, Const(2.0, a.dtype) + (a - a)]


def _fraction_step(operands: Sequence[Expr], state: Sequence[Expr]) -> list[Expr]:
    # Lentz's method (Thompson & Barnett 1986).
    (a, _), (h, d, c, b, n, _) = operands, state
    n = n + 1
    weight = n * (a - n)
    b = b + 2
    below, above = f("fma", weight, d, b), b + weight / c
    d = 1 / where(f("abs", below) < 1e-30, Const(1e-30, a.dtype), below)
    c = where(f("abs", above) < 1e-30, Const(1e-30, a.dtype), above)
    return [h * (d * c), d, c, b, n, d * c]


def _incomplete(a: Expr, x: Expr, upper: bool) -> Expr:
    """The regularised lower or upper incomplete gamma function."""
    by_series = (x <= a) | (x < 1)
    usual = (a > 0) & (x > 0) & (f("abs", x) < math.inf) & (a < _LARGE)
    one = Const(1.0, a.dtype)
    shape = where(usual, a, one)
    density = _gamma_density(shape, where(usual, x, one))
    lower = density / shape * f("igamma_series", shape, where(usual & by_series, x, 0))
    rest = density * f("igamma_fraction", where(by_series, one, shape),
                       where(usual, where(by_series, Const(100.0, a.dtype), x), 100.0))
    # Far in either tail the part that the other method finds is all or nothing.
    value = where(by_series, 1 - lower, rest) if upper else where(by_series, lower, 1 - rest)
    value = where(a < _LARGE, value, _temme(where(a < _LARGE, one, a), x, upper))
    value = where(f("is_nan", a), a, where(f("is_nan", x), x, value))
    none, every = (1.0, 0.0) if upper else (0.0, 1.0)
    value = where(f("eq", x, 0), none, where(f("eq", x, math.inf), every, value))
    value = where(f("eq", a, 0), where(x > 0, Const(every, a.dtype), math.nan), value)
    value = where(f("eq", a, math.inf), where(f("eq", x, math.inf), Const(math.nan, a.dtype), none), value)
    return where((a < 0) | (x < 0), math.nan, value)


def _temme(a: Expr, x: Expr, upper: bool) -> Expr:
    around = (x - a) / a
    half_square = -_log1p_rest(around)
    root = f("sqrt", half_square * 2)
    eta = where(around < 0, -root, root)
    inside = f("min", root, Const(0.2, a.dtype))
    inside = where(around < 0, -inside, inside)
    first, second = (polynomial(inside, c) for c in _TEMME)
    rest = f("exp", -(a * half_square)) * f("rsqrt", a * (2 * math.pi)) * (first + second / a)
    edge = eta * f("sqrt", a * 0.5)
    return f("erfc", edge) * 0.5 + rest if upper else f("erfc", -edge) * 0.5 - rest


def _incomplete_vjp(sign: float) -> Any:
    def vjp(g: Expr, o: Expr, a: Expr, x: Expr) -> tuple[Expr | None, Expr]:
        return None, g * f("exp", (a - 1) * f("log", x) - x - f("lgamma", a)) * sign
    return vjp


primitives.add(Primitive("lgamma", lambda r, dtype, kinds, x: f"lgamma({x})", _np_lgamma,
                         lambda g, o, x: (g * f("digamma", x),)))
expansion("digamma", _digamma, lambda g, o, x: (g * f("trigamma", x),))
expansion("trigamma", _trigamma, lambda g, o, x: (g * f("polygamma", Const(2.0, x.dtype), x),))
iteration("zeta", _zeta_start, _zeta_going, _zeta_step, _zeta_end,
          lambda g, o, s, q: (None, g * (-s * f("zeta", s + 1, q))))
expansion("polygamma", _polygamma, lambda g, o, n, x: (None, g * f("polygamma", n + 1, x)))
iteration("igamma_series", lambda a, x: [x - x + 1, x - x + 1, a],
          lambda operands, s: (s[1] > s[0] * _epsilon(s[0])) & (s[2] - operands[0] < _MOST_STEPS),
          _series_step, lambda operands, s: s[0])
iteration("igamma_fraction", _fraction_start,
          lambda operands, s: (f("abs", s[5] - 1) > 2 * _epsilon(s[0])) & (s[4] < _MOST_STEPS),
          _fraction_step, lambda operands, s: s[0])
expansion("igamma", lambda a, x: _incomplete(a, x, False), _incomplete_vjp(1.0))
expansion("igammac", lambda a, x: _incomplete(a, x, True), _incomplete_vjp(-1.0))
