"""The frequencies that the elements of a discrete Fourier transform belong to."""
from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core.dtypes import DType
from .ranges import arange
from .tensor import Tensor


def fftfreq(n: int, d: float = 1.0, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False,
            layout: Any = None, pin_memory: bool = False, out: Tensor | None = None) -> Tensor:
    """The frequencies of ``fft`` of n samples ``d`` apart, in cycles per unit: (n,), negative ones last."""
    kind = dtype or dt.get_default_dtype()
    steps: Any = arange(n, dtype=kind, device=device)
    steps = steps - (steps > (n - 1) // 2).to(kind) * n
    return _finished(steps, n * d, requires_grad, out)


def rfftfreq(n: int, d: float = 1.0, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False,
             layout: Any = None, pin_memory: bool = False, out: Tensor | None = None) -> Tensor:
    """The frequencies of ``rfft`` of n samples ``d`` apart, in cycles per unit: (n // 2 + 1,)."""
    steps = arange(n // 2 + 1, dtype=dtype or dt.get_default_dtype(), device=device)
    return _finished(steps, n * d, requires_grad, out)


def _finished(steps: Any, span: float, requires_grad: bool, out: Any) -> Tensor:
    made: Any = steps / span
    if out is not None:
        return out.resize_(made.shape).copy_(made)
    return made.requires_grad_() if requires_grad else made
