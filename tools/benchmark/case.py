"""What one line of a comparison is: operands, and what each library computes from them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Run = Callable[..., Any]
"""Takes the library (clnet, torch, numpy or tinygrad) and then the operands."""


@dataclass(frozen=True)
class Operand:
    """A tensor of standard normal numbers or, with ``high``, of int64 numbers from 0 to below it."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    high: int | None = None
    requires_grad: bool = False


@dataclass(frozen=True)
class Case:
    """One computation, the same in every library that has it.

    ``flops`` counts the floating-point operations of one call, an elementary function as one;
    ``nbytes`` is what has to be read and written at least.
    """

    name: str
    group: str
    operands: tuple[Operand, ...]
    run: Run
    """In PyTorch's interface, which clnet shares."""
    numpy: Run | None = None
    tinygrad: Run | None = None
    flops: float = 0.0
    nbytes: float = 0.0
    cotangent: tuple[int, ...] | None = None
    """Shape of what the result is differentiated against, () for a loss; None to compute it only."""
    calls: int = 1
    """Calls between two readings of the clock, which wait for all of them."""

    def function(self, library: str) -> Run | None:
        """What ``library`` computes, None where it has no such operation."""
        return {"numpy": self.numpy, "tinygrad": self.tinygrad}.get(library, self.run)


def floats(*shape: int, dtype: str = "float32", requires_grad: bool = False) -> Operand:
    """Standard normal numbers."""
    return Operand(shape, dtype, None, requires_grad)


def integers(high: int, *shape: int) -> Operand:
    """Indices below ``high``."""
    return Operand(shape, "int64", high)
