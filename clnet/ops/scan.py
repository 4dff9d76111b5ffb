"""Scans along a dimension: running sums, products, extremes, log-sum-exps."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dispatch, return_types
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.op import Op
from ..core.plan import Plan
from ..kernels import scan as kernel
from .comparison import eq, where
from .complex import conj
from .declare import composite, planner
from .join import cat
from .view import narrow


def _planned(name: str, combine: str) -> Callable[..., Plan]:
    def plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        return kernel.plan(name, combine, operands, attrs["dim"], attrs["dtype"], attrs["reverse"], caps)
    return plan


def _bind(input: Any, dim: int, dtype: Any = None, reverse: bool = False) -> Any:
    result = dtype or (input.dtype if input.dtype.is_inexact else dt.int64)
    return (input,), {"dim": lay.wrap_dim(dim, input.ndim), "dtype": result, "reverse": reverse}


def _again(op: Any, *operands: Any, **attrs: Any) -> Any:
    return dispatch.stack.top.run(op, operands, attrs)


def _backwards(ctx: Any) -> dict[str, Any]:
    """The attributes of the scan from the other end, in the operand's dtype."""
    return {"dim": ctx.attrs["dim"], "dtype": ctx.layouts[0].dtype, "reverse": not ctx.attrs["reverse"]}


def _samples() -> Any:
    x = np.linspace(-1.5, 2.0, 24).reshape(2, 3, 4)
    for dim in (0, 1, -1):
        yield (x, dim), {}
    yield (np.array(2.0), 0), {}
    yield (np.zeros((0, 3)), 1), {}


def _bind_plain(input: Any, dim: int, *, dtype: Any = None) -> Any:
    return _bind(input, dim, dtype)


def _flat(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim: f(np.atleast_1d(x), dim).reshape(x.shape)


running_sum: Op = planner(
    "_cumsum", _bind_plain, _planned("cumsum", "sum"), family="scan", linear=True, public=False,
    vjp=lambda ctx, g: (_again(running_sum, g, **_backwards(ctx)),))


@composite("scan", inplace=True, samples=_samples, reference=_flat(np.cumsum))
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running sums along a dimension; integers are summed as int64."""
    return running_sum(input, dim, dtype=dtype)


# y[i] = a[i] * y[i-1] + x[i]: closed under differentiation, and what cumprod's derivative is.
def _linear_vjp(ctx: Any, g: Any) -> tuple[Any, Any]:
    dim, reverse = ctx.attrs["dim"], ctx.attrs["reverse"]
    a, y = ctx.operands[1], ctx.outputs[0]
    n = g.shape[dim]
    following = _moved(a, dim, -1 if not reverse else 1, n)
    to_x = _again(linear_scan, g, conj(following), dim=dim, dtype=g.dtype, reverse=not reverse)
    return to_x, to_x * conj(_moved(y, dim, 1 if not reverse else -1, n))


def _moved(x: Any, dim: int, by: int, n: int) -> Any:
    """Elements moved one place along ``dim``, zero entering."""
    if not n:
        return x
    edge = narrow(x, dim, 0, 1) * 0
    parts = [edge, narrow(x, dim, 0, n - 1)] if by > 0 else [narrow(x, dim, 1, n - 1), edge]
    return cat(parts, dim)


linear_scan = planner("_linear_scan", lambda x, a, **attrs: ((x, a), attrs), _planned("linear_scan", "linear"),
                      family="scan", vjp=_linear_vjp, saves=(1,), saves_out=(0,), public=False)


def _cumprod_vjp(ctx: Any, g: Any) -> tuple[Any]:
    x, y, dim = ctx.operands[0], ctx.outputs[0], ctx.attrs["dim"]
    if not g.numel() or not x.ndim:
        return (g,)
    n = x.shape[dim]
    # The cotangent of y[i] collects those of all later products: a recurrence from the end.
    collected = _again(linear_scan, g, conj(_moved(x, dim, -1, n)), dim=dim, dtype=g.dtype, reverse=True)
    before = cat([narrow(y, dim, 0, 1) * 0 + 1, narrow(y, dim, 0, n - 1)], dim)
    return (collected * conj(before),)


running_prod = planner("_cumprod", _bind_plain, _planned("cumprod", "prod"), family="scan", vjp=_cumprod_vjp,
                       saves=(0,), saves_out=(0,), public=False)


@composite("scan", inplace=True, samples=_samples, reference=_flat(np.cumprod))
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running products along a dimension; integers are multiplied as int64."""
    return running_prod(input, dim, dtype=dtype)


def _bind_logcumsumexp(input: Any, dim: int) -> Any:
    """Logarithms of the running sums of exponentials along a dimension."""
    if not input.dtype.is_inexact:
        raise NotImplementedError(f"logcumsumexp: not implemented for {input.dtype}")
    return _bind(input, dim)


def _logcumsumexp_vjp(ctx: Any, g: Any) -> tuple[Any]:
    # c[i] = sum over j >= i of g[j] exp(y[i] - y[j]) is a recurrence whose factors are at most 1.
    x, y, dim = ctx.operands[0], ctx.outputs[0], ctx.attrs["dim"]
    if not g.numel() or not x.ndim:
        return (g,)
    following = _moved(y, dim, -1, y.shape[dim])
    factor = where(eq(y, following), 1.0, (y - following).exp())
    collected = _again(linear_scan, g, conj(factor), dim=dim, dtype=g.dtype, reverse=True)
    return (collected * conj(where(eq(x, y), 1.0, (x - y).exp())),)


logcumsumexp = planner("logcumsumexp", _bind_logcumsumexp, _planned("logcumsumexp", "logaddexp"), family="scan",
                       vjp=_logcumsumexp_vjp, saves=(0,), saves_out=(0,), samples=_samples,
                       reference=_flat(np.logaddexp.accumulate))



def _bind_extreme(input: Any, dim: int) -> Any:
    return (input,), {"dim": lay.wrap_dim(dim, input.ndim), "dtype": input.dtype, "reverse": False}


def _extreme_vjp(ctx: Any, g: Any, g_index: Any = None) -> tuple[Any]:
    dim, index = ctx.attrs["dim"], ctx.outputs[1]
    if not g.ndim:
        return (g,)
    return (g.new_zeros(tuple(g.shape)).scatter_add(dim, index, g),)


running_max = planner("_cummax", _bind_extreme, _planned("cummax", "max"), family="scan", vjp=_extreme_vjp,
                      saves_out=(1,), public=False)
running_min = planner("_cummin", _bind_extreme, _planned("cummin", "min"), family="scan", vjp=_extreme_vjp,
                      saves_out=(1,), public=False)


def _np_running(ufunc: Any, x: Any, dim: int) -> Any:
    values = ufunc.accumulate(np.atleast_1d(x), dim)
    places = np.arange(values.shape[dim]).reshape([-1 if d == dim % values.ndim else 1 for d in range(values.ndim)])
    index = np.maximum.accumulate(np.where(np.atleast_1d(x) == values, places, 0), dim)
    return values.reshape(x.shape), index.reshape(x.shape)


@composite("scan", samples=_samples, reference=lambda x, dim: _np_running(np.maximum, x, dim))
def cummax(input: Any, dim: int) -> return_types.cummax:
    """(values, indices) of the largest element so far; of equal ones the last."""
    return return_types.cummax(*running_max(input, dim))


@composite("scan", samples=_samples, reference=lambda x, dim: _np_running(np.minimum, x, dim))
def cummin(input: Any, dim: int) -> return_types.cummin:
    """(values, indices) of the smallest element so far; of equal ones the last."""
    return return_types.cummin(*running_min(input, dim))
