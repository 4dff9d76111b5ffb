"""Reductions over dimensions."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen.expr import Const, Expr, cast
from ..codegen.primitives import f
from ..codegen.types import register_dtype
from ..core import dispatch, return_types
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.plan import Plan
from ..kernels import reduction as kernel
from .arithmetic import maximum, minimum
from .comparison import eq, where
from .complex import conj, real
from .declare import composite, planner
from .view import expand, permute, reshape, unsqueeze


def _bind(input: Any, dim: Any, keepdim: bool, **attrs: Any) -> Any:
    return (input,), {"dims": lay.wrap_dims(dim, input.ndim), "keepdim": bool(keepdim), **attrs}


def expand_reduced(g: Any, ctx: Any) -> Any:
    """A cotangent of a reduction's result, viewed in the operand's shape."""
    shape, dims = ctx.layouts[0].shape, ctx.attrs["dims"]
    # Leading dimensions need no place-holder: expand adds them.
    if not ctx.attrs["keepdim"] and dims != tuple(range(len(dims))):
        for d in dims:
            g = unsqueeze(g, d)
    return dispatch.stack.top.run(expand, (g,), {"size": tuple(shape)})


def _planned(describe: Callable[[DType, dict[str, Any]], kernel.Reduction]) -> Callable[..., Plan]:
    def plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        return kernel.plan(describe(operands[0].dtype, attrs), operands, attrs["dims"],
                           attrs["keepdim"], caps)
    return plan


def _sum_dtype(dtype: DType, given: DType | None) -> DType:
    if given is not None:
        return given
    return dtype if dtype.is_inexact else dt.int64


def _describe_sum(dtype: DType, attrs: dict[str, Any]) -> kernel.Reduction:
    result = _sum_dtype(dtype, attrs["dtype"])
    return kernel.Reduction("sum", "sum", lambda x: x, register_dtype(result), lambda v, n: v, result)


def axes(dim: Any) -> Any:
    """PyTorch's dimensions as NumPy's axes."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return None
    return tuple(dim) if isinstance(dim, (tuple, list)) else dim


def reduction_samples() -> Any:
    """Calls with every form of ``dim`` and ``keepdim``."""
    x = np.linspace(-2.0, 2.0, 24).reshape(2, 3, 4) ** 3 + 0.1
    for kw in ({}, {"dim": 1}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}, {"dim": (0, 1, 2), "keepdim": True}):
        yield (x,), kw
    yield (np.array(1.5),), {}
    yield (np.zeros((2, 0, 3)),), {"dim": 0}


def _samples_full() -> Any:
    yield from ((a, k) for a, k in reduction_samples() if not isinstance(k.get("dim"), tuple))


def _bind_sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum over dimensions (all by default); integers are summed as int64."""
    return _bind(input, dim, keepdim, dtype=dtype)


sum = planner("sum", _bind_sum, _planned(_describe_sum), family="reduction", linear=True,
              vjp=lambda ctx, g: (expand_reduced(g, ctx),), samples=reduction_samples,
              reference=lambda x, dim=None, keepdim=False, dtype=None: np.sum(x, axes(dim), keepdims=keepdim))


def sum_to_size(x: Any, shape: tuple[int, ...]) -> Any:
    """``x`` summed to a shape that broadcasts to its own."""
    shift = x.ndim - len(shape)
    dims = tuple(d for d in range(x.ndim) if d < shift or (shape[d - shift] == 1 and x.shape[d] != 1))
    if dims:
        x = dispatch.stack.top.run(sum, (x,), {"dims": dims, "keepdim": True, "dtype": None})
    return reshape(x, tuple(shape)) if x.ndim != len(shape) else x


def _float_result(name: str, dtype: DType, given: DType | None) -> DType:
    result = given or dtype
    if not result.is_inexact:
        raise RuntimeError(f"{name}(): could not infer output dtype. Input dtype must be either a "
                           f"floating point or complex dtype. Got: {result}")
    return result


def _describe_mean(dtype: DType, attrs: dict[str, Any]) -> kernel.Reduction:
    result = _float_result("mean", dtype, attrs["dtype"])
    return kernel.Reduction("mean", "sum", lambda x: x, register_dtype(result), lambda v, n: v / n, result)


def _bind_mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Mean over dimensions (all by default), of floating elements."""
    return _bind(input, dim, keepdim, dtype=dtype)


