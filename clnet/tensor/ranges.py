"""Tensors of numbers in sequence: ranges, grids of steps, the coordinates of triangles."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import DType
from ..device import Device, current_device
from ..ops.arithmetic import pow as power
from ..ops.comparison import ge, le
from ..ops.complex import complex as complex_
from ..ops.creation import arange_fill, linspace_fill
from ..ops.index import coordinates
from .attach import attach
from .tensor import Tensor


def _device(device: Any) -> Device:
    return current_device() if device is None else Device(device)


def _finish(t: Tensor, requires_grad: bool, out: Tensor | None = None) -> Tensor:
    if out is not None:
        return out.resize_(t.shape).copy_(t)
    return t.requires_grad_() if requires_grad else t


def _number(value: Any) -> Any:
    """A number, also out of a tensor."""
    return value.item() if isinstance(value, Tensor) else value


def _bounds(start: Any, end: Any, step: Any) -> tuple[Any, Any, Any]:
    """The numbers of a range; ``start`` is the end where none is given."""
    if end is None:
        start, end = 0, start
    start, end, step = (_number(v) for v in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not all(map(math.isfinite, (start, end))):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    return start, end, step


@dt.taking_python_types
def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: DType | None = None, device: Any = None,
           requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
           out: Tensor | None = None) -> Tensor:
    """Numbers from ``start`` (0 if only one bound is given) up to ``end``, exclusive, by ``step``.

    Raises:
        RuntimeError: a zero step, or bounds that are not finite or that the step leads away from.
    """
    start, end, step = _bounds(start, end, step)
    real = any(isinstance(v, float) for v in (start, end, step))
    if dtype is None:
        dtype = out.dtype if out is not None else dt.get_default_dtype() if real else dt.int64
    if dtype is dt.bool_:
        raise NotImplementedError("arange is not implemented for bool")
    if dtype.kind == "int" and real:
        # The bounds are numbers of the dtype first, as PyTorch takes them; the count is by the given ones.
        count = math.ceil((end - start) / step)
        start, step = int(start), int(step)
    else:
        count = math.ceil((end - start) / step) if real else -(-(end - start) // step)
    return _finish(arange_fill(count, start, step, dtype=dtype, device=_device(device)), requires_grad, out)


@dt.taking_python_types
def range(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: DType | None = None, device: Any = None,
          requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
          out: Tensor | None = None) -> Tensor:
    """Numbers from ``start`` to ``end``, inclusive, by ``step``; PyTorch deprecates it for ``arange``.

    Raises:
        RuntimeError: a zero step, or bounds that are not finite or that the step leads away from.
    """
    start, end, step = _bounds(start, end, step)
    count = math.floor((end - start) / step) + 1
    dtype = dtype or (out.dtype if out is not None else dt.get_default_dtype())
    return _finish(arange_fill(count, start, step, dtype=dtype, device=_device(device)), requires_grad, out)


@dt.taking_python_types
def linspace(start: Any, end: Any, steps: int, *, dtype: DType | None = None, device: Any = None,
             requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
             out: Tensor | None = None) -> Tensor:
    """``steps`` evenly spaced numbers from ``start`` to ``end``, both included.

    Raises:
        RuntimeError: negative ``steps``, or bounds that are tensors with dimensions.
    """
    start, end = _bound("linspace", start), _bound("linspace", end)
    return _finish(_line(start, end, steps, _line_dtype(start, end, dtype), device), requires_grad, out)


@dt.taking_python_types
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: DType | None = None,
             device: Any = None, requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
             out: Tensor | None = None) -> Tensor:
    """``base`` to the power of ``steps`` evenly spaced exponents.

    Raises:
        RuntimeError: negative ``steps``, or bounds that are tensors with dimensions.
    """
    start, end = _bound("logspace", start), _bound("logspace", end)
    found = _line_dtype(start, end, dtype)
    if not found.is_inexact:
        start, end = int(start), int(end)
    exponents = _line(start, end, steps, found if found.is_inexact else _widest(_device(device)), device)
    powers = power(base, exponents).to(dtype=found)
    return _finish(powers, requires_grad, out)


def _widest(device: Device) -> DType:
    return dt.float64 if device.caps.fp64 else dt.float32


def _bound(name: str, value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    if value.ndim:
        raise RuntimeError(f"{name} only supports 0-dimensional start and end tensors, but got start or end with "
                           f"{value.ndim} dimension(s).")
    return value.item()


def _line_dtype(start: Any, end: Any, dtype: DType | None) -> DType:
    if dtype is None:
        dtype = dt.get_default_dtype()
        if isinstance(start, complex) or isinstance(end, complex):
            dtype = dtype.to_complex()
    return dtype


def _line(start: Any, end: Any, steps: int, dtype: DType, device: Any) -> Tensor:
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if not dtype.is_complex:
        kind = float if dtype.is_floating_point else int
        return linspace_fill(steps, float(kind(start)), float(kind(end)), dtype=dtype, device=_device(device))
    parts = [linspace_fill(steps, a, b, dtype=dtype.to_real(), device=_device(device)) for a, b in (
        (float(start.real), float(end.real)), (float(start.imag), float(end.imag)))]
    return complex_(*parts)


def _triangle(name: str, row: int, col: int, dtype: DType, device: Any) -> tuple[Any, Any]:
    """The numbers of rows, as a column, and of columns.

    Raises:
        RuntimeError: negative sizes.  NotImplementedError: not an integer dtype.
    """
    for label, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{label} must be non-negative, got{n}")
    if dtype.kind != "int":
        raise NotImplementedError(f"{name} is not implemented for {dtype}")
    return arange(row, device=device).unsqueeze(1), arange(col, device=device)


@dt.taking_python_types
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DType = dt.int64, device: Any = None,
                 layout: Any = None, pin_memory: bool = False) -> Tensor:
    """The coordinates (2, count) of the lower triangle of a matrix, in row-major order.

    Raises:
        RuntimeError: negative sizes.  NotImplementedError: not an integer dtype.
    """
    rows, columns = _triangle("tril_indices", row, col, dtype, device)
    count = int(np.clip(np.arange(row) + offset + 1, 0, col).sum())
    return coordinates(ge(rows, columns - offset), count).t().contiguous().to(dtype)


@dt.taking_python_types
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DType = dt.int64, device: Any = None,
                 layout: Any = None, pin_memory: bool = False) -> Tensor:
    """The coordinates (2, count) of the upper triangle of a matrix, in row-major order.

    Raises:
        RuntimeError: negative sizes.  NotImplementedError: not an integer dtype.
    """
    rows, columns = _triangle("triu_indices", row, col, dtype, device)
    count = int((col - np.clip(np.arange(row) + offset, 0, col)).sum())
    return coordinates(le(rows, columns - offset), count).t().contiguous().to(dtype)


# What the module table offers under these names.
FUNCTIONS = (arange, range, linspace, logspace, tril_indices, triu_indices)


def install() -> None:
    """Ranges on a tensor's device."""
    attach(Tensor, new_range=lambda self, n: arange(n, device=self.device))
