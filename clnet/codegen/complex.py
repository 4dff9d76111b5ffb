"""Complex expressions as pairs of real ones: what each primitive is on real and imaginary parts.

Kernels compute on reals only.  Before an expression is written as C, :func:`lower` replaces every
complex node by the expressions of its two parts; what is left are ``real`` and ``imag`` of complex
operands and one ``pair`` where a complex result is stored.  An imaginary part that is the constant
zero (a real number met by a complex one) is left out of the arithmetic.

Sources: W. Kahan, "Branch cuts for complex elementary functions" (1987), for the roots, inverse
functions and tanh; R. L. Smith, CACM algorithm 116 (1962), for division.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import DType
from . import types
from .expr import Apply, Arg, Const, Expr, Primitive, cast, postorder, primitives
from .primitives import f, where

Pair = tuple[Expr, Expr]

# Where squares overflow or lose bits; past the second bound tanh is 1.
_HUGE = {dt.float32: 2.0 ** 124, dt.float64: 2.0 ** 1020}
_TINY = {dt.float32: 2.0 ** -100, dt.float64: 2.0 ** -960}
_FLAT = {dt.float32: 11.0, dt.float64: 22.0}
_FAR = {dt.float32: 2.0 ** 20, dt.float64: 2.0 ** 40}
_EXP_LIMIT = {dt.float32: 88.0, dt.float64: 709.0}


def _render_pair(r: Any, dtype: DType, operand_types: tuple[DType, ...], re: str, im: str) -> str:
    kind = types.register_type(dtype, r.width)
    if r.width == 1:
        return f"({kind})({re}, {im})"
    lanes = (f"({part}).s{'0123456789abcdef'[j]}" for j in range(r.width) for part in (re, im))
    return f"({kind})({', '.join(lanes)})"


def _pair_vjp(g: Expr, out: Expr, re: Expr, im: Expr) -> tuple[Expr, Expr]:
    return f("real", g), -f("imag", g)


def _imag_vjp(g: Expr, out: Expr, a: Expr) -> tuple[Expr]:
    return (pair(Const(0, g.dtype), -g) if a.dtype.is_complex else g * 0,)


def _angle_vjp(g: Expr, out: Expr, a: Expr) -> tuple[Expr]:
    if not a.dtype.is_complex:
        return (g * 0,)
    slope = Const(-1j, a.dtype) / a
    return (where(f("eq", a, 0), 0, cast(g, a.dtype) * slope),)


_PAIR = Primitive("pair", _render_pair, lambda re, im: re + 1j * im, _pair_vjp)
primitives.add(_PAIR)
primitives.add(Primitive("real", lambda r, d, t, x: f"{x}.even", np.real,
                         lambda g, o, a: (cast(g, a.dtype),), real=True))
primitives.add(Primitive("imag", lambda r, d, t, x: f"{x}.odd", np.imag, _imag_vjp, real=True))
primitives.add(Primitive("conj", lambda r, d, t, x: x, np.conj, lambda g, o, a: (f("conj", g),)))
primitives.add(Primitive("angle", lambda r, d, t, x: x, np.angle, _angle_vjp, real=True))


def pair(re: Expr, im: Expr) -> Expr:
    """The complex number of two real parts of one type."""
    return Apply(_PAIR, (re, im), re.dtype.to_complex())


def lower(root: Expr) -> Expr:
    """``root`` without arithmetic on complex nodes."""
    nodes = postorder(root)
    if not any(e.dtype.is_complex for e in nodes):
        return root
    values: dict[Expr, Any] = {}
    for e in nodes:
        values[e] = _lowered(e, values)
    value = values[root]
    if not isinstance(value, tuple):
        return value
    re, im = value
    if isinstance(re, Apply) and isinstance(im, Apply) and re.operands == im.operands and (
            re.primitive.name, im.primitive.name) == ("real", "imag"):
        return re.operands[0]  # moved as it is
    return pair(re, im)


def _lowered(e: Expr, values: dict[Expr, Any]) -> Any:
    """A node's expression, or its pair of expressions if it is complex."""
    if isinstance(e, Apply):
        operands = [values[o] for o in e.operands]
        if e.primitive.name == "cast":
            return _convert(operands[0], e.dtype)
        if e.dtype.is_complex or any(isinstance(o, tuple) for o in operands):
            return primitives.lowerings[e.primitive.name](*operands)
        return Apply(e.primitive, tuple(operands), e.dtype)
    if not e.dtype.is_complex:
        return e
    part = e.dtype.to_real()
    if isinstance(e, Const):
        value = complex(e.value)
        return Const(value.real, part), Const(value.imag, part)
    assert isinstance(e, Arg)
    return Apply(primitives["real"], (e,), part), Apply(primitives["imag"], (e,), part)


