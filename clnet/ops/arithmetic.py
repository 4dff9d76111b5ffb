"""Arithmetic of one, two and three operands."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen.expr import Const, Expr, cast
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from .declare import binary, declared, unary

POSITIVE = (0.1, 3.0)


def _add(a: Expr, b: Expr, alpha: Expr | None = None) -> Expr:
    if a.dtype is dt.bool_:
        return a | b if alpha is None else a | (b & alpha)
    return a + b if alpha is None else a + b * alpha


def _sub(a: Expr, b: Expr, alpha: Expr | None = None) -> Expr:
    return a - b if alpha is None else a - b * alpha


def _mul(a: Expr, b: Expr) -> Expr:
    return a & b if a.dtype is dt.bool_ else a * b


def _factor(input: Any, other: Any, alpha: Any) -> Any:
    """``alpha`` of a sum or difference, a bool for bools.

    Raises:
        RuntimeError: the elements' type does not take the factor ``alpha``.
    """
    tensors = [x for x in (input, other) if not isinstance(x, (int, float, complex))]
    numbers = [x for x in (input, other) if isinstance(x, (int, float, complex))]
    bools = all(x.dtype is dt.bool_ for x in tensors) and all(isinstance(x, bool) for x in numbers)
    if isinstance(alpha, bool) and not bools:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, (float, complex)) and not any(x.dtype.is_inexact for x in tensors):
        if not any(isinstance(x, (float, complex)) for x in numbers):
            raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return bool(alpha) if bools else alpha


def _bind_add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    if type(alpha) is int and alpha == 1:
        return (input, other), {}
    return (input, other, _factor(input, other, alpha)), {}


def _bind_sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    if type(alpha) is int and alpha == 1:
        return (input, other), {}
    return (input, other, _factor(input, other, alpha)), {}


add = declared("add", _add, _bind_add, "``input + alpha * other``, broadcast.", inplace=True, numbers=True,
               reference=lambda a, b, alpha=1: a + np.multiply(b, alpha, dtype=getattr(b, "dtype", None)))
sub = declared("sub", _sub, _bind_sub, "``input - alpha * other``, broadcast.", inplace=True,
               refuses=("bool",), refuses_any=("bool",), aliases=("subtract",), numbers=True,
             refusal="Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
                     "invert a mask, use the `~` or `logical_not()` operator instead.",
               reference=lambda a, b, alpha=1: a - b * alpha)
mul = binary("mul", _mul, "Product of the elements, broadcast.", inplace=True, numbers=True,
             aliases=("multiply",), reference=lambda a, b: a * b)


def float_floor_div(a: Expr, b: Expr) -> Expr:
    """Floor of the exact quotient, as CPython divides floats (also for signed zeros)."""
    m = f("fmod", a, b)
    q = (a - m) / b
    differs = f("ne", m, 0) & f("ne", cast(b < 0, dt.bool_), cast(m < 0, dt.bool_))
    q = where(differs, q - 1, q)
    whole = f("floor", q)
    whole = where(q - whole > 0.5, whole + 1, whole)
    whole = where(f("ne", q, 0), whole, f("copysign", Const(0.0, a.dtype), a / b))
    return where(f("eq", b, 0), a / b, whole)


def int_floor_div(a: Expr, b: Expr) -> Expr:
    """Integer quotient rounded towards minus infinity; C's rounds towards zero."""
    q, m = f("int_div", a, b), f("int_mod", a, b)
    if not a.dtype.is_signed:
        return q
    return where(f("ne", m, 0) & f("ne", m < 0, b < 0), q - 1, q)


def _div(a: Expr, b: Expr, rounding_mode: str | None = None) -> Expr:
    if rounding_mode is None:
        return a / b
    if a.dtype is dt.bool_:
        raise NotImplementedError(f"\"div_{rounding_mode}\" not implemented for 'Bool'")
    if a.dtype.is_floating_point:
        return float_floor_div(a, b) if rounding_mode == "floor" else f("trunc", a / b)
    return int_floor_div(a, b) if rounding_mode == "floor" else f("int_div", a, b)


def _true_div(input: Any, other: Any) -> Any:
    return (input, other), {}


