"""Kernels behind creation: ranges and fills."""
from __future__ import annotations

from typing import Any

from ..codegen.expr import Expr
from ..codegen.primitives import f
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


def _plan_fill(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    target = out[0] if out is not None else lay.dense(attrs["shape"], attrs["dtype"])
    return kernel.plan("fill", lambda value: [value], operands, target.dtype, (target,), caps)


# Writes a number over a tensor, or over a new one of the given shape, dtype and device.
fill = planner("_fill", lambda value, **attrs: ((value,), attrs), _plan_fill, family="creation",
               vjp=lambda ctx, g: (None,), public=False)