def _convert(x: Any, dtype: DType) -> Any:
    if not isinstance(x, tuple):
        part = cast(x, dtype.to_real())
        return (part, Const(0.0, part.dtype)) if dtype.is_complex else part
    if dtype.is_complex:
        return cast(x[0], dtype.to_real()), cast(x[1], dtype.to_real())
    if dtype is dt.bool_:
        return f("ne", x[0], 0) | f("ne", x[1], 0)
    return cast(x[0], dtype)


# Arithmetic ---

def _absent(e: Expr) -> bool:
    return isinstance(e, Const) and e.value == 0


def _plus(a: Expr, b: Expr) -> Expr:
    return b if _absent(a) else a if _absent(b) else a + b


def _minus(a: Expr, b: Expr) -> Expr:
    return a if _absent(b) else _negative(b) if _absent(a) else a - b


def _negative(a: Expr) -> Expr:
    return Const(-a.value, a.dtype) if isinstance(a, Const) else -a


def _times(a: Expr, b: Expr) -> Expr:
    return a if _absent(a) else b if _absent(b) else a * b


def _add(a: Pair, b: Pair) -> Pair:
    return _plus(a[0], b[0]), _plus(a[1], b[1])


def _sub(a: Pair, b: Pair) -> Pair:
    return _minus(a[0], b[0]), _minus(a[1], b[1])


def _neg(a: Pair) -> Pair:
    return _negative(a[0]), _negative(a[1])


def _conj(a: Pair) -> Pair:
    return a[0], _negative(a[1])


def _mul(a: Pair, b: Pair) -> Pair:
    return (_minus(_times(a[0], b[0]), _times(a[1], b[1])),
            _plus(_times(a[0], b[1]), _times(a[1], b[0])))


def _div(a: Pair, b: Pair) -> Pair:
    c, d = b
    if _absent(d):
        return a[0] / c, a[1] if _absent(a[1]) else a[1] / c
    steep = f("abs", c) >= f("abs", d)
    high, low = where(steep, c, d), where(steep, d, c)
    ratio = low / high
    divisor = high + low * ratio
    p, q = where(steep, a[0], a[1]), where(steep, a[1], a[0])
    cross = q - p * ratio
    zero = f("eq", high, 0)
    size = f("abs", high)
    return (where(zero, a[0] / size, (p + q * ratio) / divisor),
            where(zero, a[1] / size, where(steep, cross, -cross) / divisor))


def _scale(a: Pair, factor: float) -> Pair:
    return a[0] * factor, a[1] * factor


def _one(like: Pair) -> Pair:
    return Const(1.0, like[0].dtype), Const(0.0, like[0].dtype)


def _times_i(a: Pair) -> Pair:
    return _negative(a[1]), a[0]


def _over_i(a: Pair) -> Pair:
    return a[1], _negative(a[0])


def _sign(a: Pair) -> Pair:
    size = f("hypot", *a)
    none = f("eq", size, 0)
    return where(none, 0, a[0] / size), where(none, 0, a[1] / size)


# Exponentials, logarithms, roots ---

def _exp(a: Pair) -> Pair:
    x, y = a
    # Past the limit the exponential overflows before a small cosine brings it back.
    over = x > _EXP_LIMIT[x.dtype]
    power = f("exp", where(over, x * 0.5, x))
    again = where(over, power, Const(1.0, x.dtype))
    return power * f("cos", y) * again, where(f("eq", y, 0), y, power * f("sin", y) * again)


