"""float64 on devices without it: elements are held and converted as their bits.

The conversions are integer arithmetic (IEEE 754 binary64, round to nearest even). Anything that
would compute in float64 is an error that names the operator.
"""
from __future__ import annotations

import struct

from ..core import dtypes as dt
from ..core.dtypes import DType
from ..core.errors import DeviceError
from .expr import Apply, Arg, Const, Expr, postorder
from .types import FLOAT64_BITS

# What moves elements or converts them.
_MOVES = ("cast", "where")


def held(dtype: DType) -> DType:
    """The type that stands for ``dtype`` in kernels of devices without float64."""
    return FLOAT64_BITS if dtype is dt.float64 else dtype


def bits(value: float) -> int:
    """A number's float64 representation as a signed integer."""
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def soften(name: str, exprs: tuple[Expr, ...], device: str) -> tuple[Expr, ...]:
    """The expressions with float64 replaced by its bits.

    Raises:
        DeviceError: one of them computes in float64.
    """
    memo: dict[Expr, Expr] = {}
    for e in postorder(*exprs):
        if isinstance(e, Apply):
            operands = tuple(memo[o] for o in e.operands)
            if any(o.dtype is FLOAT64_BITS for o in operands) and e.primitive.name not in _MOVES:
                raise DeviceError(
                    f"{name}: {device} has no float64 arithmetic (cl_khr_fp64); convert the operands "
                    "to float32 first, for instance by .float(), or compute on another device")
            memo[e] = Apply(e.primitive, operands, held(e.dtype))
        elif isinstance(e, Arg):
            memo[e] = Arg(e.index, held(e.dtype))
        elif e.dtype is dt.float64:
            assert isinstance(e, Const)
            memo[e] = Const(bits(e.value), FLOAT64_BITS)
        else:
            memo[e] = e
    return tuple(memo[e] for e in exprs)