def _count(ctx: Any) -> int:
    return math.prod(ctx.layouts[0].shape[d] for d in ctx.attrs["dims"])


mean = planner("mean", _bind_mean, _planned(_describe_mean), family="reduction", linear=True,
               vjp=lambda ctx, g: (expand_reduced(g / (_count(ctx) or 1), ctx),), samples=reduction_samples,
               reference=lambda x, dim=None, keepdim=False, dtype=None: np.mean(x, axes(dim), keepdims=keepdim))


def _describe_prod(dtype: DType, attrs: dict[str, Any]) -> kernel.Reduction:
    result = _sum_dtype(dtype, attrs["dtype"])
    return kernel.Reduction("prod", "prod", lambda x: x, register_dtype(result), lambda v, n: v, result)


def _bind_prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Product over a dimension (all by default)."""
    if dim is not None and not isinstance(dim, int):
        raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
    return _bind(input, dim, keepdim, dtype=dtype)


def _others(x: Any, dims: tuple[int, ...]) -> Any:
    """The products of all other elements, by running products from both ends.

    Other than by division, they can be differentiated again where elements are zero.
    """
    if not x.numel() or not dims:
        return x * 0 + 1
    kept = tuple(d for d in range(x.ndim) if d not in dims)
    lines = reshape(permute(x, kept + dims), tuple(x.shape[d] for d in kept) + (-1,))
    first = eq(x.new_range(lines.shape[-1]), 0)

    def preceding(along: Any) -> Any:
        return where(first, 1.0, along.roll(1, -1)).cumprod(-1)

    back = reshape(preceding(lines) * preceding(lines.flip(-1)).flip(-1), tuple(x.shape[d] for d in kept + dims))
    order = kept + dims
    return permute(back, tuple(order.index(d) for d in range(x.ndim)))


def _prod_vjp(ctx: Any, g: Any) -> tuple[Any]:
    x = ctx.operands[0]
    dims = ctx.attrs["dims"]
    # The product of the others: exact also where elements are zero.  With one zero only that
    # element's derivative remains, with two or more none does.
    if ctx.recorded:
        return (expand_reduced(g, ctx) * conj(_others(x, dims)),)
    zero = eq(x, 0)
    zeros = dispatch.stack.top.run(sum, (zero,), {"dims": dims, "keepdim": True, "dtype": None})
    filled = where(zero, 1.0, x)
    rest = dispatch.stack.top.run(prod, (filled,), {"dims": dims, "keepdim": True, "dtype": None})
    others = where(eq(zeros, 0), rest / filled, where(eq(zeros, 1) & zero, rest, 0.0))
    return (expand_reduced(g, ctx) * conj(others),)


prod = planner("prod", _bind_prod, _planned(_describe_prod), family="reduction", vjp=_prod_vjp,
               saves=(0,), samples=_samples_full,
               reference=lambda x, dim=None, keepdim=False, dtype=None: np.prod(x, axes(dim), keepdims=keepdim))


def _bool_result(name: str, combine: str) -> Callable[[DType, dict[str, Any]], kernel.Reduction]:
    def describe(dtype: DType, attrs: dict[str, Any]) -> kernel.Reduction:
        result = dt.uint8 if dtype is dt.uint8 else dt.bool_
        return kernel.Reduction(name, combine, lambda x: cast(x, dt.bool_), dt.bool_,
                                lambda v, n: v, result)
    return describe


def _bind_truth(input: Any, dim: Any, keepdim: bool) -> Any:
    operands, attrs = _bind(input, dim, keepdim)
    empty = isinstance(dim, (tuple, list)) and not dim
    return operands, {**attrs, "dims": ()} if empty else attrs


def _bind_any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether any element is non-zero, over dimensions (all by default; none where ``dim`` is empty)."""
    return _bind_truth(input, dim, keepdim)


