"""Elementary functions whose built-ins are scalar library calls on some runtimes, in vector arithmetic."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import DType
from . import types
from .expansion import expansion, inline, iteration, polynomial
from .expr import Const, Expr, Primitive, primitives
from .primitives import f, where

# Per floating type: integer type of the same size, bits of the mantissa, bias of the exponent.
_BITS = {dt.float32: ("int", 23, 127), dt.float64: ("long", 52, 1023)}
_LOG2_E = 1 / math.log(2)
_LOG2_E_HIGH = float(np.float32(_LOG2_E))


def _exponent(r: Any, dtype: DType, kinds: tuple[DType, ...], x: str) -> str:
    kind, mantissa, bias = _BITS[dtype]
    v = str(r.width) if r.width > 1 else ""
    field = f"((as_{kind}{v}({x}) >> {mantissa}) & {2 * bias + 1})"
    return f"(convert_{types.register_type(dtype, r.width)}({field} - {bias}))"


def _two_to(r: Any, dtype: DType, kinds: tuple[DType, ...], n: str) -> str:
    kind, mantissa, bias = _BITS[dtype]
    v = str(r.width) if r.width > 1 else ""
    return f"as_{types.register_type(dtype, r.width)}((convert_{kind}{v}({n}) + {bias}) << {mantissa})"


# Both for normal numbers: floor(log2 |x|), and the power of two of an exponent in range.
primitives.add(Primitive("exponent", _exponent, lambda a: (np.frexp(a)[1] - 1).astype(a.dtype)))
primitives.add(Primitive("two_to", _two_to, lambda n: np.ldexp(np.ones((), n.dtype), n.astype("int32"))))
# Division of integers whose divisor is known not to be 0 (nor -1).
primitives.add(Primitive("quotient", lambda r, d, k, a, b: f"({a} / {b})",
                         lambda a, b: (a - np.fmod(a, b)) // b))
primitives.add(Primitive("rest", lambda r, d, k, a, b: f"({a} % {b})", np.fmod))


def lifted(x: Expr) -> tuple[Expr, Expr]:
    """(x times a power of two that makes it normal, the exponent of that power)."""
    _, mantissa, bias = _BITS[x.dtype]
    tiny = f("abs", x) < 2.0 ** (1 - bias)
    return where(tiny, x * 2.0 ** (mantissa + 1), x), where(tiny, Const(-(mantissa + 1.0), x.dtype), 0)


def binary_exponent(x: Expr) -> Expr:
    """e of ``x = m * 2**e`` with 0.5 <= |m| < 1; 0 for 0, infinities and NaN."""
    normal, shift = lifted(x)
    plain = f("ne", x, 0) & (f("abs", x) < math.inf)
    return where(plain, f("exponent", normal) + shift + 1, 0)


def _scaled_down(x: Expr, e: Expr) -> Expr:
    """``x * 2**-e``, in two factors, since e may be the largest exponent."""
    half = f("trunc", e * 0.5)
    return x * f("two_to", -half) * f("two_to", half - e)


def mantissa(x: Expr) -> Expr:
    """m of ``x = m * 2**e``; 0, infinities and NaN as they are."""
    normal, _ = lifted(x)
    plain = f("ne", x, 0) & (f("abs", x) < math.inf)
    return where(plain, _scaled_down(normal, f("exponent", normal)) * 0.5, x)


def _log2_parts(x: Expr) -> tuple[Expr, Expr]:
    """log2 of a positive float32 as a sum whose second part is far smaller, right to 2**-31."""
    normal, shift = lifted(x)
    e = f("exponent", normal)
    m = _scaled_down(normal, e)
    above = m > math.sqrt(2)
    m, e = where(above, m * 0.5, m), where(above, e + 1, e) + shift
    # s = (m - 1) / (m + 1), and its rounding error.
    top, bottom = m - 1, m + 1
    s = top / bottom
    low = (f("fma", -s, bottom, top) - s * (m - (bottom - 1))) / bottom
    square = s * s
    rest = s * square * polynomial(square, [2 * _LOG2_E / k for k in (3, 5, 7, 9, 11)])
    high = s * (2 * _LOG2_E_HIGH)
    error = f("fma", s, Const(2 * _LOG2_E_HIGH, x.dtype), -high)
    error = error + (s * (2 * (_LOG2_E - _LOG2_E_HIGH)) + low * (2 * _LOG2_E))
    first = high + rest
    error = error + (rest - (first - high))
    total = e + first
    return total, error + (first - (total - e))


def _power(x: Expr, y: Expr) -> Expr:
    """``x**y`` in float32 to about an ulp, with the special cases of IEEE 754's pow."""
    size = f("abs", x)
    plain = (size > 0) & (size < math.inf)
    high, low = _log2_parts(where(plain, size, Const(1.0, x.dtype)))
    power = y * high
    rest = f("fma", y, high, -power) + y * low
    inside = f("min", f("max", power, Const(-200.0, x.dtype)), Const(200.0, x.dtype))
    whole = f("round", inside)
    part = (inside - whole) + where(f("eq", inside, power), rest, 0)
    half = f("trunc", whole * 0.5)
    value = polynomial(part, [math.log(2) ** k / math.factorial(k) for k in range(8)])
    value = value * f("two_to", half) * f("two_to", whole - half)
    # 0 and infinity are each other's reciprocals.
    extreme = where(f("eq", f("eq", x, 0), y > 0), Const(0.0, x.dtype), math.inf)
    value = where(plain, value, where(f("is_nan", y), y, extreme))
    integral = f("eq", y, f("trunc", y))
    odd = integral & f("ne", y * 0.5, f("trunc", y * 0.5))
    value = where(odd, f("copysign", value, x), value)
    value = where((x < 0) & plain & f("bit_not", integral), math.nan, value)
    value = where(f("eq", size, 1) & f("eq", f("abs", y), math.inf), 1.0, value)
    value = where(f("is_nan", x), x, value)
    return where(f("eq", y, 0) | f("eq", x, 1), 1.0, value)


