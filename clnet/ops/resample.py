"""Resampling along one dimension: what padding and interpolation are made of."""
from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core.op import Op
from ..kernels import resample as kernel
from ..kernels.resample import Axis
from .declare import new_results, planner


def _bind(x: Any, axis: Axis, dim: int, adjoint: bool = False) -> Any:
    return (x.contiguous(),), {"axis": axis, "dim": dim, "adjoint": adjoint}


def _vjp(ctx: Any, g: Any) -> tuple[Any]:
    attrs = {**ctx.attrs, "adjoint": not ctx.attrs["adjoint"]}
    if g.dtype in (dt.float16, dt.bfloat16):
        # Sums are kept in memory: float32 until they are complete.
        return (resample(g.to(dt.float32), **attrs).to(g.dtype),)
    return (resample(g, **attrs),)


# Dimension ``dim`` of x resampled by ``axis``; with ``adjoint`` the transposed map.
resample: Op = planner("_resample", _bind, new_results(kernel.plan), family="resample", vjp=_vjp, linear=True,
                       public=False)