def _bind_all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all elements are non-zero, over dimensions (all by default; none where ``dim`` is empty)."""
    return _bind_truth(input, dim, keepdim)


any = planner("any", _bind_any, _planned(_bool_result("any", "max")), family="reduction", samples=reduction_samples,
              reference=lambda x, dim=None, keepdim=False: np.any(x, axes(dim), keepdims=keepdim))
all = planner("all", _bind_all, _planned(_bool_result("all", "min")), family="reduction", samples=reduction_samples,
              reference=lambda x, dim=None, keepdim=False: np.all(x, axes(dim), keepdims=keepdim))


def _bind_count(input: Any, dim: Any = None) -> Any:
    """Number of non-zero elements, over dimensions (all by default)."""
    return _bind(input, dim, False)


count_nonzero = planner(
    "count_nonzero", _bind_count, _planned(lambda dtype, attrs: kernel.Reduction(
        "count_nonzero", "sum", lambda x: cast(cast(x, dt.bool_), dt.int64), dt.int64,
        lambda v, n: v, dt.int64)),
    family="reduction", samples=lambda: ((a, k) for a, k in reduction_samples() if "keepdim" not in k),
    reference=lambda x, dim=None: np.count_nonzero(x, axes(dim)))


# Extremes ---

def _nonempty(name: str, input: Any, dim: Any) -> None:
    dims = lay.wrap_dims(dim, input.ndim)
    if input.numel() == 0 and math.prod(input.shape[d] for d in dims) == 0:
        kind = RuntimeError if dim is None or dim == () else IndexError
        raise kind(f"{name}(): Expected reduction dim to be specified for input.numel() == 0, or to have "
                   f"non-zero size; the input has shape {list(input.shape)}")


def _extreme(name: str, combine: str) -> Callable[[DType, dict[str, Any]], kernel.Reduction]:
    def describe(dtype: DType, attrs: dict[str, Any]) -> kernel.Reduction:
        wide = register_dtype(dtype)
        return kernel.Reduction(name, combine, lambda x: x, wide, lambda v, n: v, dtype)
    return describe


def _amax_vjp(ctx: Any, g: Any) -> tuple[Any]:
    x, y = ctx.operands[0], expand_reduced(ctx.outputs[0], ctx)
    mask = eq(x, y).to(g.dtype)
    count = dispatch.stack.top.run(sum, (mask,), {"dims": ctx.attrs["dims"], "keepdim": True, "dtype": None})
    return (mask / count * expand_reduced(g, ctx),)


def _bind_amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """Largest elements over dimensions; equal ones share the gradient."""
    _nonempty("amax", input, dim)
    return _bind(input, dim, keepdim)


def _bind_amin(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """Smallest elements over dimensions; equal ones share the gradient."""
    _nonempty("amin", input, dim)
    return _bind(input, dim, keepdim)


def _nonempty_samples() -> Any:
    yield from ((a, k) for a, k in reduction_samples() if a[0].size)


amax = planner("amax", _bind_amax, _planned(_extreme("amax", "max")), family="reduction", vjp=_amax_vjp,
               saves=(0,), saves_out=(0,), samples=_nonempty_samples,
               reference=lambda x, dim=None, keepdim=False: np.max(x, axes(dim), keepdims=keepdim))
amin = planner("amin", _bind_amin, _planned(_extreme("amin", "min")), family="reduction", vjp=_amax_vjp,
               saves=(0,), saves_out=(0,), samples=_nonempty_samples,
               reference=lambda x, dim=None, keepdim=False: np.min(x, axes(dim), keepdims=keepdim))


def _indexed(name: str, combine: str, values: bool) -> Callable[[DType, dict[str, Any]], kernel.Reduction]:
    def describe(dtype: DType, attrs: dict[str, Any]) -> kernel.Reduction:
        wide = register_dtype(dtype)
        # Indices travel in lanes as wide as the values, so narrow values widen.
        wide = dt.int32 if wide.itemsize < 4 else wide
        return kernel.Reduction(name, combine, lambda x: cast(x, wide), wide, lambda v, n: v,
                                dtype if values else None, index=True)
    return describe


def _bind_place(name: str, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is not None and not isinstance(dim, int):
        raise TypeError(f"{name}(): argument 'dim' must be int, not {type(dim).__name__}")
    if input.dtype is dt.bool_:
        raise RuntimeError(f"{name}(): does not support bool input")
    if not input.numel() and dim is None:
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0; the input has "
                         f"shape {list(input.shape)}")
    _nonempty(name, input, dim)
    return _bind(input, dim, keepdim)


def _bind_argmax(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Index of the largest element (the first of equals; NaN counts as largest)."""
    return _bind_place("argmax", input, dim, keepdim)


