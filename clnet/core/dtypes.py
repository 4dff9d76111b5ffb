"""Element types and their promotion, after PyTorch's rules.

A :class:`DType` is an immutable description; the instances below are the only ones.  ``bfloat16``
has no NumPy counterpart: its storage is ``uint16`` holding the upper half of a float32.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False, slots=True)
class DType:
    """An element type.

    Attributes:
        name: PyTorch's name, e.g. ``"float32"``.
        itemsize: size of one element in bytes.
        kind: ``"bool"``, ``"int"``, ``"float"`` or ``"complex"``; the order is that of promotion.
        rank: order of promotion inside one kind.
        storage: the NumPy dtype that holds an element's bits.
    """

    name: str
    itemsize: int
    kind: str
    rank: int
    storage: np.dtype
    is_signed: bool = True

    @property
    def is_floating_point(self) -> bool:
        return self.kind == "float"

    @property
    def is_complex(self) -> bool:
        return self.kind == "complex"

    @property
    def is_inexact(self) -> bool:
        """Whether gradients exist for it: a floating or complex type."""
        return self.kind in ("float", "complex")

    def to_real(self) -> DType:
        return _REAL.get(self, self)

    def to_complex(self) -> DType:
        return _COMPLEX.get(self, self)

    def __repr__(self) -> str:
        return f"clnet.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (dtype_named, (self.name,))

    def __deepcopy__(self, memo: Any) -> DType:
        return self


bool_ = DType("bool", 1, "bool", 0, np.dtype("bool"), False)
uint8 = DType("uint8", 1, "int", 0, np.dtype("uint8"), False)
int8 = DType("int8", 1, "int", 0, np.dtype("int8"))
int16 = DType("int16", 2, "int", 1, np.dtype("int16"))
int32 = DType("int32", 4, "int", 2, np.dtype("int32"))
int64 = DType("int64", 8, "int", 3, np.dtype("int64"))
# Wider unsigned types have no common type with other integers, as in PyTorch.
uint16 = DType("uint16", 2, "int", 4, np.dtype("uint16"), False)
uint32 = DType("uint32", 4, "int", 5, np.dtype("uint32"), False)
uint64 = DType("uint64", 8, "int", 6, np.dtype("uint64"), False)
float16 = DType("float16", 2, "float", 0, np.dtype("float16"))
bfloat16 = DType("bfloat16", 2, "float", 0, np.dtype("uint16"))
float32 = DType("float32", 4, "float", 1, np.dtype("float32"))
float64 = DType("float64", 8, "float", 2, np.dtype("float64"))
complex64 = DType("complex64", 8, "complex", 1, np.dtype("complex64"))
complex128 = DType("complex128", 16, "complex", 2, np.dtype("complex128"))

ALL = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64,
       complex64, complex128, uint16, uint32, uint64)
_BAREBONES = (uint16, uint32, uint64)
_BY_NAME = {d.name: d for d in ALL}
_BY_STORAGE = {d.storage: d for d in ALL if d is not bfloat16}
_REAL = {complex64: float32, complex128: float64}
_COMPLEX = {float16: complex64, bfloat16: complex64, float32: complex64, float64: complex128}
_KINDS = ("bool", "int", "float", "complex")
# What PyTorch's messages call the types.
SCALAR_NAMES = {bool_: "Bool", uint8: "Byte", int8: "Char", int16: "Short", int32: "Int", int64: "Long",
                float16: "Half", bfloat16: "BFloat16", float32: "Float", float64: "Double",
                complex64: "ComplexFloat", complex128: "ComplexDouble", uint16: "UInt16", uint32: "UInt32",
                uint64: "UInt64"}
# PyTorch's other names for the same types.
ALIASES = {"half": float16, "float": float32, "double": float64, "short": int16, "int": int32,
           "long": int64, "cfloat": complex64, "cdouble": complex128}


def dtype_named(name: str) -> DType:
    """The type of that name; ``KeyError`` if there is none."""
    return _BY_NAME[name] if name in _BY_NAME else ALIASES[name]


def from_numpy(dtype: Any) -> DType:
    """The type that stores a NumPy dtype's elements.

    Raises:
        TypeError: clnet has no such type (strings, objects).
    """
    d = np.dtype(dtype)
    found = _BY_STORAGE.get(d if d.isnative else d.newbyteorder("="))
    if found is None:
        raise TypeError(f"can't convert a numpy array of dtype {d}; the supported types are "
                        f"{', '.join(str(k) for k in _BY_STORAGE)}")
    return found


class Defaults:
    """The floating type that Python floats take (``set_default_dtype``)."""

    floating: DType = float32


def get_default_dtype() -> DType:
    """The floating type of new tensors made from Python floats."""
    return Defaults.floating


def set_default_dtype(dtype: DType) -> None:
    """Set the type of new floating tensors; only floating types are accepted (TypeError)."""
    if not isinstance(dtype, DType) or not dtype.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {dtype}")
    Defaults.floating = dtype


def scalar_dtype(value: Any) -> DType:
    """The type a Python number has when it meets no tensor of its kind."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return Defaults.floating
    if isinstance(value, (complex, np.complexfloating)):
        return Defaults.floating.to_complex()
    raise TypeError(f"expected a number, got {type(value).__name__}")


