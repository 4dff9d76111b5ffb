"""Elementwise functions beyond plain arithmetic: stable logarithmic sums, parts of floats, limits."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..codegen.elementary import binary_exponent, mantissa
from ..codegen.expr import Const, Expr
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from ..core import return_types
from .arithmetic import pow as power
from .arithmetic import sub
from .declare import binary, composite, declared, unary

_INF = float("inf")


def _fmax(name: str, primitive: str, reference: Any) -> Any:
    def build(a: Expr, b: Expr) -> Expr:
        if not a.dtype.is_floating_point:
            return a | b if a.dtype is dt.bool_ and primitive == "max" else (
                a & b if a.dtype is dt.bool_ else f(primitive, a, b))
        return where(f("is_nan", a), b, where(f("is_nan", b), a, f(primitive, a, b)))
    side = "larger" if primitive == "max" else "smaller"
    return binary(name, build, f"The {side} of two elements; a NaN yields to a number.", tensors=True,
                  reference=reference)


fmax = _fmax("fmax", "max", np.fmax)
fmin = _fmax("fmin", "min", np.fmin)
hypot = binary("hypot", lambda a, b: f("hypot", a, b), "``sqrt(input**2 + other**2)`` without overflow.", tensors=True,
               refuses=("bool", "int"), inplace=True, reference=np.hypot,
               grads=lambda g, o, a, b: (where(f("eq", o, 0), 0, g * (a / o)), where(f("eq", o, 0), 0, g * (b / o))))


def _log_sum(base: float) -> Any:
    exp, log1p = ("exp", math.log1p) if base == math.e else ("exp2", None)

    def build(a: Expr, b: Expr) -> Expr:
        if a.dtype.is_complex:
            ahead = (f("real", a) > f("real", b)) | f("is_nan", a)
            top, away = where(ahead, a, b), where(ahead, b - a, a - b)
            return where(f("eq", f("abs", f("real", top)), _INF), top, top + f("log1p", f("exp", away)))
        top = where(a > b, a, where(f("is_nan", a), a, b))
        small = f(exp, -f("abs", a - b))
        rest = f("log1p", small)
        if log1p is None:
            rest = rest * (1 / math.log(2))
        # Equal infinities: their difference is NaN, their sum is themselves.
        return where(f("eq", a, b) & f("eq", f("abs", a), _INF), a, top + rest)

    def grads(g: Expr, o: Expr, a: Expr, b: Expr) -> Any:
        return tuple(where(f("eq", v, o), where(f("eq", a, b), g * 0.5, g), g * f(exp, v - o)) for v in (a, b))
    return build, grads


_logaddexp, _logaddexp_grads = _log_sum(math.e)
logaddexp = binary("logaddexp", _logaddexp, "``log(exp(input) + exp(other))`` without overflow.",
                   tensors=True, grads=_logaddexp_grads, refuses=("bool", "int"), reference=np.logaddexp)
_logaddexp2, _logaddexp2_grads = _log_sum(2)
logaddexp2 = binary("logaddexp2", _logaddexp2, "``log2(2**input + 2**other)`` without overflow.",
                    tensors=True, grads=_logaddexp2_grads, refuses=("bool", "int"), reference=np.logaddexp2)


def _xlogy_samples() -> Any:
    yield (np.array([0.0, 1.0, 2.0]), np.array([0.5, 2.0, 0.1])), {}


def _xlog(name: str, log: str, reference: Any, namespace: str = "") -> Any:
    def build(a: Expr, b: Expr) -> Expr:
        value = where(f("eq", a, 0), 0, a * f(log, b))
        return where(f("is_nan", b), b, value)

    def grads(g: Expr, o: Expr, a: Expr, b: Expr) -> Any:
        slope = a / b if log == "log" else a / (b + 1)
        return where(f("eq", a, 0) & (b <= (0 if log == "log" else -1)), 0, g * f(log, b)), g * slope
    return binary(name, build, f"``input * {log}(other)``, 0 where ``input`` is 0.", promotion="int_to_float",
                  grads=grads, samples=_xlogy_samples, reference=reference, inplace=not namespace,
                  namespace=namespace, method=not namespace)


def _np_xlog(log: Any) -> Any:
    return lambda a, b: np.where(np.isnan(b), b, np.where(a == 0, 0, a * log(b)))


xlogy = _xlog("xlogy", "log", _np_xlog(np.log))
xlog1py = _xlog("xlog1py", "log1p", _np_xlog(np.log1p), "special")
copysign = binary("copysign", lambda a, b: f("copysign", a, b), "``input``'s magnitude with ``other``'s sign.",
                  promotion="int_to_float", inplace=True, reference=np.copysign)


def _heaviside_samples() -> Any:
    yield (np.array([-1.0, 0.0, 2.0]), np.array([0.5, 0.5, 0.5])), {}


def _bind_heaviside(input: Any, values: Any) -> Any:
    """0, ``values`` or 1 as the element is negative, zero or positive.

    Raises:
        RuntimeError: the dtypes differ.  TypeError: a number for ``values``.
    """
    if isinstance(values, (int, float)):
        raise TypeError(f"heaviside(): argument 'values' (position 2) must be Tensor, not {type(values).__name__}")
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return (input, values), {}


heaviside = declared("heaviside", lambda a, b: where(f("eq", a, 0), b, where(a > 0, Const(1, a.dtype), 0)),
                     _bind_heaviside, _bind_heaviside.__doc__ or "", inplace=True,
                     samples=_heaviside_samples,
                     reference=lambda a, b: np.where(a == 0, b, (a > 0).astype(a.dtype)),
                     grads=lambda g, o, a, b: (None, None))


def _ldexp_samples() -> Any:
    yield (np.array([1.5, -2.0]), np.array([2.0, -1.0])), {}


ldexp = binary("ldexp", lambda a, b: a * f("exp2", b), "``input * 2**other``.", promotion="int_to_float", tensors=True,
               samples=_ldexp_samples, reference=lambda a, b: a * 2.0 ** b, inplace=True)


# Parts and neighbours of floats ---

def _bind_exponent(input: Any) -> Any:
    return (input,), {"dtype": dt.int32}


_mantissa = unary("_mantissa", mantissa, "", public=False,
                  grads=lambda g, o, x: (where(f("eq", o, x), g, g * (o / x)),))
_exponent = declared("_exponent", binary_exponent, _bind_exponent, "", public=False, differentiable=False)


def _frexp_samples() -> Any:
    yield (np.array([0.0, 1.0, -0.3, 1e-5, 700.0, -2.0]),), {}


@composite("elementary", samples=_frexp_samples, reference=np.frexp)
def frexp(input: Any) -> Any:
    """(mantissa, exponent) with ``input = mantissa * 2**exponent`` and the mantissa in [0.5, 1).

    The exponent is int32.

    Raises:
        RuntimeError: not a floating-point tensor.
    """
    if not input.dtype.is_floating_point:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return return_types.frexp(_mantissa(input), _exponent(input))


# Per 16-bit type: a little over half the relative spacing at a power of two, three quarters of the
# smallest number, and the largest.
_SPACING = {dt.float16: (1.0005 * 2.0 ** -11, 0.75 * 2.0 ** -24, 65504.0),
            dt.bfloat16: (1.0005 * 2.0 ** -8, 0.75 * 2.0 ** -133, (2 - 2.0 ** -7) * 2.0 ** 127)}


def _bind_nextafter(input: Any, other: Any) -> Any:
    spacing = _SPACING.get(dt.result_type([(x.dtype, x.ndim) for x in (input, other)], []))
    return (input, other), {"spacing": spacing} if spacing else {}


def _nextafter(a: Expr, b: Expr, spacing: tuple[float, float, float] | None = None) -> Expr:
    if spacing is None:
        return f("nextafter", a, b)
    # Registers are float32: a step that is rounded, on storing, to the neighbour.
    relative, smallest, largest = spacing
    step = f("max", f("abs", a) * relative, Const(smallest, a.dtype))
    moved = where(f("eq", f("abs", a), _INF), f("copysign", Const(largest, a.dtype), a), a + where(b > a, step, -step))
    return where(f("is_nan", a), a, where(f("is_nan", b) | f("eq", a, b), b, moved))


def _nextafter_samples() -> Any:
    # In float32, so that no derivative is tested: there is none.  Small, so that neighbours in every
    # type are close to the reference's; tests/ops/test_elementary.py looks at them exactly.
    a, b = [0.0, 1e-3, -1e-3, 3e-4, 1e-30], [1.0, 2.0, 5.0, -1.0, 1e-30]
    yield (np.array(a, "float32"), np.array(b, "float32")), {}


def _np_nextafter(a: Any, b: Any) -> Any:
    return np.nextafter(a.astype("float32"), b.astype("float32"))


nextafter = declared("nextafter", _nextafter, _bind_nextafter, "The next number after ``input`` towards ``other``.",
                     inplace=True, refuses=("bool", "int", "complex"), undefined=(0, 1),
                     samples=_nextafter_samples, reference=_np_nextafter)


# Integers ---

def _integer_samples() -> Any:
    yield (np.array([12, -18, 0, 7]), np.array([18, 12, 5, 0])), {}
    yield (np.array([[4], [9]]), np.array([6, 27, 30])), {}


def _lcm(a: Expr, b: Expr) -> Expr:
    divisor = f("gcd", a, b)
    product = f("quotient", f("abs", a), where(f("eq", divisor, 0), Const(1, a.dtype), divisor)) * f("abs", b)
    # What overflows narrow types wraps; C computes those as int, so their sign is not taken away.
    return f("abs", product) if a.dtype.itemsize >= 4 else product


gcd = binary("gcd", lambda a, b: f("gcd", a, b), "Greatest common divisors, not negative.", inplace=True, tensors=True,
             refuses=("bool", "float", "complex"), samples=_integer_samples, reference=np.gcd)
lcm = binary("lcm", _lcm, "Least common multiples, not negative.", inplace=True, tensors=True,
             refuses=("bool", "float", "complex"), samples=_integer_samples, reference=np.lcm)


def _float_power_samples() -> Any:
    x = np.array([[0.5, 1.0, 2.5], [3.0, 0.1, 1.5]])
    yield (x, 2), {}
    yield (x, np.array([2.0, 0.5, -1.0])), {}


def _kind(x: Any) -> Any:
    return dt.scalar_dtype(x) if isinstance(x, (int, float, complex)) else x.dtype


def _wide(x: Any, dtype: Any) -> Any:
    return x if isinstance(x, (int, float, complex)) else x.to(dtype)


@composite("elementary", samples=_float_power_samples, inplace=True,
           reference=lambda x, y: np.power(np.asarray(x, "float64"), y))
def float_power(input: Any, exponent: Any) -> Any:
    """``input`` to the power ``exponent``, in float64 (complex128 if either is complex)."""
    complex_ = any(_kind(v).is_complex for v in (input, exponent))
    dtype = dt.complex128 if complex_ else dt.float64
    return power(_wide(input, dtype), _wide(exponent, dtype))


@composite("elementary", samples=lambda: [((np.array([1.0, 2.0]), np.array([3.0, 5.0])), {})],
           reference=lambda a, b, alpha=1: b - alpha * a)
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other - alpha * input``."""
    if isinstance(input, (int, float, complex)):
        raise TypeError(f"rsub(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return sub(other, input, alpha=alpha)


@composite("elementary", samples=lambda: [((np.array([1.0, -2.0]), 0.0), {})], reference=np.maximum,
           inplace=True)
def clamp_min(input: Any, min: Any) -> Any:
    """Elements not below ``min``."""
    return input.clamp(min=min)


@composite("elementary", samples=lambda: [((np.array([1.0, -2.0]), 0.0), {})], reference=np.minimum,
           inplace=True)
def clamp_max(input: Any, max: Any) -> Any:
    """Elements not above ``max``."""
    return input.clamp(max=max)


# Replacing what is not a number ---

_LARGEST = {dt.float16: 65504.0, dt.bfloat16: (2 - 2.0 ** -7) * 2.0 ** 127, dt.float32: float(np.finfo("float32").max),
            dt.float64: float(np.finfo("float64").max)}


def _bind_nan_to_num(input: Any, nan: float | None = None, posinf: float | None = None,
                     neginf: float | None = None) -> Any:
    """NaN replaced by ``nan`` (0), infinities by the given or the type's largest numbers."""
    if not input.dtype.is_inexact:
        return (input, 0, 0, 0), {"dtype": input.dtype}
    if input.dtype.is_complex:
        return (input, 0.0, 0.0, 0.0), {"dtype": input.dtype}
    top = _LARGEST[input.dtype]
    return (input, nan or 0.0, top if posinf is None else posinf, -top if neginf is None else neginf), {}


def _nan_to_num(x: Expr, nan: Expr, high: Expr, low: Expr) -> Expr:
    if not x.dtype.is_inexact:
        return x
    x = where(f("is_nan", x), nan, x)
    return where(f("eq", x, _INF), high, where(f("eq", x, -_INF), low, x))


def _finite(x: Expr) -> Expr:
    return f("bit_not", f("is_nan", x)) & f("ne", f("abs", x), _INF)


nan_to_num = declared("nan_to_num", _nan_to_num, _bind_nan_to_num, _bind_nan_to_num.__doc__ or "", inplace=True,
                      grads=lambda g, o, x, nan, high, low: (where(_finite(x), g, 0), None, None, None),
                      samples=lambda: [((np.array([1.0, np.nan, np.inf, -np.inf]),),
                                        {"nan": 2.0, "posinf": 9.0, "neginf": -9.0})],
                      reference=lambda x, nan=None, posinf=None, neginf=None: np.nan_to_num(
                          x, nan=nan or 0.0, posinf=posinf, neginf=neginf))


def _infinite(name: str, value: float, reference: Any) -> Any:
    return unary(name, lambda x: f("eq", x, value) if x.dtype.is_inexact else Const(False, dt.bool_),
                 f"Whether an element is {value}.", promotion="always_bool", reference=reference, refuses=("complex",))


isposinf = _infinite("isposinf", _INF, np.isposinf)
isneginf = _infinite("isneginf", -_INF, np.isneginf)
signbit = unary("signbit", lambda x: f("copysign", Const(1.0, x.dtype), x) < 0 if x.dtype.is_floating_point
                else x < 0 if x.dtype.is_signed else Const(False, dt.bool_),
                "Whether the sign bit is set.", promotion="always_bool", reference=np.signbit, refuses=("complex",))
deg2rad = unary("deg2rad", lambda x: x * (math.pi / 180), "Degrees as radians.", promotion="int_to_float",
                refuses=("complex",), reference=np.deg2rad, inplace=True)
rad2deg = unary("rad2deg", lambda x: x * (180 / math.pi), "Radians as degrees.", promotion="int_to_float",
                refuses=("complex",), reference=np.rad2deg, inplace=True)


def _sinc(x: Expr) -> Expr:
    angle = x * math.pi
    return where(f("eq", x, 0), Const(1.0, x.dtype), f("sin", angle) / angle)


sinc = unary("sinc", _sinc, "``sin(pi x) / (pi x)``, 1 at 0.", promotion="int_to_float", reference=np.sinc,
             inplace=True, grads=lambda g, o, x: (where(f("eq", x, 0), 0, g * ((f("cos", x * math.pi) - o) / x)),))

