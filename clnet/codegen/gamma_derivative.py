"""How a gamma variate moves with its shape: the derivative behind reparameterised gradients.

A variate x of shape a keeps its quantile F(a, x) when a changes, so
dx/da = -(dF/da) / (dF/dx) (Figurnov et al. 2018, "Implicit reparameterization gradients").  The
density cancels from the quotient, so nothing overflows.
"""
from __future__ import annotations

from collections.abc import Sequence

from .expansion import expansion, iteration, polynomial
from .expr import Const, Expr
from .primitives import f, where

_MOST_STEPS = 2000
# From here on the quantile's expansion in powers of 1 / sqrt(a) is as exact as the sums are.
_LARGE = 2000.0
# From here on digamma(a + 1) - log(a) is summed from its asymptotic series.
_ASYMPTOTIC = 10.0
# -B(2k) / (2k), k = 1..
_DIGAMMA_TAIL = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12)


def _log_excess(a: Expr, x: Expr) -> Expr:
    """``log(x) - digamma(a + 1)``, without the cancellation of two logarithms for large ``a``."""
    large = a >= _ASYMPTOTIC
    held = where(large, a, Const(_ASYMPTOTIC, a.dtype))
    square = 1 / (held * held)
    gap = 0.5 / held + square * polynomial(square, _DIGAMMA_TAIL)
    ratio = (x - held) / held
    near = f("log1p", where(ratio > -0.9, ratio, Const(-0.9, a.dtype)))
    spread = where(ratio > -0.9, near, f("log", x) - f("log", held)) - gap
    return where(large, spread, f("log", x) - f("digamma", where(large, Const(1.0, a.dtype), a) + 1))


# Series: (sum of terms, its derivative by a, term, sum of 1 / (a + k), a + n).

def _series_start(a: Expr, x: Expr) -> list[Expr]:
    return [x - x + 1, x - x, x - x + 1, x - x, a]


def _series_going(operands: Sequence[Expr], s: Sequence[Expr]) -> Expr:
    eps = 2.0 ** -24 if s[0].dtype.itemsize == 4 else 2.0 ** -53
    return (s[2] * (s[3] + 1) > s[0] * eps) & (s[4] - operands[0] < _MOST_STEPS)


def _series_step(operands: Sequence[Expr], s: Sequence[Expr]) -> list[Expr]:
    total, slope, term, harmonic, at = s
    at = at + 1
    term, harmonic = term * (operands[1] / at), harmonic + 1 / at
    return [total + term, slope - term * harmonic, term, harmonic, at]


def _series_end(operands: Sequence[Expr], s: Sequence[Expr]) -> Expr:
    a, x = operands
    return -(x / a) * (s[0] * _log_excess(a, x) + s[1])


# Continued fraction by Lentz's method: h, d, c, b, n, last change, and h, d, c derived by a.

def _fraction_start(a: Expr, x: Expr) -> list[Expr]:
    b, zero = x + 1 - a, a - a
    return [1 / b, 1 / b, zero + 1e30, b, zero, zero + 2, 1 / (b * b), 1 / (b * b), zero]


def _fraction_going(operands: Sequence[Expr], s: Sequence[Expr]) -> Expr:
    eps = 2.0 ** -21 if s[0].dtype.itemsize == 4 else 2.0 ** -50
    return (s[5] > eps) & (s[4] < _MOST_STEPS)


def _fraction_step(operands: Sequence[Expr], s: Sequence[Expr]) -> list[Expr]:
    h, d, c, b, n, _, h_slope, d_slope, c_slope = s
    a = operands[0]
    n = n + 1
    weight, b = n * (a - n), b + 2
    new_d = 1 / (weight * d + b)
    new_d_slope = -(new_d * new_d) * (n * d + weight * d_slope - 1)
    # The parts of c by its predecessor, which starts as large as floats go.
    back = 1 / c
    new_c = b + weight * back
    new_c_slope = (n - weight * (c_slope * back)) * back - 1
    factor = new_d * new_c
    new_h_slope = h_slope * factor + h * (new_d_slope * new_c + new_d * new_c_slope)
    # For whole a the fraction ends, but its derivative goes on.
    change = f("abs", factor - 1) + f("abs", new_h_slope - h_slope) / f("abs", new_h_slope)
    return [h * factor, new_d, new_c, b, n, change, new_h_slope, new_d_slope, new_c_slope]


def _fraction_end(operands: Sequence[Expr], s: Sequence[Expr]) -> Expr:
    a, x = operands
    return x * (s[0] * (_log_excess(a, x) + 1 / a) + s[6])


def _expanded(a: Expr, x: Expr) -> Expr:
    """Cornish and Fisher's expansion of the quantile, derived by ``a`` at the quantile of ``x``."""
    root = f("rsqrt", a)
    y = (x - a) * root
    square = y * y
    return 1 + root * (y * 0.5 + root * ((1 - square) * (1 / 6) + root * (y * (square + 1) * (1 / 12))))


def _slope(a: Expr, x: Expr) -> Expr:
    usual = (a > 0) & (x > 0) & (x < float("inf")) & (a < _LARGE)
    by_series = (x <= a + 1) | (x < 1.5)
    one = Const(1.0, a.dtype)
    summed, divided = usual & by_series, usual & f("bit_not", by_series)
    low = f("gamma_slope_series", where(summed, a, one), where(summed, x, one))
    high = f("gamma_slope_fraction", where(divided, a, one), where(divided, x, one * 100))
    far = _expanded(where(a < _LARGE, one, a), x)
    value = where(a < _LARGE, where(by_series, low, high), far)
    return where(f("is_nan", a), a, where(f("is_nan", x), x, where(x <= 0, 0, value)))


iteration("gamma_slope_series", _series_start, _series_going, _series_step, _series_end)
iteration("gamma_slope_fraction", _fraction_start, _fraction_going, _fraction_step, _fraction_end)
expansion("gamma_slope", _slope)
