"""How element types appear in OpenCL C: in memory, in registers, and on the way between.

float16 and bfloat16 are storage types: in registers both are float.  bool is a uchar of 0 or 1.
"""
from __future__ import annotations

from ..core import dtypes as dt
from ..core.dtypes import DType

_MEMORY = {dt.bool_: "uchar", dt.uint8: "uchar", dt.int8: "char", dt.int16: "short", dt.int32: "int",
           dt.int64: "long", dt.float16: "half", dt.bfloat16: "ushort", dt.float32: "float",
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
    return _MEMORY[register_dtype(dtype)] + (str(width) if width > 1 else "")


def mask_type(dtype: DType, width: int) -> str:
    """The C type of a comparison of two values of that type (a vector mask: 0 or -1)."""
    return _MASK[register_dtype(dtype).itemsize] + str(width) if width > 1 else "int"


def load(dtype: DType, pointer: str, index: str, width: int = 1) -> str:
    """C expression reading ``width`` consecutive elements from ``pointer + index``."""
    if dtype is dt.float16:
        return (f"vload_half{width}(0, {pointer} + {index})" if width > 1
                else f"vload_half({index}, {pointer})")
    raw = f"vload{width}(0, {pointer} + {index})" if width > 1 else f"{pointer}[{index}]"
    return f"bf16_decode{width}({raw})" if dtype is dt.bfloat16 else raw


def store(dtype: DType, pointer: str, index: str, value: str, width: int = 1) -> str:
    """C statement writing ``width`` consecutive elements (round to nearest even)."""
    if dtype is dt.float16:
        return (f"vstore_half{width}_rte({value}, 0, {pointer} + {index});" if width > 1
                else f"vstore_half_rte({value}, {index}, {pointer});")
    if dtype is dt.bfloat16:
        value = f"bf16_encode{width}({value})"
    return (f"vstore{width}({value}, 0, {pointer} + {index});" if width > 1
            else f"{pointer}[{index}] = {value};")


def literal(value: complex, dtype: DType, width: int = 1) -> str:
    """A C constant; exact for floats."""
    if dtype.is_floating_point:
        number = float(value)  # type: ignore[arg-type]
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
            text = f"({whole}{'L' if dtype is dt.int64 else ''})"
    return f"(({register_type(dtype, width)})({text}))"


def convert(value: str, source: DType, target: DType, width: int = 1) -> str:
    """C expression converting registers of one type to another with PyTorch's meaning.

    Floats are truncated towards zero; narrower integers keep the low bits.
    """
    source, target = register_dtype(source), register_dtype(target)
    if source is target:
        return value
    suffix = str(width) if width > 1 else ""
    if target is dt.bool_:
        zero = literal(0, source, width)
        if width > 1:
            return f"convert_uchar{suffix}(-({value} != {zero}))"
        return f"((uchar)({value} != {zero}))"
    if source.is_floating_point and target.kind == "int" and target.itemsize < 4:
        # Out of range is undefined in C for narrow types; wrap through int as PyTorch does.
        value = f"convert_int{suffix}({value})"
    return f"convert_{_MEMORY[target]}{suffix}({value})"
