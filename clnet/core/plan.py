"""What a planner hands to an interpreter: layouts to allocate and kernels to launch.

Plain data: nothing here knows how a kernel is written or run.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .dtypes import DType
from .layout import Layout


@dataclass(frozen=True, slots=True)
class Operand:
    """The (base buffer, element offset * ``scale`` + ``shift``) pair of the call's tensor operand ``index``.

    A ``scale`` of 2 is for kernels that see a complex tensor as reals.
    """

    index: int
    shift: int = 0
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """The pair of output ``index``."""

    index: int
    shift: int = 0
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Temporary:
    """The pair of temporary ``index``, allocated for the call."""

    index: int
    shift: int = 0
    scale: int = 1


@dataclass(frozen=True, slots=True)
class ScalarOperand:
    """The value of the call's number operand ``index``, converted to ``dtype``."""

    index: int
    dtype: DType


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel launch.

    Attributes:
        spec: the KernelSpec, opaque here.
        global_size: work-items; a multiple of the spec's local size.
        args: Operand, Result, Temporary, ScalarOperand or a plain int/float, in kernel order.
    """

    spec: Any
    global_size: tuple[int, ...]
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The launches of one call.

    Attributes:
        outputs: layout of each result (when ``out`` was given, its layout).
        launches: in order; empty for results without elements.
        temporaries: layouts of scratch tensors.
        single: the result is one tensor, not a tuple.
    """

    outputs: tuple[Layout, ...]
    launches: tuple[Launch, ...]
    temporaries: tuple[Layout, ...] = ()
    single: bool = True


@dataclass(frozen=True, slots=True)
class Number:
    """Stands for a Python number among a planner's operands: its value comes at run time."""

    kind: str  # "bool", "int", "float" or "complex"


@dataclass(frozen=True, slots=True)
class Position:
    """Stands for the element's own index in row-major order, among a planner's operands."""
