"""The error function's family, from two tabulated functions and their inverse.

The built-in ``erf`` of some runtimes is a scalar library call; these are polynomials and one
exponential, which every runtime computes in vectors.
"""
from __future__ import annotations

import math

from ..core import dtypes as dt
from .expansion import exp_square, expansion, series
from .expr import Const, Expr
from .primitives import f, where

_SLOPE = 2 / math.sqrt(math.pi)
_ROOT_HALF = math.sqrt(0.5)


def _scaled(x: Expr) -> Expr:
    """``exp(x**2) erfc(x)`` for x >= 0."""
    u = where(f("eq", x, math.inf), 1.0, (x - 3.75) / (x + 3.75))
    return series("erfcx", u) / (x * 2 + 1)


def _erf(x: Expr) -> Expr:
    size = f("abs", x)
    # Outside their intervals the series are not used, whatever they come to.
    near = x * series("erf_near", x * x)
    if x.dtype is dt.float32:
        # The exponent's error weighs little where the exponential is far below 1.
        far = 1 - f("exp", -series("erf_far", where(size > 4.1, 4.1, size)))
    else:
        far = 1 - exp_square(size) * _scaled(size)
    return where(size < 1, near, f("copysign", far, x))


def _erfc(x: Expr) -> Expr:
    size = f("abs", x)
    tail = exp_square(size) * _scaled(size)
    tail = where(f("eq", size, math.inf), 0.0, tail)
    near = 1 - x * series("erf_near", f("min", x * x, Const(1.0, x.dtype)))
    return where(size < 0.5, near, where(x < 0, 2 - tail, tail))


def _erfcx(x: Expr) -> Expr:
    tail = _scaled(f("abs", x))
    return where(x < 0, exp_square(x, 1.0) * 2 - tail, tail)


def _erfinv_ratio(w: Expr) -> Expr:
    """``erfinv(x) / x`` as a function of ``w = -log(1 - x**2)``."""
    root = f("sqrt", w)
    near = series("erfinv_near", f("min", w, Const(6.25, w.dtype)))
    middle = series("erfinv_middle", f("min", f("max", root, Const(2.5, w.dtype)), Const(4.5, w.dtype)))
    far = series("erfinv_far", f("min", 1 / root, Const(1 / 4.5, w.dtype))) * root
    return where(w < 6.25, near, where(root < 4.5, middle, far))


def _spread(x: Expr, rest: Expr) -> Expr:
    """``-log(1 - x**2)``, given ``rest = 1 - x**2``, which rounds to 1 for small x."""
    square = x * x
    return where(square < 1e-6, f("fma", square * 0.5, square, square), -f("log", rest))


def _erfinv(x: Expr) -> Expr:
    value = x * _erfinv_ratio(_spread(x, (1 - x) * (1 + x)))
    return where(f("eq", f("abs", x), 1), x * math.inf, value)


def _ndtri(p: Expr) -> Expr:
    # log(4 p (1 - p)) keeps what erfinv(2 p - 1) would lose at small p.
    spread = p * 2 - 1
    value = spread * math.sqrt(2) * _erfinv_ratio(_spread(spread, p * (1 - p) * 4))
    value = where(f("eq", p, 0), -math.inf, where(f("eq", p, 1), math.inf, value))
    return where((p < 0) | (p > 1), math.nan, value)


def _normal_cdf(x: Expr) -> Expr:
    if x.dtype is not dt.float32:
        return f("erfc", x * -_ROOT_HALF) * 0.5
    # No exponential: one polynomial, whose absolute error is that of a float32 near 1. Beyond 5.6 one
    # side rounds to 1, and what is left of the other counts as 0.
    near = f("fma", x, series("normal_cdf", x * x), Const(0.5, x.dtype))
    return where(x > 5.6, 1.0, where(x < -5.6, 0.0, near))


def _log_ndtr(x: Expr) -> Expr:
    t = x * _ROOT_HALF
    below = where(t < 0, -t, 0)
    low = f("log", _scaled(below) * 0.5) - t * t
    high = f("log1p", f("erfc", where(t < 0, 0, t)) * -0.5)
    return where(x < -1, low, where(f("is_nan", x), x, where(x < 0, f("log", f("erfc", -t) * 0.5), high)))


expansion("erf", _erf, lambda g, o, x: (g * (f("exp", -(x * x)) * _SLOPE),))
expansion("erfc", _erfc, lambda g, o, x: (g * (f("exp", -(x * x)) * -_SLOPE),))
expansion("erfcx", _erfcx, lambda g, o, x: (g * (x * o * 2 - _SLOPE),))
expansion("erfinv", _erfinv, lambda g, o, x: (g * (f("exp", o * o) * (1 / _SLOPE)),))
expansion("ndtri", _ndtri, lambda g, o, x: (g * (f("exp", o * o * 0.5) * math.sqrt(2 * math.pi)),))
expansion("normal_cdf", _normal_cdf, lambda g, o, x: (g * (f("exp", x * x * -0.5) * (0.5 * _SLOPE * _ROOT_HALF)),))
expansion("log_ndtr", _log_ndtr,
          lambda g, o, x: (g * (math.sqrt(2 / math.pi) / f("erfcx", x * -_ROOT_HALF)),))