true_div = declared("true_divide", lambda a, b: a / b, _true_div, "``input / other`` in floating point.",
                    promotion="int_to_float", inplace=True, numbers=True, reference=np.true_divide)


def _bind_div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode not in (None, "trunc", "floor"):
        raise RuntimeError("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
                           f"'{rounding_mode}'")
    return (input, other), {} if rounding_mode is None else {"rounding_mode": rounding_mode}


def _div_samples() -> Any:
    a, b = np.array([[7.0, -7.0, 6.5]]), np.array([[2.0], [-3.0]])
    for kw in ({}, {"rounding_mode": "floor"}, {"rounding_mode": "trunc"}):
        yield (a, b), kw


_ROUNDED: dict[Any, Any] = {None: np.true_divide, "floor": np.floor_divide, "trunc": lambda a, b: np.trunc(a / b)}

div = declared("div", _div, _bind_div, "Quotient, exact or rounded towards minus infinity or zero.",
               promotion=lambda attrs: "default" if "rounding_mode" in attrs else "int_to_float",
               inplace=True, numbers=True, aliases=("divide",), samples=_div_samples,
               grads=lambda g, o, a, b, rounding_mode=None: (
                   (None, None) if rounding_mode else (g / b, -(g * o) / b)),
               reference=lambda a, b, rounding_mode=None: _ROUNDED[rounding_mode](a, b))


def _floor_divide(input: Any, other: Any) -> Any:
    return (input, other), {}


floor_divide = declared(
    "floor_divide", lambda a, b: _div(a, b, "floor"), _floor_divide,
    "Quotient rounded towards minus infinity.", inplace=True, numbers=True, refuses=("bool",),
    grads=lambda g, o, a, b: (None, None), reference=np.floor_divide)


def _remainder(a: Expr, b: Expr) -> Expr:
    if a.dtype.is_floating_point:
        m = f("fmod", a, b)
        return where(f("ne", m, 0) & f("ne", m < 0, b < 0), m + b, m)
    m = f("int_mod", a, b)
    if not a.dtype.is_signed:
        return m
    return where(f("ne", m, 0) & f("ne", m < 0, b < 0), m + b, m)


remainder = binary(
    "remainder", _remainder, "Remainder with the divisor's sign (Python's ``%``).", inplace=True,
    refuses=("bool",), reference=np.remainder,
    grads=lambda g, o, a, b: (g, -g * f("floor", a / b)))
fmod = binary("fmod", lambda a, b: f("fmod", a, b) if a.dtype.is_floating_point else f("int_mod", a, b),
              "Remainder with the dividend's sign (C's ``fmod``).", inplace=True, refuses=("bool",),
              reference=np.fmod)


def _pow_samples() -> Any:
    x = np.array([[0.5, 1.0, 2.5], [3.0, 0.1, 1.5]])
    for exponent in (2, 3.0, -1.5):
        yield (x, exponent), {}
    yield (x, np.array([2.0, 0.5, -1.0])), {}


# Exponents that PyTorch computes by products and roots too.
_SHORT_POWERS: dict[Any, Callable[[Expr], Expr]] = {
    2: lambda x: x * x, 3: lambda x: x * x * x, 0.5: lambda x: f("sqrt", x), -0.5: lambda x: f("rsqrt", x),
    -1: lambda x: 1 / x, -2: lambda x: 1 / (x * x)}


def _bind_pow(input: Any, exponent: Any) -> Any:
    """``input`` to the power ``exponent``.

    Raises:
        RuntimeError: a negative integer power of integers.
    """
    if isinstance(exponent, (int, float)) and not isinstance(input, (int, float, complex)):
        if exponent < 0 and isinstance(exponent, int) and input.dtype.kind == "int":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        kept = input.dtype.is_inexact or isinstance(exponent, int) and input.dtype is not dt.bool_
        if kept and exponent in _SHORT_POWERS and not isinstance(exponent, bool):
            return (input,), {"exponent": exponent}
    return (input, exponent), {}


