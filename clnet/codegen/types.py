"""How element types appear in OpenCL C: in memory, in registers, and on the way between.

float16 and bfloat16 are storage types: in registers both are float.  bool is a uchar of 0 or 1.
``width`` complex numbers are one vector of twice as many reals, real and imaginary parts in turn:
``.even`` and ``.odd`` of it.
"""
from __future__ import annotations

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import DType

# float64 in kernels of devices without it (see codegen/softdouble.py); no type of tensors.
FLOAT64_BITS = DType("float64_bits", 8, "int", 4, np.dtype("int64"))

# Kernels on CPUs that touch so many bytes write past the caches: what they wrote would push out what is
# yet to be read, and be gone itself before anybody reads it.
STREAM_BYTES = 40 << 20

_MEMORY = {dt.bool_: "uchar", dt.uint8: "uchar", dt.int8: "char", dt.int16: "short", dt.int32: "int",
           dt.int64: "long", dt.uint16: "ushort", dt.uint32: "uint", dt.uint64: "ulong",
           FLOAT64_BITS: "long", dt.float16: "half", dt.bfloat16: "ushort", dt.float32: "float",
           dt.float64: "double", dt.complex64: "float2", dt.complex128: "double2"}
_MASK = {1: "char", 2: "short", 4: "int", 8: "long"}


def memory_type(dtype: DType) -> str:
    """The C type of an element in a buffer."""
    return _MEMORY[dtype]


def register_dtype(dtype: DType) -> DType:
    """The type in which an element is held while computing (PyTorch's opmath type)."""
    return dt.float32 if dtype in (dt.float16, dt.bfloat16) else dtype


def register_type(dtype: DType, width: int = 1) -> str:
    """The C type of ``width`` elements in registers."""
    if dtype.is_complex:
        return f"{_MEMORY[dtype.to_real()]}{2 * width}"
    return _MEMORY[register_dtype(dtype)] + (str(width) if width > 1 else "")


def mask_type(dtype: DType, width: int) -> str:
    """The C type of a comparison of two values of that type (a vector mask: 0 or -1)."""
    return _MASK[register_dtype(dtype).to_real().itemsize] + str(width) if width > 1 else "int"


def load(dtype: DType, pointer: str, index: str, width: int = 1) -> str:
    """C expression reading ``width`` consecutive elements from ``pointer + index``."""
    if dtype is dt.float16:
        return (f"vload_half{width}(0, {pointer} + {index})" if width > 1
                else f"vload_half({index}, {pointer})")
    if dtype.is_complex and width > 1:
        part = _MEMORY[dtype.to_real()]
        return f"load_{part}{2 * width}({pointer} + {index})"
    raw = f"load_{_MEMORY[dtype]}{width}({pointer} + {index})" if width > 1 else f"{pointer}[{index}]"
    return f"bf16_decode{width}({raw})" if dtype is dt.bfloat16 else raw


def store(dtype: DType, pointer: str, index: str, value: str, width: int = 1) -> str:
    """C statement writing ``width`` consecutive elements (round to nearest even)."""
    if dtype is dt.float16:
        return f"store_half{width}({value}, {pointer} + {index if width > 1 else f'({index})'});"
    if dtype is dt.bfloat16:
        value = f"bf16_encode{width}({value})"
    if dtype.is_complex and width > 1:
        part = _MEMORY[dtype.to_real()]
        return f"store_{part}{2 * width}({value}, {pointer} + {index});"
    return (f"store_{_MEMORY[dtype]}{width}({value}, {pointer} + {index});" if width > 1
            else f"{pointer}[{index}] = {value};")


def stream(dtype: DType, pointer: str, index: str, value: str, width: int) -> str:
    """``store`` that goes past the caches if the place is aligned."""
    plain = store(dtype, pointer, index, value, width)
    if dtype.itemsize * width < 64:
        return plain
    vector = f"{_MEMORY[dtype.to_real()]}{2 * width if dtype.is_complex else width}"
    return (f"if ((ulong)({pointer} + {index}) & (sizeof({vector}) - 1)) {plain}\n"
            f"else STORE_PAST({value}, (__global {vector} *)({pointer} + {index}));")