def _pow(r: Any, dtype: DType, kinds: tuple[DType, ...], a: str, b: str) -> str:
    if dtype is dt.float32:
        return inline(r, _power, (a, b), kinds)
    if dtype.is_floating_point and r.width == 1:
        return f"pow({a}, {b})"
    if dtype.is_floating_point:
        # Lane by lane: PoCL 3.1's pow of double vectors mixes lanes up where one of them is zero.
        lanes = ", ".join(f"pow({a}.s{k:x}, {b}.s{k:x})" for k in range(r.width))
        return f"(({types.register_type(dtype, r.width)})({lanes}))"
    return f"ipow_{types.register_type(dtype, r.width)}({a}, {b})"


def _pow_numpy(a: Any, b: Any) -> Any:
    if a.dtype.kind == "f":
        return np.power(a, b)
    negative = b < 0
    with np.errstate(all="ignore"):
        powered = np.power(a, np.where(negative, 0, b))
        parity = np.where(b % 2 == 0, 1, -1)
        inverse = np.where(a == 1, 1, np.where(a == -1, parity, 0)) if a.dtype.kind == "i" else 0
        return np.where(negative, inverse, powered).astype(a.dtype)


def _pow_vjp(g: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    base = where(f("eq", b, 0), 0, g * (b * f("pow", a, b - 1)))
    flat = f("eq", a, 0) & f("ge", f("real", b), 0)
    return base, where(flat, 0, g * (out * f("log", a)))


def _log1p(x: Expr) -> Expr:
    # What 1 + x loses of x, the quotient gives back (Kahan).
    above = x + 1
    value = where(f("eq", above, 1), x, f("log", above) * (x / (above - 1)))
    return where(f("eq", x, math.inf), x, value)


def _acosh(x: Expr) -> Expr:
    large = x > 1e8
    held = where(large, Const(1.0, x.dtype), x)
    t = held - 1
    value = where(large, f("log", x) + math.log(2), f("log1p", t + f("sqrt", t * (held + 1))))
    return where(x < 1, math.nan, value)


def _atanh(x: Expr) -> Expr:
    size = f("abs", x)
    return f("copysign", f("log1p", size * 2 / (1 - size)) * 0.5, x)


def _softplus(x: Expr) -> Expr:
    return f("log1p", f("exp", -f("abs", x))) + f("max", x, Const(0.0, x.dtype))


def _acosh_vjp(g: Expr, out: Expr, a: Expr) -> tuple[Expr]:
    # One root is enough for real numbers only: past the branch cut it has the other sign.
    if a.dtype.is_complex:
        return (g * (f("rsqrt", a - 1) * f("rsqrt", a + 1)),)
    return (g * f("rsqrt", a * a - 1),)


primitives.add(Primitive("pow", _pow, _pow_numpy, _pow_vjp))
expansion("log1p", _log1p, lambda g, o, a: (g / (a + 1),))
expansion("acosh", _acosh, _acosh_vjp)
expansion("atanh", _atanh, lambda g, o, a: (g / (1 - a * a),))
# A primitive, so that derivatives of every order stay finite where exp overflows.
expansion("softplus", _softplus, lambda g, o, a: (g * f("sigmoid", a),))
iteration("gcd", lambda a, b: [f("abs", a), f("abs", b)], lambda operands, s: f("ne", s[1], 0),
          lambda operands, s: [s[1], f("rest", s[0], where(f("eq", s[1], 0), Const(1, s[1].dtype), s[1]))],
          lambda operands, s: s[0])
