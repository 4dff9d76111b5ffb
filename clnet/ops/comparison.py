"""Comparisons, logic on bools and bits, selection, clamping and casts."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..codegen.expr import Const, Expr, cast
from ..codegen.primitives import f
from ..codegen.primitives import where as select
from ..core import dtypes as dt
from .declare import binary, declared, unary


def _comparison(name: str, symbol: str, reference: Any, **fields: Any) -> Any:
    return binary(name, lambda a, b: f(name, a, b), f"Whether ``input {symbol} other``.",
                  promotion="always_bool", reference=reference, inplace=True, **fields)


eq = _comparison("eq", "==", np.equal)
ne = _comparison("ne", "!=", np.not_equal, aliases=("not_equal",))
lt = _comparison("lt", "<", np.less, aliases=("less",))
le = _comparison("le", "<=", np.less_equal, aliases=("less_equal",))
gt = _comparison("gt", ">", np.greater, aliases=("greater",))
ge = _comparison("ge", ">=", np.greater_equal, aliases=("greater_equal",))


def _truth(x: Expr) -> Expr:
    return cast(x, dt.bool_)


def _logical(name: str, primitive: str, reference: Any) -> Any:
    return binary(name, lambda a, b: f(primitive, _truth(a), _truth(b)),
                  f"{name.split('_')[1].capitalize()} of the elements' truth values.",
                  promotion="always_bool", reference=reference, inplace=True, tensors=True)


logical_and = _logical("logical_and", "bit_and", np.logical_and)
logical_or = _logical("logical_or", "bit_or", np.logical_or)
logical_xor = _logical("logical_xor", "bit_xor", np.logical_xor)
logical_not = unary("logical_not", lambda x: f("bit_not", _truth(x)), "Negated truth values.",
                    promotion="always_bool", reference=np.logical_not, inplace=True)


def _bitwise(name: str, primitive: str, doc: str, reference: Any, **fields: Any) -> Any:
    return binary(name, lambda a, b: f(primitive, a, b), doc, reference=reference, inplace=True,
                  **{"refuses": ("float", "complex"), **fields})


bitwise_and = _bitwise("bitwise_and", "bit_and", "Bits set in both.", np.bitwise_and)
bitwise_or = _bitwise("bitwise_or", "bit_or", "Bits set in either.", np.bitwise_or)
bitwise_xor = _bitwise("bitwise_xor", "bit_xor", "Bits set in exactly one.", np.bitwise_xor)
bitwise_not = unary("bitwise_not", lambda x: f("bit_not", x), "Flipped bits; logical for bool.",
                    refuses=("float", "complex"), reference=np.invert, inplace=True)


def _shift_samples() -> Any:
    yield (np.array([1, -8, 100]), np.array([0, 1, 3])), {}
    yield (np.array([1, 2, 3]), 2), {}


bitwise_left_shift = _bitwise("bitwise_left_shift", "shift_left", "``input << other``.",
                              np.left_shift, refuses=("float", "complex", "bool"),
                              samples=_shift_samples)
bitwise_right_shift = _bitwise("bitwise_right_shift", "shift_right", "``input >> other``.",
                               np.right_shift, refuses=("float", "complex", "bool"),
                               samples=_shift_samples)

isnan = unary("isnan", lambda x: f("is_nan", x) if x.dtype.is_inexact else Const(False, dt.bool_),
              "Whether an element is NaN.", promotion="always_bool", reference=np.isnan)


def _is_inf(x: Expr) -> Expr:
    if not x.dtype.is_inexact:
        return Const(False, dt.bool_)
    if x.dtype.is_complex:
        return _is_inf(f("real", x)) | _is_inf(f("imag", x))
    return f("eq", f("abs", x), float("inf"))


isinf = unary("isinf", _is_inf, "Whether an element is infinite.", promotion="always_bool",
              reference=np.isinf)
isfinite = unary("isfinite", lambda x: f("bit_not", _is_inf(x)) & f("bit_not", f("is_nan", x))
                 if x.dtype.is_inexact else Const(True, dt.bool_),
                 "Whether an element is neither infinite nor NaN.", promotion="always_bool",
                 reference=np.isfinite)


def _bind_where(condition: Any, input: Any, other: Any) -> Any:
    return (condition, input, other), {}


def where_samples() -> Any:
    """A condition with tensors and numbers to choose from."""
    c = np.array([[True, False, True], [False, False, True]])
    x, y = np.arange(6.0).reshape(2, 3), np.array([-1.0, -2.0, -3.0])
    yield (c, x, y), {}
    yield (c, x, 0.5), {}
    yield (c, y, x), {}


# The public function, which also has a form with one operand, is in the gather family.
where = declared("where", lambda c, a, b: select(c, a, b), _bind_where, "", conditions=(0,), public=False)


def _bind_masked_fill(input: Any, mask: Any, value: Any) -> Any:
    if mask.dtype is not dt.bool_:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if isinstance(value, (int, float, complex)):
        if not dt.holds(input.dtype, value):
            raise RuntimeError(f"value cannot be converted to type {input.dtype} without overflow")
        if input.dtype.kind == "int" and not isinstance(value, int):
            value = int(value.real)  # so that the elements are not computed with as floats
    elif value.ndim:
        raise RuntimeError("masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                           f"{value.ndim} dimension(s).")
    elif input.dtype.kind == "int" and value.dtype is not input.dtype:
        value = value.to(input.dtype)
    return (input, mask, value), {"dtype": input.dtype}


def _masked_fill_samples() -> Any:
    for (c, x, _), _kw in list(where_samples())[:1]:
        yield (x, c, 0.5), {}


masked_fill = declared("masked_fill", lambda x, m, v: select(m, v, x), _bind_masked_fill,
                       "``value`` where ``mask`` holds, else the element.", conditions=(1,),
                       inplace=True, samples=_masked_fill_samples,
                       reference=lambda x, m, v: np.where(m, np.asarray(v, x.dtype), x))


def _bind_clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    operands = (input, *(v for v in (min, max) if v is not None))
    return operands, {"lower": min is not None, "upper": max is not None}


def _clamp(x: Expr, *limits: Expr, lower: bool, upper: bool) -> Expr:
    bounds = list(limits)
    if lower:
        x = f("max", x, bounds.pop(0))
    return f("min", x, bounds.pop(0)) if upper else x


def _clamp_grads(g: Expr, o: Expr, x: Expr, *limits: Expr, lower: bool, upper: bool) -> Any:
    bounds = list(limits)
    low = bounds.pop(0) if lower else None
    high = bounds.pop(0) if upper else None
    inside: Expr = Const(True, dt.bool_)
    grads: list[Expr] = []
    if low is not None:
        inside = inside & (x >= low)
    if high is not None:
        inside = inside & (x <= high)
    if low is not None:
        below = x < low
        if high is not None:
            below = below & (low <= high)
        grads.append(select(below, g, 0))
    if high is not None:
        above = x > high
        if low is not None:
            above = above | (low > high)
        grads.append(select(above, g, 0))
    return (select(inside, g, 0), *grads)


def _clamp_samples() -> Any:
    x = np.linspace(-2.0, 2.0, 12).reshape(3, 4)
    yield (x,), {"min": -1, "max": 1}
    yield (x,), {"min": 0.5}
    yield (x,), {"max": np.array([0.1, 0.3, -0.5, 1.7])}


clamp = declared("clamp", _clamp, _bind_clamp, "Elements limited to ``[min, max]``.",
                 grads=_clamp_grads, inplace=True, aliases=("clip",), samples=_clamp_samples,
                 reference=lambda x, min=None, max=None: np.clip(x, min, max), refuses=("bool",))


def _bind_cast(input: Any, dtype: Any, dense: bool = False) -> Any:
    return (input,), {"dtype": dtype, "dense": dense}


# Copies with conversion; Tensor.to, copy_ and contiguous are made of it.
copy = declared("_copy", lambda x: x, _bind_cast, "Elements converted to ``dtype``.",
                public=False)