def _pow(a: Expr, b: Expr | None = None, exponent: float = 0) -> Expr:
    if a.dtype in (dt.uint16, dt.uint32, dt.uint64):
        raise NotImplementedError(f"\"pow\" not implemented for '{dt.SCALAR_NAMES[a.dtype]}'")
    return f("pow", a, b) if b is not None else _SHORT_POWERS[exponent](a)


pow = declared("pow", _pow, _bind_pow, _bind_pow.__doc__ or "", inplace=True, domain=POSITIVE,
               samples=_pow_samples, refuses=("bool",), reference=np.power)
maximum = binary("maximum", lambda a, b: f("max", a, b) if a.dtype is not dt.bool_ else a | b,
                 "The larger of two elements; NaN if either is.", tensors=True, reference=np.maximum)
minimum = binary("minimum", lambda a, b: f("min", a, b) if a.dtype is not dt.bool_ else a & b,
                 "The smaller of two elements; NaN if either is.", tensors=True, reference=np.minimum)
atan2 = binary("atan2", lambda a, b: f("atan2", a, b), "Angle of the point (other, input), radians.", tensors=True,
               promotion="int_to_float", inplace=True, aliases=("arctan2",), reference=np.arctan2)


def _bind_lerp(input: Any, end: Any, weight: Any) -> Any:
    return (input, end, weight), {}


lerp = declared("lerp", lambda a, b, w: where(f("abs", w) < 0.5, a + w * (b - a), b - (b - a) * (1 - w)),
                _bind_lerp, "Linear interpolation ``input + weight * (end - input)``.", inplace=True,
                grads=lambda g, o, a, b, w: (g * (1 - w), g * w, g * (b - a)),
                refuses=("bool", "int"), refuses_any=("bool", "int"), reference=lambda a, b, w: a + w * (b - a))


def _bind_addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    if isinstance(value, float) and not any(x.dtype.is_inexact for x in (input, tensor1, tensor2)):
        value = int(value)
    return (input, tensor1, tensor2, value), {}


def _bind_addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    return (input, tensor1, tensor2, value), {}


addcmul = declared("addcmul", lambda a, x, y, v: a + v * x * y, _bind_addcmul,
                   "``input + value * tensor1 * tensor2``.", inplace=True, refuses_any=("bool",), refuses=("bool",),
                   reference=lambda a, x, y, value=1: a + value * x * y)
addcdiv = declared("addcdiv", lambda a, x, y, v: a + v * (x / y), _bind_addcdiv,
                   "``input + value * tensor1 / tensor2``.", inplace=True, domain=POSITIVE,
                   refuses=("bool", "int"), reference=lambda a, x, y, value=1: a + value * (x / y),
                   refusal="Integer division with addcdiv is no longer supported; use "
                           "(input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integers.")


def _same(*, name: str, primitive: str, doc: str, reference: Any, **fields: Any) -> Any:
    return unary(name, lambda x: f(primitive, x), doc, reference=reference, inplace=True, **fields)


neg = _same(name="neg", primitive="neg", doc="Negated elements.", reference=np.negative,
            refuses=("bool",), aliases=("negative",),
            refusal="Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
                    "a mask, use the `~` or `logical_not()` operator instead.")
abs = unary("abs", lambda x: f("abs", x), "Absolute values.",
            reference=np.abs, inplace=True, aliases=("absolute",), part="real", refuses=("bool",))
sign = unary("sign", lambda x: x if x.dtype is dt.bool_ else f("sign", x), "-1, 0 or 1 by sign.",
             reference=lambda x: np.sign(np.nan_to_num(x)), inplace=True, refuses=("complex",))
square = unary("square", lambda x: x * x, "Squared elements.", reference=np.square, inplace=True,
               promotion="bool_to_int")
reciprocal = unary("reciprocal", lambda x: 1 / x, "``1 / input``.", promotion="int_to_float",
                   reference=lambda x: 1 / x, domain=POSITIVE, inplace=True)
positive = unary("positive", lambda x: x, "The elements as they are.", reference=lambda x: x,
                 refuses=("bool",))


def _rounding(name: str, doc: str, reference: Any, **fields: Any) -> Any:
    return unary(name, lambda x: f(name, x) if x.dtype.is_floating_point else x, doc,
                 reference=reference, inplace=True, refuses=("bool", "complex"), **fields)