def holds(dtype: DType, value: Any) -> bool:
    """Whether a Python number fits the type's range, as PyTorch checks it (fractions are cut off).

    Infinities fit floating types; unsigned types take negative numbers, which wrap.
    """
    if isinstance(value, complex):
        return dtype.is_complex or value.imag == 0
    if dtype is bool_ or isinstance(value, bool):
        return True
    if dtype.kind == "int":
        limits = np.iinfo(dtype.storage)
        low = limits.min if dtype.is_signed else -limits.max
        return value == value and low <= value <= limits.max
    if value != value or value in (float("inf"), float("-inf")):
        return True
    top = 3.3895313892515355e38 if dtype is bfloat16 else float(np.finfo(dtype.to_real().storage).max)
    return abs(value) <= top


def promote(a: DType, b: DType) -> DType:
    """The smallest type that holds both, by PyTorch's table (``promote_types``).

    Raises:
        RuntimeError: an unsigned type wider than uint8 with another type that is not floating.
    """
    if a is b:
        return a
    if (a in _BAREBONES or b in _BAREBONES) and not (a.is_floating_point or b.is_floating_point):
        raise RuntimeError("Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
                           f"{SCALAR_NAMES[a]} and {SCALAR_NAMES[b]}")
    if a.kind != b.kind:
        low, high = sorted((a, b), key=lambda d: _KINDS.index(d.kind))
        if high.kind == "complex" and low.kind == "float":
            return promote(high, low.to_complex())
        return high
    if a.kind == "int" and a.rank == b.rank:  # uint8 with int8
        return int16
    if a.rank == b.rank:  # float16 with bfloat16
        return float32
    return a if a.rank > b.rank else b


def result_type(tensors: list[tuple[DType, int]], scalars: list[Any]) -> DType:
    """PyTorch's ``result_type``: tensors with dimensions decide, then 0-d tensors, then numbers.

    Args:
        tensors: (dtype, number of dimensions) of each tensor operand.
        scalars: the Python numbers among the operands.

    A weaker class changes the result only where its kind is higher than the stronger class's.
    """
    best: DType | None = None
    for group in ([d for d, n in tensors if n > 0], [d for d, n in tensors if n == 0],
                  [scalar_dtype(s) for s in scalars]):
        part: DType | None = None
        for d in group:
            part = d if part is None else promote(part, d)
        if part is None:
            continue
        if best is None:
            best = part
        elif _KINDS.index(part.kind) > _KINDS.index(best.kind):
            # A weaker complex operand keeps the precision of the stronger floating class.
            best = best.to_complex() if best.kind == "float" else part
    if best is None:
        raise TypeError("result_type needs at least one operand")
    return best


def can_cast(source: DType, target: DType) -> bool:
    """Whether an in-place or ``out=`` result of ``source`` may be written to ``target``."""
    return _KINDS.index(source.kind) <= _KINDS.index(target.kind) and not (
        target is bool_ and source is not bool_)


# Python's own types, which PyTorch takes for dtypes.
PYTHON_TYPES: dict[Any, DType] = {bool: bool_, int: int64, float: float64, complex: complex128}


def taking_python_types(function: F) -> F:
    """Decorates functions with a ``dtype=`` so that it may be Python's bool, int, float or complex."""
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs and type(kwargs.get("dtype")) is type:
            kwargs["dtype"] = PYTHON_TYPES.get(kwargs["dtype"], kwargs["dtype"])
        return function(*args, **kwargs)
    return call  # type: ignore[return-value]