def _expm1(a: Pair) -> Pair:
    x, y = a
    half = f("sin", y * 0.5)
    return f("expm1", x) * f("cos", y) - half * half * 2, f("exp", x) * f("sin", y)


def _log_size(x: Expr, y: Expr) -> Expr:
    """log |x + iy|, exact near 1 and without overflow."""
    a, b = f("abs", x), f("abs", y)
    high, low = where(a > b, a, b), where(a > b, b, a)
    near = 0.5 * f("log1p", (high - 1) * (high + 1) + low * low)
    over = high > _HUGE[x.dtype]
    shift = where(over, Const(0.25, x.dtype), 1.0)
    far = f("log", f("hypot", x * shift, y * shift)) + where(over, Const(math.log(4), x.dtype), 0.0)
    return where((high > 0.5) & (high < 2.0), near, far)


def _log(a: Pair) -> Pair:
    return _log_size(*a), f("atan2", a[1], a[0])


def _log1p(a: Pair) -> Pair:
    x, y = a
    size = f("abs", x) + f("abs", y)
    near = 0.5 * f("log1p", x * (x + 2) + y * y)
    return where(size < 0.5, near, _log_size(x + 1, y)), f("atan2", y, x + 1)


def _sqrt(a: Pair) -> Pair:
    x, y = a
    kind = x.dtype
    u, v = f("abs", x), f("abs", y)
    high = where(u > v, u, v)
    over, under = high > _HUGE[kind], high < _TINY[kind]
    scale = where(over, Const(2.0 ** -4, kind), where(under, Const(2.0 ** 48, kind), 1.0))
    back = where(over, Const(2.0 ** 2, kind), where(under, Const(2.0 ** -24, kind), 1.0))
    u = u * scale
    long = f("sqrt", f("hypot", u, y * scale) * 0.5 + u * 0.5)
    short = where(f("eq", long, 0), v, v * scale / (long * 2)) * back
    long = long * back
    right = x >= 0
    endless = f("eq", v, math.inf)
    return (where(endless, v, where(right, long, short)),
            where(endless, y, f("copysign", where(right, short, long), y)))


def _rsqrt(a: Pair) -> Pair:
    return _div(_one(a), _sqrt(a))


def _pow(a: Pair, b: Pair) -> Pair:
    re, im = _exp(_mul(b, _log(a)))
    empty = f("eq", a[0], 0) & f("eq", a[1], 0)
    flat = f("eq", b[0], 0) if _absent(b[1]) else f("eq", b[0], 0) & f("eq", b[1], 0)
    gone = empty & (b[0] > 0)
    return (where(flat, Const(1.0, re.dtype), where(gone, 0.0, re)),
            where(flat | gone, Const(0.0, re.dtype), im))


def _sigmoid(a: Pair) -> Pair:
    return _div(_one(a), _add(_one(a), _exp(_neg(a))))


# Circular and hyperbolic functions ---

def _damped(a: Expr, b: Expr) -> Expr:
    """``a * b``, zero where ``b`` is, though ``a`` overflowed."""
    return where(f("eq", b, 0), b * f("copysign", Const(1.0, a.dtype), a), a * b)


def _sinh(a: Pair) -> Pair:
    x, y = a
    return f("sinh", x) * f("cos", y), _damped(f("cosh", x), f("sin", y))


def _cosh(a: Pair) -> Pair:
    x, y = a
    return f("cosh", x) * f("cos", y), _damped(f("sinh", x), f("sin", y))


def _tanh(a: Pair) -> Pair:
    x, y = a
    flat = f("abs", x) > _FLAT[x.dtype]
    t, s = f("tan", y), f("sinh", x)
    spread = t * t + 1
    divisor = spread * s * s + 1
    small = f("sin", y) * f("cos", y) * 4 * f("exp", f("abs", x) * -2)
    return (where(flat, f("copysign", Const(1.0, x.dtype), x), spread * f("cosh", x) * s / divisor),
            where(flat, small, t / divisor))


