"""Kernels behind creation: ranges and fills."""
from __future__ import annotations

from typing import Any

from ..codegen.expr import Expr
from ..codegen.primitives import f, where
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.plan import Plan, Position
from ..kernels import elementwise as kernel
from .declare import planner


def _bind_range(count: int, start: Any, step: Any, dtype: Any, device: Any) -> Any:
    return (start, step), {"count": count, "dtype": dtype, "device": device}


def _range(start: Expr, step: Expr, position: Expr) -> list[Expr]:
    if start.dtype.is_floating_point:
        return [f("fma", position, step, start)]
    return [position * step + start]


def _plan_range(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    layout = lay.dense((attrs["count"],), attrs["dtype"])
    return kernel.plan("arange", _range, (*operands, Position()), attrs["dtype"], (layout,), caps)


arange_fill = planner("_arange", _bind_range, _plan_range, family="creation", public=False)


def _bind_line(count: int, start: float, end: float, dtype: Any, device: Any) -> Any:
    step = (end - start) / (count - 1) if count > 1 else 0.0
    # Counted from the nearer end, as PyTorch does, so that both ends are exact.
    return (start, end, step, count // 2, max(count - 1, 0)), {"count": count, "dtype": dtype, "device": device}


def _line(start: Expr, end: Expr, step: Expr, half: Expr, last: Expr, position: Expr) -> list[Expr]:
    forth, back = f("fma", position, step, start), f("fma", position - last, step, end)
    return [where((position < half) | f("eq", last, 0), forth, back)]


def _plan_line(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    layout = lay.dense((attrs["count"],), attrs["dtype"])
    # Integers are truncated: they need the digits of float64 where there are any.
    compute = attrs["dtype"] if attrs["dtype"].is_floating_point else dt.float64 if caps.fp64 else dt.float32
    return kernel.plan("linspace", _line, (*operands, Position()), register_dtype(compute), (layout,), caps)


linspace_fill = planner("_linspace", _bind_line, _plan_line, family="creation", public=False)


def _plan_fill(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    target = out[0] if out is not None else lay.dense(attrs["shape"], attrs["dtype"])
    return kernel.plan("fill", lambda value: [value], operands, target.dtype, (target,), caps)


# Writes a number over a tensor, or over a new one of the given shape, dtype and device.
fill = planner("_fill", lambda value, **attrs: ((value,), attrs), _plan_fill, family="creation",
               vjp=lambda ctx, g: (None,), public=False)