def _bind_argmin(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Index of the smallest element (the first of equals; NaN counts as smallest)."""
    return _bind_place("argmin", input, dim, keepdim)


def _arg_samples() -> Any:
    yield from ((a, k) for a, k in _nonempty_samples() if not isinstance(k.get("dim"), tuple))


argmax = planner("argmax", _bind_argmax, _planned(_indexed("argmax", "argmax", False)), family="reduction",
                 samples=_arg_samples,
                 reference=lambda x, dim=None, keepdim=False: np.argmax(x, dim, keepdims=keepdim))
argmin = planner("argmin", _bind_argmin, _planned(_indexed("argmin", "argmin", False)), family="reduction",
                 samples=_arg_samples,
                 reference=lambda x, dim=None, keepdim=False: np.argmin(x, dim, keepdims=keepdim))


def _bind_max_dim(input: Any, dim: int, keepdim: bool = False) -> Any:
    _nonempty("max", input, dim)
    return _bind(input, dim, keepdim)


def _select_vjp(ctx: Any, g: Any, g_index: Any = None) -> tuple[Any]:
    """The cotangent of a picked element goes where it was picked."""
    [dim] = ctx.attrs["dims"] or (0,)
    index = ctx.outputs[1]
    if not ctx.layouts[0].shape:
        return (g,)
    if not ctx.attrs["keepdim"]:
        g, index = unsqueeze(g, dim), unsqueeze(index, dim)
    n = ctx.layouts[0].shape[dim]
    positions = index.new_range(n).view((n,) + (1,) * (len(ctx.layouts[0].shape) - 1 - dim))
    return (where(eq(positions, index), g, 0.0),)


max_dim = planner("_max_dim", _bind_max_dim, _planned(_indexed("max", "argmax", True)), family="reduction",
                  vjp=_select_vjp, saves_out=(1,), public=False)
min_dim = planner("_min_dim", _bind_max_dim, _planned(_indexed("min", "argmin", True)), family="reduction",
                  vjp=_select_vjp, saves_out=(1,), public=False)


def _picked(name: str, indexed: Any, full: Any, pair: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        _nonempty(name, input, None)
        return full(input)
    return getattr(return_types, name)(*indexed(input, dim, keepdim)) if isinstance(dim, int) else pair(input, dim)


@composite("reduction", samples=_arg_samples,
           reference=lambda x, dim=None, keepdim=False: np.max(x) if dim is None else (
               np.max(x, dim, keepdims=keepdim), np.argmax(x, dim, keepdims=keepdim)))
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Largest element; with ``dim``, (values, indices) along it; with a tensor, ``maximum``."""
    return _picked("max", max_dim, amax, maximum, input, dim if other is None else other, keepdim)


@composite("reduction", samples=_arg_samples,
           reference=lambda x, dim=None, keepdim=False: np.min(x) if dim is None else (
               np.min(x, dim, keepdims=keepdim), np.argmin(x, dim, keepdims=keepdim)))
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Smallest element; with ``dim``, (values, indices) along it; with a tensor, ``minimum``."""
    return _picked("min", min_dim, amin, minimum, input, dim if other is None else other, keepdim)


# Built from the above ---

def _lse_samples() -> Any:
    x = np.linspace(-50.0, 60.0, 24).reshape(2, 3, 4)
    for dim, keep in ((0, False), (-1, True), ((0, 2), False)):
        yield (x, dim), {"keepdim": keep}


def _np_logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    top = np.max(x, axes(dim), keepdims=True)
    total = np.log(np.sum(np.exp(x - top), axes(dim), keepdims=True)) + top
    return total if keepdim else np.squeeze(total, axes(dim))


@composite("reduction", samples=_lse_samples, reference=_np_logsumexp)
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """Logarithm of the sum of exponentials, without overflow."""
    if not input.dtype.is_inexact:
        input = input.to(dt.get_default_dtype())
    dims = lay.wrap_dims(dim, input.ndim)
    if not input.numel():
        return sum(input.exp(), dims, keepdim).log()
    top = amax(real(input).detach(), dims, True)
    top = where(eq(top.abs(), float("inf")), 0.0, top)
    total = sum((input - top).exp(), dims, True).log() + top
    return total if keepdim else total.squeeze(dims) if dims else total


def _norm_map(p: float) -> Callable[[Expr], Expr]:
    def build(x: Expr) -> Expr:
        if p == 2:
            return f("real", x * f("conj", x))
        if p == 0:
            return cast(f("ne", x, 0), x.dtype.to_real())
        a = f("abs", x)
        return a if p in (1, math.inf, -math.inf) else f("pow", a, Const(p, a.dtype))
    return build


def _norm_post(p: float) -> Callable[[Expr, Expr], Expr]:
    def build(v: Expr, n: Expr) -> Expr:
        if p == 2:
            return f("sqrt", v)
        return v if p in (0, 1, math.inf, -math.inf) else f("pow", v, Const(1 / p, v.dtype))
    return build


def _describe_norm(dtype: DType, attrs: dict[str, Any]) -> kernel.Reduction:
    p = attrs["ord"]
    result = _float_result("linalg.vector_norm", dtype, attrs["dtype"]).to_real()
    combine = {math.inf: "max", -math.inf: "min"}.get(p, "sum")
    wide = register_dtype(result)
    held = wide.to_complex() if dtype.is_complex else wide
    return kernel.Reduction("norm", combine, lambda x: _norm_map(p)(cast(x, held)), wide, _norm_post(p), result)


def _bind_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The vector norm of order ``ord`` over dimensions (all by default)."""
    if isinstance(ord, complex):
        raise RuntimeError("linalg.vector_norm: Expected a non-complex scalar as the order of norm.")
    if abs(ord) == math.inf or ord < 0:
        _nonempty("linalg.vector_norm", x, dim)
    return _bind(x, dim, keepdim, ord=float(ord), dtype=dtype)


def _norm_vjp(ctx: Any, g: Any) -> tuple[Any]:
    x, p = ctx.operands[0], ctx.attrs["ord"]
    y, g = expand_reduced(ctx.outputs[0], ctx), expand_reduced(g, ctx)
    if p == 0:
        return (None,)
    if p == 1:
        return (g * x.sgn(),)
    if abs(p) == math.inf:
        hit = eq(x.abs(), y).to(g.dtype)
        count = dispatch.stack.top.run(sum, (hit,), {"dims": ctx.attrs["dims"], "keepdim": True, "dtype": None})
        return (g * x.sgn() * hit / count,)
    if p == 2:
        return (where(eq(y, 0), 0.0, g * (x / where(eq(y, 0), 1.0, y))),)
    power = x.abs() ** (p - 1) * x.sgn()
    return (where(eq(x, 0) if p < 1 else eq(y, 0), 0.0, g * power / where(eq(y, 0), 1.0, y) ** (p - 1)),)


def norm_samples() -> Any:
    """A matrix and orders of vector norms."""
    x = np.linspace(-2.0, 1.5, 12).reshape(3, 4)
    for p in (2, 1, 3, 0.5, math.inf, -math.inf, 0):
        yield (x, p), {"dim": 1}
    yield (x,), {}


vector_norm = planner(
    "vector_norm", _bind_norm, _planned(_describe_norm), family="reduction", vjp=_norm_vjp, saves=(0,),
    saves_out=(0,), namespace="linalg", method=False, samples=norm_samples,
    reference=lambda x, p=2, dim=None: np.linalg.norm(x.ravel() if dim is None else x, p, dim))