def splat(dtype: DType, value: str, width: int) -> str:
    """C expression of ``width`` copies of one register value."""
    copies = ", ".join([value] * width) if dtype.is_complex else value
    return f"({register_type(dtype, width)})({copies})"


def gather(dtype: DType, array: str, width: int) -> str:
    """C expression of the vector of a private array's ``width`` register values."""
    if dtype.is_complex:
        return f"vload{2 * width}(0, (const {_MEMORY[dtype.to_real()]} *){array})"
    return f"vload{width}(0, {array})"


def spread(dtype: DType, value: str, array: str, width: int) -> str:
    """C statement writing a vector's ``width`` register values to a private array."""
    if dtype.is_complex:
        return f"vstore{2 * width}({value}, 0, ({_MEMORY[dtype.to_real()]} *){array});"
    return f"vstore{width}({value}, 0, {array});"


def product(dtype: DType, a: str, b: str, width: int = 1) -> str:
    """C expression of the product of two register values."""
    if dtype.is_complex:
        return f"complex_product_{register_type(dtype, width)}({a}, {b})"
    return f"({a} * {b})"


def literal(value: complex, dtype: DType, width: int = 1) -> str:
    """A C constant; exact for floats."""
    if dtype.is_complex:
        part = dtype.to_real()
        both = f"{literal(complex(value).real, part)}, {literal(complex(value).imag, part)}"
        return f"(({register_type(dtype, width)})({', '.join([both] * width)}))"
    if dtype.is_floating_point:
        number = float(value.real)
        if number != number:
            text = "NAN"
        elif number in (float("inf"), float("-inf")):
            text = "INFINITY" if number > 0 else "(-INFINITY)"
        elif register_dtype(dtype) is dt.float32:
            text = f"{number.hex()}f"
        else:
            text = number.hex()
        text = f"({text})" if text.startswith("-") else text
    elif dtype is dt.bool_:
        text = "1" if value else "0"
    else:
        whole = int(value.real)
        if whole == -(1 << 63):
            text = "LONG_MIN"
        else:
            text = f"({whole}{'' if dtype.itemsize < 8 else 'L' if dtype.is_signed else 'UL'})"
    return f"(({register_type(dtype, width)})({text}))"


def convert(value: str, source: DType, target: DType, width: int = 1) -> str:
    """C expression converting registers of one type to another with PyTorch's meaning.

    Floats are truncated towards zero; narrower integers keep the low bits.
    """
    source, target = register_dtype(source), register_dtype(target)
    if source is target:
        return value
    if source.is_complex and target.is_complex:
        return f"convert_{register_type(target, width)}({value})"
    if source.is_complex and target is dt.bool_ and width == 1:
        return f"((uchar)(any({value} != {literal(0, source)})))"
    if target.is_complex and width == 1:
        part = target.to_real()
        return f"(({register_type(target)})({convert(value, source, part)}, {literal(0, part)}))"
    suffix = str(width) if width > 1 else ""
    if FLOAT64_BITS in (source, target):
        return _convert_bits(value, source, target, width)
    if target is dt.bool_:
        zero = literal(0, source, width)
        if width > 1:
            return f"convert_uchar{suffix}(-({value} != {zero}))"
        return f"((uchar)({value} != {zero}))"
    if source.is_floating_point and target.kind == "int" and target.itemsize < 4:
        # Out of range is undefined in C for narrow types; wrap through int as PyTorch does.
        value = f"convert_int{suffix}({value})"
    return f"convert_{_MEMORY[target]}{suffix}({value})"


def _convert_bits(value: str, source: DType, target: DType, width: int) -> str:
    """Between float64's bits and other registers: through float32, else through int64."""
    if source is FLOAT64_BITS:
        if target is dt.bool_:  # the sign of a zero does not count
            shifted = f"({value} << ({register_type(dt.int64, width)})(1))"
            return convert(shifted, dt.int64, target, width)
        middle = dt.float32 if target.is_floating_point else dt.int64
        name = "double_to_float" if middle is dt.float32 else "double_to_long"
        return convert(f"{name}{width}({value})", middle, target, width)
    middle = dt.float32 if source.is_floating_point else dt.int64
    name = "float_to_double" if middle is dt.float32 else "long_to_double"
    return f"{name}{width}({convert(value, source, middle, width)})"
