"""Bessel functions of orders 0 and 1 and Airy's function, from tabulated parts.

Near zero the function itself (less its logarithm) is a series; far out it is an exponential or a
pair of sines times smooth amplitudes (DLMF 10.17, 10.40, 9.7).
"""
from __future__ import annotations

import math
from collections.abc import Callable

from .expansion import expansion, series
from .expr import Const, Expr
from .primitives import f, where

_INF = math.inf


def _scaled_i(order: int) -> Callable[[Expr], Expr]:
    """``exp(-|x|) I(x)``."""
    def body(x: Expr) -> Expr:
        size = f("abs", x)
        near = series(f"i{order}e_near", f("min", size, Const(8.0, x.dtype)))
        large = f("max", size, Const(8.0, x.dtype))
        far = series(f"i{order}e_far", 1 / large) * f("rsqrt", large)
        if order:
            return where(size < 8, near * x, f("copysign", far, x))
        return where(size < 8, near, far)
    return body


def _growing(order: int) -> Callable[[Expr], Expr]:
    def body(x: Expr) -> Expr:
        # The exponential in two factors: it overflows before the function does.
        half = f("exp", f("abs", x) * 0.5)
        return half * (half * f(f"i{order}e", x))
    return body


def _k(order: int, scaled: bool) -> Callable[[Expr], Expr]:
    def body(x: Expr) -> Expr:
        small = f("min", x, Const(2.0, x.dtype))
        square = small * small
        if order:
            near = f("log", small * 0.5) * (series("i1_near", square) * small) + series("k1_near", square) / small
        else:
            near = series("k0_near", square) - f("log", small * 0.5) * series("i0_near", square)
        large = f("max", x, Const(2.0, x.dtype))
        far = series(f"k{order}_far", 1 / large) * f("rsqrt", large)
        if scaled:
            near = near * f("exp", small)
        else:
            far = far * f("exp", -large)
        value = where(f("eq", x, 0), Const(_INF, x.dtype), where(x < 0, math.nan, where(x <= 2, near, far)))
        return where(f("is_nan", x), x, value)
    return body


def _far(order: int, x: Expr, second: bool) -> Expr:
    """J (or Y, ``second``) for x >= 8."""
    inverse = 1 / x
    square = inverse * inverse
    p, q = series(f"j{order}_cosine", square), series(f"j{order}_sine", square) * inverse
    sine, cosine = f("sin", x), f("cos", x)
    # The cosine and sine of x - (2 order + 1) pi / 4 times the root of 2, from those of x itself.
    c, s = (sine - cosine, -(sine + cosine)) if order else (cosine + sine, sine - cosine)
    value = p * s + q * c if second else p * c - q * s
    return value * (f("sqrt", inverse) * math.sqrt(1 / math.pi))


def _j(order: int) -> Callable[[Expr], Expr]:
    def body(x: Expr) -> Expr:
        size = f("abs", x)
        small = f("min", size, Const(8.0, x.dtype))
        near = series(f"j{order}_near", small * small)
        far = _far(order, f("max", size, Const(8.0, x.dtype)), False)
        if order:
            return where(size <= 8, near * x, where(x < 0, -far, far))
        return where(size <= 8, near, far)
    return body


def _y(order: int) -> Callable[[Expr], Expr]:
    def body(x: Expr) -> Expr:
        small = f("min", x, Const(8.0, x.dtype))
        square = small * small
        near = series(f"y{order}_near", square)
        if order:
            regular = series("j1_near", square) * small
            near = near * small + (f("log", small) * regular - 1 / small) * (2 / math.pi)
        else:
            near = near + f("log", small) * series("j0_near", square) * (2 / math.pi)
        value = where(x <= 8, near, _far(order, f("max", x, Const(8.0, x.dtype)), True))
        return where(f("eq", x, 0), Const(-_INF, x.dtype), where(x < 0, math.nan, value))
    return body


def _spherical_j0(x: Expr) -> Expr:
    near = 1 - x * x / 6
    value = where(f("abs", x) < 1e-4, near, f("sin", x) / x)
    return where(f("eq", f("abs", x), _INF), 0, value)


def _airy(x: Expr) -> Expr:
    size = f("abs", x)
    inside = f("max", f("min", x, Const(2.0, x.dtype)), Const(-4.0, x.dtype))
    large = f("max", size, Const(2.0, x.dtype))
    root = f("sqrt", large)
    zeta = large * root * (2 / 3)
    quarter = f("sqrt", root)
    decay = f("exp", -zeta) * series("airy_decay", 1 / zeta) / quarter * (0.5 / math.sqrt(math.pi))
    far = where(large < 4, Const(16 / 3, x.dtype), zeta)
    inverse = 1 / far
    p = series("airy_cosine", inverse * inverse)
    q = series("airy_sine", inverse * inverse) * inverse
    sine, cosine = f("sin", far), f("cos", far)
    waves = (p * (cosine + sine) + q * (sine - cosine)) / quarter * math.sqrt(0.5 / math.pi)
    value = where(x > 2, decay, where(x < -4, waves, series("airy_near", inside)))
    return where(f("eq", size, _INF), math.nan, value)


expansion("i0e", _scaled_i(0), lambda g, o, x: (g * (f("i1e", x) - f("sign", x) * o),))
expansion("i1e", _scaled_i(1), lambda g, o, x: (
    g * where(f("abs", x) < 1e-7, 0.5 - f("abs", x), f("i0e", x) - o * (f("sign", x) + 1 / x)),))
expansion("i0", _growing(0), lambda g, o, x: (g * f("i1", x),))
expansion("i1", _growing(1), lambda g, o, x: (
    g * where(f("abs", x) < 1e-7, Const(0.5, x.dtype), f("i0", x) - o / x),))
expansion("k0", _k(0, False), lambda g, o, x: (-(g * f("k1", x)),))
expansion("k1", _k(1, False), lambda g, o, x: (-(g * (f("k0", x) + o / x)),))
expansion("k0e", _k(0, True), lambda g, o, x: (g * (o - f("k1e", x)),))
expansion("k1e", _k(1, True), lambda g, o, x: (g * (o - f("k0e", x) - o / x),))
expansion("j0", _j(0), lambda g, o, x: (-(g * f("j1", x)),))
expansion("j1", _j(1), lambda g, o, x: (
    g * where(f("abs", x) < 1e-7, Const(0.5, x.dtype), f("j0", x) - o / x),))
expansion("y0", _y(0), lambda g, o, x: (-(g * f("y1", x)),))
expansion("y1", _y(1), lambda g, o, x: (g * (f("y0", x) - o / x),))
expansion("spherical_j0", _spherical_j0, lambda g, o, x: (
    g * where(f("abs", x) < 1e-4, x * (-1 / 3), (f("cos", x) - o) / x),))
# The derivative of Ai is not among the functions offered; its own equation gives no shortcut.
expansion("airy", _airy)