def _area(a: Pair, product: Expr) -> Expr:
    """asinh of a part of a product of roots, which overflows where |z| nears the largest number."""
    x, y = a
    far = f("hypot", x * 0.5, y * 0.5) > _HUGE[x.dtype]
    limit = f("copysign", _log_size(x, y) + math.log(2), product)
    return where(far, limit, f("asinh", product))


def _asin(a: Pair) -> Pair:
    x, y = a
    left, right = _sqrt((1 - x, -y)), _sqrt((x + 1, y))
    return (f("atan2", x, left[0] * right[0] - left[1] * right[1]),
            _area(a, left[0] * right[1] - left[1] * right[0]))


def _acos(a: Pair) -> Pair:
    x, y = a
    left, right = _sqrt((1 - x, -y)), _sqrt((x + 1, y))
    return (f("atan2", left[0], right[0]) * 2,
            _area(a, right[0] * left[1] - right[1] * left[0]))


def _acosh(a: Pair) -> Pair:
    x, y = a
    left, right = _sqrt((x - 1, y)), _sqrt((x + 1, y))
    return (_area(a, left[0] * right[0] + left[1] * right[1]),
            f("atan2", left[1], right[0]) * 2)


def _atanh(a: Pair) -> Pair:
    x, y = a
    u = f("abs", x)
    distance = (1 - u) * (1 - u) + y * y
    close = 0.5 * (math.log(2) - f("log", f("abs", y)))  # the square of y is lost
    size = where(f("eq", distance, 0), close, 0.25 * f("log1p", u * 4 / distance))
    # Far out, where squares overflow, 1 / z is left beside the quarter turn.
    limit = _FAR[x.dtype]
    far = (u > limit) | (f("abs", y) > limit)
    inverse = _div(_one(a), a)
    turn = f("copysign", Const(math.pi / 2, x.dtype), y)
    return (where(far, inverse[0], f("copysign", size, x)),
            where(far, inverse[1] + turn, 0.5 * f("atan2", y * 2, (1 - x) * (x + 1) - y * y)))


def _rotated(function: Any) -> Any:
    """g(z) = f(iz) / i."""
    return lambda a: _over_i(function(_times_i(a)))


def _where(c: Expr, a: Pair, b: Pair) -> Pair:
    zero = _absent(a[1]) and _absent(b[1])
    return where(c, a[0], b[0]), a[1] if zero else where(c, a[1], b[1])


primitives.lowerings.update({
    "add": _add, "sub": _sub, "mul": _mul, "div": _div, "neg": _neg, "conj": _conj, "sign": _sign,
    "fma": lambda a, b, c: _add(_mul(a, b), c), "where": _where,
    "abs": lambda a: f("hypot", *a), "angle": lambda a: f("atan2", a[1], a[0]),
    "real": lambda a: a[0], "imag": lambda a: a[1], "pair": lambda re, im: (re, im),
    "eq": lambda a, b: f("eq", a[0], b[0]) & f("eq", a[1], b[1]),
    "ne": lambda a, b: f("ne", a[0], b[0]) | f("ne", a[1], b[1]),
    "is_nan": lambda a: f("is_nan", a[0]) | f("is_nan", a[1]),
    "exp": _exp, "exp2": lambda a: _exp(_scale(a, math.log(2))), "expm1": _expm1,
    "log": _log, "log2": lambda a: _scale(_log(a), 1 / math.log(2)),
    "log10": lambda a: _scale(_log(a), 1 / math.log(10)), "log1p": _log1p,
    "sqrt": _sqrt, "rsqrt": _rsqrt, "pow": _pow, "sigmoid": _sigmoid,
    "sinh": _sinh, "cosh": _cosh, "tanh": _tanh,
    "sin": _rotated(_sinh), "cos": lambda a: _cosh(_times_i(a)), "tan": _rotated(_tanh),
    "asin": _asin, "acos": _acos, "acosh": _acosh, "atanh": _atanh,
    "asinh": _rotated(_asin), "atan": _rotated(_atanh),
})
