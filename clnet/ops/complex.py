"""Complex numbers: their parts, made from parts, and the views between complex and real tensors.

A complex tensor's memory is that of a real one with a last dimension of two, so parts are views.
Conjugates are computed, not marked: ``is_conj`` is never true.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..codegen.complex import pair
from ..codegen.expr import Const, Expr
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.layout import Layout
from ..core.op import Op
from .comparison import copy
from .declare import composite, declared, unary
from .declare import view as declare_view
from .view import select


def _numbers() -> Any:
    return np.array([[1.0 + 2.0j, -0.5 + 0.25j, 3.0j], [-2.0 - 1.0j, 0.75 + 0j, -1.5 - 0.5j]])


def _complex_samples() -> Any:
    yield (_numbers(),), {}
    yield (np.array(0.5 - 2.0j),), {}


def _mixed_samples() -> Any:
    yield from _complex_samples()
    yield (np.array([[1.5, -2.0, 0.5], [3.0, -0.25, 1.0]]),), {}


# Views ---

def _bind_view_as_real(input: Any) -> Any:
    """A view of a complex tensor as reals, with a last dimension of (real, imaginary) part.

    Raises:
        RuntimeError: the elements are not complex.
    """
    if not input.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return (input,), {}


def _move_to_real(layout: Layout, offset: int) -> Any:
    strides = (*(2 * s for s in layout.strides), 1)
    return lay.make((*layout.shape, 2), strides, layout.dtype.to_real()), 2 * offset


def _np_view_as_real(x: Any) -> Any:
    return np.stack([x.real, x.imag], -1)


def _as_pairs(g: Any) -> Any:
    """A real tensor whose last dimension, of two, lies together in memory."""
    strides = g.layout.strides
    if strides[-1] != 1 or any(s % 2 for s in strides[:-1]) or g.storage_offset() % 2:
        return copy(g, dtype=g.dtype, dense=True)
    return g


view_as_real = declare_view(
    "view_as_real", _bind_view_as_real, _move_to_real, lambda ctx, g: (view_as_complex(_as_pairs(g)),),
    family="complex", method=False, samples=_complex_samples, reference=_np_view_as_real)


def _bind_view_as_complex(input: Any) -> Any:
    """A view of a real tensor whose last dimension holds (real, imaginary) parts as complex numbers.

    Raises:
        RuntimeError: not float32 or float64, or the last dimension is not two neighbours in memory.
    """
    if input.dtype not in (dt.float32, dt.float64):
        raise RuntimeError("view_as_complex is only supported for half, float and double tensors, but got a "
                           f"tensor of scalar type: {input.dtype}")
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.layout.strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s in input.layout.strides[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if input.storage_offset() % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    return (input,), {}


def _move_to_complex(layout: Layout, offset: int) -> Any:
    strides = tuple(s // 2 for s in layout.strides[:-1])
    return lay.make(layout.shape[:-1], strides, layout.dtype.to_complex()), offset // 2


view_as_complex: Op = declare_view(
    "view_as_complex", _bind_view_as_complex, _move_to_complex, lambda ctx, g: (view_as_real(g),),
    family="complex", method=False, reference=lambda x: x[..., 0] + 1j * x[..., 1],
    samples=lambda: [((np.arange(12.0).reshape(2, 3, 2),), {}), ((np.array([1.0, 2.0]),), {})])


@composite("complex", method=False, samples=_mixed_samples, reference=np.real)
def real(input: Any) -> Any:
    """The real parts, as a view; a real tensor itself."""
    return select(view_as_real(input), -1, 0) if input.dtype.is_complex else input


@composite("complex", method=False, samples=_complex_samples, reference=np.imag)
def imag(input: Any) -> Any:
    """The imaginary parts, as a view.

    Raises:
        RuntimeError: the elements are not complex.
    """
    if not input.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return select(view_as_real(input), -1, 1)


# Parts as values ---

conj_physical = unary("conj_physical", lambda x: f("conj", x), "Complex conjugates; real elements as they are.",
                      samples=_mixed_samples, reference=np.conj, inplace=True)


@composite("complex", samples=_mixed_samples, reference=np.conj)
def conj(input: Any) -> Any:
    """Complex conjugates; a real tensor itself."""
    return conj_physical(input) if input.dtype.is_complex else input


@composite("complex", samples=_mixed_samples, aliases=("resolve_neg",), reference=lambda x: x)
def resolve_conj(input: Any) -> Any:
    """The tensor itself: conjugates and negatives are computed at once."""
    return input


def _angle(x: Expr) -> Expr:
    if x.dtype.is_complex:
        return f("angle", x)
    value = where(x < 0, Const(math.pi, x.dtype), 0)
    return where(f("is_nan", x), x, value)


angle = unary("angle", _angle, "The angle of a complex number, radians; 0 or pi for real ones.",
              promotion="int_to_float", part="real", samples=_mixed_samples,
              reference=lambda x: np.where(np.isnan(x), x.real, np.angle(x)))
isreal = unary("isreal", lambda x: f("eq", f("imag", x), 0) if x.dtype.is_complex else Const(True, dt.bool_),
               "Whether an element's imaginary part is 0.", promotion="always_bool",
               reference=np.isreal)
sgn = unary("sgn", lambda x: x if x.dtype is dt.bool_ else f("sign", x),
            "-1, 0 or 1 by sign; a complex number divided by its absolute value.",
            reference=lambda x: np.nan_to_num(np.sign(x)), inplace=True)


# Made of parts ---

def _check_parts(name: str, first: Any, second: Any, what: tuple[str, str]) -> None:
    for x in (first, second):
        if x.dtype not in (dt.float32, dt.float64, dt.float16):
            raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {first.dtype} "
                               f"and {second.dtype} ({name})")
    if first.dtype is not second.dtype:
        raise RuntimeError(f"Expected object of scalar type {first.dtype} but got scalar type {second.dtype} for "
                           f"second argument ({name}: {what[0]} and {what[1]} must have one dtype)")
    if first.dtype is dt.float16:
        raise NotImplementedError(f"{name}: complex numbers of half precision are not supported")


def _bind_complex(real: Any, imag: Any) -> Any:
    """Complex numbers of real and imaginary parts, float32 or float64.

    Raises:
        RuntimeError: other or unequal dtypes.
    """
    _check_parts("complex", real, imag, ("real", "imag"))
    return (real, imag), {}


def _bind_polar(abs: Any, angle: Any) -> Any:
    """Complex numbers of absolute values and angles (radians), float32 or float64.

    Raises:
        RuntimeError: other or unequal dtypes.
    """
    _check_parts("polar", abs, angle, ("abs", "angle"))
    return (abs, angle), {}


def _np_complex(re: Any, im: Any) -> Any:
    made = np.empty(np.broadcast_shapes(re.shape, im.shape), np.result_type(re.dtype, np.complex64))
    made.real, made.imag = re, im  # without arithmetic, which would make NaN of infinities
    return made


def _part_samples() -> Any:
    yield (np.array([[1.0, -2.0, 0.5]]), np.array([[0.5], [-1.5]])), {}


complex = declared("complex", pair, _bind_complex, _bind_complex.__doc__ or "", part="complex",
                   method=False, samples=_part_samples, reference=_np_complex)
polar = declared("polar", lambda r, t: pair(r * f("cos", t), r * f("sin", t)), _bind_polar, _bind_polar.__doc__ or "",
                 part="complex", method=False, samples=_part_samples,
                 reference=lambda r, t: _np_complex(r * np.cos(t), r * np.sin(t)))
