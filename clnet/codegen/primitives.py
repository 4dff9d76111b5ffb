"""The primitive functions of expressions: C text, NumPy meaning and derivative, each stated once.

OpenCL's built-ins work on scalars and vectors alike, so most primitives are one format string.
Where C and PyTorch differ (division of integers, NaN in max, 0/1 booleans) the renderer's methods
``boolean`` and ``select`` bridge vector masks and scalar conditions.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import DType
from . import types
from .expr import Const, Expr, Primitive, apply, cast, primitives


def _define(name: str, c: str | Callable[..., str], numpy: Callable[..., Any],
            vjp: Callable[..., Any] | None = None, **kwargs: Any) -> None:
    if isinstance(c, str):
        text = c

        def render(r: Any, dtype: DType, types_: tuple[DType, ...], *operands: str) -> str:
            return text.format(*operands)
    else:
        render = c
    primitives.add(Primitive(name, render, numpy, vjp, **kwargs))


def _compare(name: str, symbol: str, numpy: Callable[..., Any]) -> None:
    def render(r: Any, dtype: DType, types_: tuple[DType, ...], a: str, b: str) -> str:
        return r.boolean(f"({a} {symbol} {b})")
    primitives.add(Primitive(name, render, numpy, boolean=True))


def _where(r: Any, dtype: DType, types_: tuple[DType, ...], c: str, a: str, b: str) -> str:
    return r.select(r.mask(c, dtype), a, b, dtype)


def _cast(r: Any, dtype: DType, types_: tuple[DType, ...], x: str) -> str:
    text = types.convert(x, types_[0], dtype, r.width)
    if dtype is dt.float16:
        return f"round_half{r.width}({text})"
    if dtype is dt.bfloat16:
        return f"bf16_decode{r.width}(bf16_encode{r.width}({text}))"
    return text


def where(c: Expr, a: Any, b: Any) -> Expr:
    """``a`` where ``c`` holds, else ``b``; one of them may be a number."""
    return apply("where", c, a, b)


def f(name: str, *operands: Any) -> Expr:
    """Shorthand for :func:`apply` in expressions: ``f("exp", x)``."""
    return apply(name, *operands)


def _guarded_division(name: str, symbol: str) -> None:
    # Dividing by zero, and the smallest integer by -1, trap on x86: both get divisor 1, the first
    # is recorded as a fault, the second is what the wrapped result is.
    def render(r: Any, dtype: DType, types_: tuple[DType, ...], a: str, b: str) -> str:
        one = types.literal(1, dtype, r.width)
        zero = types.literal(0, dtype, r.width)
        bad = r.any(f"({b} == {zero})")
        r.line(f"if ({bad}) fault = 1;")
        unsafe = f"({b} == {zero})"
        if dtype.is_signed:
            minus = types.literal(-1, dtype, r.width)
            unsafe = f"({unsafe} {'|' if r.width > 1 else '||'} ({b} == {minus}))"
        safe = r.declare(dtype, r.select(unsafe, one, b, dtype))
        value = f"({a} {symbol} {safe})"
        if dtype.is_signed:
            other = f"(-{a})" if symbol == "/" else zero
            value = r.select(f"({b} == {minus})", other, value, dtype)
        return value

    def numpy(a: Any, b: Any) -> Any:
        safe = np.where(b == 0, 1, b)
        if a.dtype.kind == "f":
            quotient = np.trunc(a / safe)
        else:  # from the floor towards zero: magnitudes of the smallest integers do not exist
            floor = a // safe
            quotient = (floor + ((floor * safe != a) & ((a < 0) != (safe < 0)))).astype(a.dtype)
        return quotient if symbol == "/" else a - quotient * safe

    primitives.add(Primitive(name, render, numpy, fault="zero_division"))


def _circular(name: str, series: tuple[float, float, float], odd: bool, numpy: Callable[..., Any],
              vjp: Callable[..., Any]) -> None:
    # In a vector with a large lane, PoCL 3.1 gets lanes of float32 below 2**-7 wrong: there the first
    # terms of the power series are exact.
    def render(r: Any, dtype: DType, types_: tuple[DType, ...], a: str) -> str:
        if r.width == 1 or dtype is not dt.float32:
            return f"{name}({a})"
        square = r.declare(dtype, f"({a} * {a})")
        first, second, third = (types.literal(c, dtype, r.width) for c in series)
        near = f"fma({square}, fma({square}, {third}, {second}), {first})"
        small = f"(fabs({a}) < {types.literal(2.0 ** -7, dtype, r.width)})"
        return r.select(small, f"({a} * {near})" if odd else near, f"{name}({a})", dtype)

    primitives.add(Primitive(name, render, numpy, vjp))


def _extremum(name: str, symbol: str, numpy: Callable[..., Any]) -> None:
    # fmax/fmin drop NaNs; PyTorch's maximum keeps them.  Equal values share the gradient.
    def render(r: Any, dtype: DType, types_: tuple[DType, ...], a: str, b: str) -> str:
        join = "|" if r.width > 1 else "||"
        test = f"({a} {symbol} {b})"
        if dtype.is_inexact:
            test = f"({test} {join} ({a} != {a}))"
        return r.select(test, a, b, dtype)

    def vjp(g: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
        half = where(f("eq", a, b), g * 0.5, g)
        keep_a = f("ge" if symbol == ">" else "le", a, b)
        keep_b = f("le" if symbol == ">" else "ge", a, b)
        return where(keep_a, half, 0), where(keep_b, half, 0)

    primitives.add(Primitive(name, render, numpy, vjp))


def _sign(r: Any, dtype: DType, types_: tuple[DType, ...], x: str) -> str:
    zero, one = types.literal(0, dtype, r.width), types.literal(1, dtype, r.width)
    if not dtype.is_signed:
        return r.select(f"({x} != {zero})", one, zero, dtype)
    minus = types.literal(-1, dtype, r.width)
    # A NaN fails both tests and gives 0, as PyTorch's sign does.
    return r.select(f"({x} > {zero})", one, r.select(f"({x} < {zero})", minus, zero, dtype), dtype)


def _abs(r: Any, dtype: DType, types_: tuple[DType, ...], x: str) -> str:
    if dtype.is_floating_point:
        return f"fabs({x})"
    if not dtype.is_signed:
        return x
    return r.select(f"({x} < {types.literal(0, dtype, r.width)})", f"(-{x})", x, dtype)


def _shift(name: str, symbol: str, numpy: Callable[..., Any]) -> None:
    # OpenCL takes the shift count modulo the width; PyTorch gives 0 (or the sign) past it.
    def render(r: Any, dtype: DType, types_: tuple[DType, ...], a: str, b: str) -> str:
        bits = dtype.itemsize * 8
        limit = types.literal(bits, dtype, r.width)
        zero = types.literal(0, dtype, r.width)
        join = "|" if r.width > 1 else "||"
        outside = f"(({b} < {zero}) {join} ({b} >= {limit}))"
        if symbol == "<<":
            past = zero
        else:
            past = f"({a} >> {types.literal(bits - 1, dtype, r.width)})" if dtype.is_signed else zero
        count = r.select(outside, zero, b, dtype)
        return r.select(outside, past, f"({a} {symbol} {count})", dtype)

    def guarded(a: Any, b: Any) -> Any:
        bits = a.dtype.itemsize * 8
        outside = (b < 0) | (b >= bits)
        past = np.zeros_like(a) if symbol == "<<" else (
            a >> np.asarray(bits - 1, a.dtype) if a.dtype.kind == "i" else np.zeros_like(a))
        return np.where(outside, past, numpy(a, np.where(outside, 0, b).astype(a.dtype)))

    primitives.add(Primitive(name, render, guarded))


def _logical(name: str, symbol: str, numpy: Callable[..., Any]) -> None:
    primitives.add(Primitive(
        name, lambda r, d, t, a, b: f"({a} {symbol} {b})", numpy))


def _sign_numpy(a: Any) -> Any:
    if a.dtype.kind == "c":
        return np.where(a == 0, 0, a / np.abs(a))
    return np.where(np.isnan(a), 0, np.sign(a)) if a.dtype.kind == "f" else np.sign(a)


def _sign_vjp(g: Expr, out: Expr, a: Expr) -> tuple[Expr | None]:
    """Zero for real numbers; of a complex one only the change along the circle remains."""
    if not a.dtype.is_complex:
        return (None,)
    size = cast(f("abs", a), a.dtype)
    radial = cast(f("real", g * out), a.dtype) * f("conj", out)
    return (where(f("eq", size, 0), 0, (g - radial) / size),)


_define("add", "({0} + {1})", np.add, lambda g, o, a, b: (g, g))
_define("sub", "({0} - {1})", np.subtract, lambda g, o, a, b: (g, -g))
_define("mul", "({0} * {1})", np.multiply, lambda g, o, a, b: (g * b, g * a))
_define("div", "({0} / {1})", np.divide, lambda g, o, a, b: (g / b, -(g * o) / b))
_define("neg", "(-{0})", np.negative, lambda g, o, a: (-g,))
_define("fma", "fma({0}, {1}, {2})", lambda a, b, c: a * b + c,
        lambda g, o, a, b, c: (g * b, g * a, g))
_define("abs", _abs, np.abs, lambda g, o, a: (cast(g, a.dtype) * f("conj", f("sign", a)),), real=True)
_define("sign", _sign, _sign_numpy, _sign_vjp)
_define("cast", _cast, lambda a: a, lambda g, o, a: (cast(g, a.dtype),))
_define("where", _where, lambda c, a, b: np.where(c, a, b),
        lambda g, o, c, a, b: (None, where(c, g, 0), where(c, 0, g)))

_compare("lt", "<", np.less)
_compare("le", "<=", np.less_equal)
_compare("gt", ">", np.greater)
_compare("ge", ">=", np.greater_equal)
_compare("eq", "==", np.equal)
_compare("ne", "!=", np.not_equal)
_logical("bit_and", "&", np.bitwise_and)
_logical("bit_or", "|", np.bitwise_or)
_logical("bit_xor", "^", np.bitwise_xor)
_define("bit_not", lambda r, d, t, a: f"({a} ^ {types.literal(1, d, r.width)})" if d is dt.bool_
        else f"(~{a})", np.invert)
_shift("shift_left", "<<", np.left_shift)
_shift("shift_right", ">>", np.right_shift)
_guarded_division("int_div", "/")
_guarded_division("int_mod", "%")
_extremum("max", ">", np.maximum)
_extremum("min", "<", np.minimum)
_define("fmod", "fmod({0}, {1})", np.fmod, lambda g, o, a, b: (g, -g * f("trunc", a / b)))
_define("floor", "floor({0})", np.floor, lambda g, o, a: (None,))
_define("ceil", "ceil({0})", np.ceil, lambda g, o, a: (None,))
_define("trunc", "trunc({0})", np.trunc, lambda g, o, a: (None,))
_define("round", "rint({0})", np.rint, lambda g, o, a: (None,))
_define("is_nan", lambda r, d, t, a: r.boolean(f"({a} != {a})"), np.isnan, boolean=True)
_define("copysign", "copysign({0}, {1})", np.copysign,
        lambda g, o, a, b: (g * (f("sign", a) * f("copysign", Const(1.0, a.dtype), b)), None))
_define("nextafter", "nextafter({0}, {1})", np.nextafter)

_define("exp", "exp({0})", np.exp, lambda g, o, a: (g * o,))
_define("exp2", "exp2({0})", np.exp2, lambda g, o, a: (g * o * math.log(2),))
_define("expm1", "expm1({0})", np.expm1, lambda g, o, a: (g * (o + 1),))
_define("log", "log({0})", np.log, lambda g, o, a: (g / a,))
_define("log2", "log2({0})", np.log2, lambda g, o, a: (g / (a * math.log(2)),))
_define("log10", "log10({0})", np.log10, lambda g, o, a: (g / (a * math.log(10)),))
_define("sqrt", "sqrt({0})", np.sqrt, lambda g, o, a: (g / (o * 2),))
_define("rsqrt", "rsqrt({0})", lambda a: 1 / np.sqrt(a), lambda g, o, a: (g * (o * o * o) * -0.5,))
_circular("sin", (1, -1 / 6, 1 / 120), True, np.sin, lambda g, o, a: (g * f("cos", a),))
_circular("cos", (1, -1 / 2, 1 / 24), False, np.cos, lambda g, o, a: (-(g * f("sin", a)),))
_circular("tan", (1, 1 / 3, 2 / 15), True, np.tan, lambda g, o, a: (g * (o * o + 1),))
_define("asin", "asin({0})", np.arcsin, lambda g, o, a: (g * f("rsqrt", 1 - a * a),))
_define("acos", "acos({0})", np.arccos, lambda g, o, a: (-(g * f("rsqrt", 1 - a * a)),))
_define("atan", "atan({0})", np.arctan, lambda g, o, a: (g / (a * a + 1),))
_define("atan2", "atan2({0}, {1})", np.arctan2, lambda g, o, a, b: (
    g * b / (a * a + b * b), -(g * a) / (a * a + b * b)))
_define("sinh", "sinh({0})", np.sinh, lambda g, o, a: (g * f("cosh", a),))
_define("cosh", "cosh({0})", np.cosh, lambda g, o, a: (g * f("sinh", a),))
_define("tanh", "tanh({0})", np.tanh, lambda g, o, a: (g * (1 - o * o),))
_define("asinh", "asinh({0})", np.arcsinh, lambda g, o, a: (g * f("rsqrt", a * a + 1),))
_define("hypot", "hypot({0}, {1})", np.hypot, lambda g, o, a, b: (g * (a / o), g * (b / o)))


def _sigmoid(r: Any, dtype: DType, types_: tuple[DType, ...], x: str) -> str:
    one = types.literal(1, dtype, r.width)
    return f"({one} / ({one} + exp(-{x})))"


# A primitive rather than a composition, so that derivatives of every order stay finite where exp
# overflows.
_define("sigmoid", _sigmoid, lambda a: 1 / (1 + np.exp(-a)), lambda g, o, a: (g * (o * (1 - o)),))