floor = _rounding("floor", "Largest integers not above.", np.floor)
ceil = _rounding("ceil", "Smallest integers not below.", np.ceil)
trunc = _rounding("trunc", "Integer parts.", np.trunc, aliases=("fix",))
frac = unary("frac", lambda x: x - f("trunc", x), "Fractional parts, with the sign.",
             reference=lambda x: x - np.trunc(x), inplace=True, refuses=("bool", "int"))


def _bind_round(input: Any, *, decimals: int = 0) -> Any:
    if decimals and not input.dtype.is_inexact:
        raise NotImplementedError(f"\"round\" with decimals not implemented for '{dt.SCALAR_NAMES[input.dtype]}'")
    return (input,), {"decimals": int(decimals)} if decimals else {}


def _round(x: Expr, decimals: int = 0) -> Expr:
    if not x.dtype.is_floating_point:
        return x
    if not decimals:
        return f("round", x)
    scale = 10.0 ** builtin_abs(decimals)
    return f("round", x * scale) / scale if decimals > 0 else f("round", x / scale) * scale


builtin_abs = math.fabs
round = declared("round", _round, _bind_round, "Nearest integers (or decimals), halves to even.",
                 inplace=True, refuses=("bool", "complex"), grads=lambda g, o, x, decimals=0: (None,),
                 reference=lambda x, decimals=0: np.round(x, decimals))


def _float(name: str, doc: str, reference: Any, *, primitive: str = "", **fields: Any) -> Any:
    return unary(name, lambda x: f(primitive or name, x), doc, promotion="int_to_float",
                 reference=reference, inplace=True, **fields)


UNIT = (-0.9, 0.9)
exp = _float("exp", "e to the elements.", np.exp)
exp2 = _float("exp2", "2 to the elements.", np.exp2)
expm1 = _float("expm1", "``exp(x) - 1``, exact near zero.", np.expm1)
log = _float("log", "Natural logarithms.", np.log, domain=POSITIVE)
log2 = _float("log2", "Logarithms to base 2.", np.log2, domain=POSITIVE)
log10 = _float("log10", "Logarithms to base 10.", np.log10, domain=POSITIVE)
log1p = _float("log1p", "``log(1 + x)``, exact near zero.", np.log1p, domain=(-0.9, 3.0))
sqrt = _float("sqrt", "Square roots.", np.sqrt, domain=POSITIVE)
rsqrt = _float("rsqrt", "Reciprocal square roots.", lambda x: 1 / np.sqrt(x), domain=POSITIVE)
sin = _float("sin", "Sines, radians.", np.sin)
cos = _float("cos", "Cosines, radians.", np.cos)
tan = _float("tan", "Tangents, radians.", np.tan, domain=(-1.2, 1.2))
asin = _float("asin", "Arc sines, radians.", np.arcsin, domain=UNIT, aliases=("arcsin",))
acos = _float("acos", "Arc cosines, radians.", np.arccos, domain=UNIT, aliases=("arccos",))
atan = _float("atan", "Arc tangents, radians.", np.arctan, aliases=("arctan",))
sinh = _float("sinh", "Hyperbolic sines.", np.sinh)
cosh = _float("cosh", "Hyperbolic cosines.", np.cosh)
tanh = _float("tanh", "Hyperbolic tangents.", np.tanh)
asinh = _float("asinh", "Inverse hyperbolic sines.", np.arcsinh, aliases=("arcsinh",))
acosh = _float("acosh", "Inverse hyperbolic cosines.", np.arccosh, domain=(1.1, 4.0),
               aliases=("arccosh",))
atanh = _float("atanh", "Inverse hyperbolic tangents.", np.arctanh, domain=UNIT,
               aliases=("arctanh",))
_vector_erf = np.vectorize(math.erf, otypes=[float])
_vector_erfc = np.vectorize(math.erfc, otypes=[float])
erf = _float("erf", "Error function.", lambda x: _vector_erf(x).astype(x.dtype))
erfc = _float("erfc", "Complementary error function.", lambda x: _vector_erfc(x).astype(x.dtype))
