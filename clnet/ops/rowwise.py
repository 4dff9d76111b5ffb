"""Softmax and normalisation: operators over the rows of a tensor."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..codegen.expr import Arg, Expr, cast
from ..codegen.primitives import f
from ..codegen.types import register_dtype
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Operand, Plan, Result, ScalarOperand
from ..kernels import norm_backward as norm_backward_kernel
from ..kernels import reduction as reduction_kernel
from ..kernels import rowwise as kernel
from ..kernels.reduction import Reduction
from ..kernels.rowwise import RAW, STASH, STAT, Input, Output, Rowwise, Space, Stat
from .comparison import copy
from .declare import composite, declared, new_results, plain_bind, planner
from .reduction import mean as mean_
from .reduction import sum as sum_
from .view import expand, reshape


def dense(x: Any) -> Any:
    """``x`` itself if its elements lie in row-major order, else a copy that does."""
    return x if x.layout.contiguous else copy(x, dtype=x.dtype, dense=True)


def require_float(name: str, dtype: DType) -> None:
    """Raise NotImplementedError, in PyTorch's words, for other elements than floats."""
    if not dtype.is_floating_point:
        raise NotImplementedError(f'"{name}" not implemented for {dtype}')


def softmax_space(layout: Layout, dim: int) -> Space:
    """The rows along ``dim``; a 0-d tensor is one row of one element."""
    return kernel.rows_of(layout.shape, (dim,)) if layout.ndim else kernel.rows_of((1,), (0,))


# Softmax ---

def _plan_softmax(name: str, log: bool) -> Any:
    def plan(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        x = operands[0]
        result = lay.dense(x.shape, x.dtype)
        if not x.numel:
            return Plan((result,), ())
        acc = register_dtype(x.dtype)
        element, top, total = Arg(0, acc), Arg(STAT, acc), Arg(STAT + 1, acc)
        power = f("exp", element - top)
        stash = not log and kernel.stashes(x.dtype)
        if log:
            value: Expr = element - top - f("log", total)
        else:
            value = (Arg(STASH, acc) if stash else power) / total
        r = Rowwise(name, (Input("full", x.dtype, Operand(0)),),
                    ((Stat("max", element, Arg(RAW, acc)),), (Stat("sum", power, Arg(RAW, acc)),)),
                    (Output("full", x.dtype, value, Result(0)),), acc, stash=1 if stash else None)
        return Plan((result,), (kernel.launch(r, softmax_space(x, attrs["dim"]), caps),))
    return plan


def _plan_softmax_backward(name: str, log: bool) -> Any:
    def plan(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        y = operands[1]
        result = lay.dense(y.shape, y.dtype)
        if not y.numel:
            return Plan((result,), ())
        acc = register_dtype(y.dtype)
        g, p, total = Arg(0, acc), Arg(1, acc), Arg(STAT, acc)
        stat, value = (g, g - f("exp", p) * total) if log else (g * p, (g - total) * p)
        r = Rowwise(name, tuple(Input("full", o.dtype, Operand(i)) for i, o in enumerate(operands)),
                    ((Stat("sum", stat, Arg(RAW, acc)),),), (Output("full", y.dtype, value, Result(0)),), acc)
        return Plan((result,), (kernel.launch(r, softmax_space(y, attrs["dim"]), caps),))
    return plan


def _bind_backward(g: Any, y: Any, dim: int) -> Any:
    return (dense(g), dense(y)), {"dim": dim}


def _softmax_backward_vjp(ctx: Any, v: Any) -> tuple[Any, Any]:
    (g, y), dim = ctx.operands, ctx.attrs["dim"]
    return (softmax_backward(v, y, dim) if ctx.needs[0] else None,
            v * (g - sum_(g * y, dim, True)) - g * sum_(v * y, dim, True) if ctx.needs[1] else None)


def _log_softmax_backward_vjp(ctx: Any, v: Any) -> tuple[Any, Any]:
    (g, y), dim = ctx.operands, ctx.attrs["dim"]
    p = y.exp()
    return (v - sum_(v * p, dim, True) if ctx.needs[0] else None,
            -(p * v * sum_(g, dim, True)) if ctx.needs[1] else None)


softmax_backward = planner("_softmax_backward", _bind_backward,
                           _plan_softmax_backward("softmax_backward", False), family="rowwise",
                           vjp=_softmax_backward_vjp, saves=(0, 1), public=False)
log_softmax_backward = planner("_log_softmax_backward", _bind_backward,
                               _plan_softmax_backward("log_softmax_backward", True), family="rowwise",
                               vjp=_log_softmax_backward_vjp, saves=(0, 1), public=False)


def _bind_softmax_any(name: str, input: Any, dim: int, dtype: Any) -> Any:
    if dtype is not None:
        input = input.to(dtype)
    require_float(name, input.dtype)
    return (dense(input),), {"dim": lay.wrap_dim(dim, input.ndim)}


def _bind_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """Exponentials along ``dim``, scaled to sum to 1; computed in ``dtype`` if given."""
    return _bind_softmax_any("softmax", input, dim, dtype)


def _bind_log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """Logarithm of ``softmax``, without overflow."""
    return _bind_softmax_any("log_softmax", input, dim, dtype)


def _softmax_samples() -> Any:
    x = np.sin(np.arange(120.0)).reshape(4, 5, 6) * 4
    for dim in (0, 1, -1):
        yield (x, dim), {}
    yield (np.linspace(-3, 3, 40).reshape(2, 20), 1), {}
    yield (np.array(1.5), 0), {}


def np_log_softmax(x: Any, dim: int) -> Any:
    """``log_softmax`` in NumPy: the reference of everything built on it."""
    if not x.ndim:
        return np.zeros_like(x)
    shifted = x - np.max(x, dim, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), dim, keepdims=True))


softmax = planner("softmax", _bind_softmax, _plan_softmax("softmax", False), family="rowwise",
                  vjp=lambda ctx, g: (softmax_backward(g, ctx.outputs[0], ctx.attrs["dim"]),), saves_out=(0,),
                  samples=_softmax_samples, reference=lambda x, dim: np.exp(np_log_softmax(x, dim)))
log_softmax = planner("log_softmax", _bind_log_softmax, _plan_softmax("log_softmax", True), family="rowwise",
                      vjp=lambda ctx, g: (log_softmax_backward(g, ctx.outputs[0], ctx.attrs["dim"]),),
                      saves_out=(0,), samples=_softmax_samples, reference=np_log_softmax)


def _implicit_dim(input: Any, dim: int | None) -> int:
    """PyTorch's legacy choice where no dimension is given."""
    return dim if dim is not None else (0 if input.ndim in (0, 1, 3) else 1)


@composite("rowwise", name="softmax", namespace="nn.functional", method=False, samples=_softmax_samples,
           reference=lambda x, dim: np.exp(np_log_softmax(x, dim)))
def f_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Exponentials along ``dim``, scaled to sum to 1."""
    return softmax(input, _implicit_dim(input, dim), dtype)


@composite("rowwise", name="log_softmax", namespace="nn.functional", method=False, samples=_softmax_samples,
           reference=np_log_softmax)
def f_log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Logarithm of ``softmax``, without overflow."""
    return log_softmax(input, _implicit_dim(input, dim), dtype)


@composite("rowwise", namespace="nn.functional", method=False, samples=_softmax_samples,
           reference=lambda x, dim: np.exp(np_log_softmax(-x, dim)))
def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """``softmax`` of the negated elements."""
    return softmax(-input, _implicit_dim(input, dim), dtype)


# Normalisation ---
# Operands of the private operators: weight and bias broadcast to x, either along the rows
# ("column": layer norm) or one per row ("row": batch norm); statistics keep reduced dimensions.

def _space(x: Layout, attrs: dict[str, Any]) -> Space:
    return kernel.rows_of(x.shape, attrs["dims"])


def _keep(x: Layout, dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(1 if d in dims else n for d, n in enumerate(x.shape))


def _bind_norm(x: Any, weight: Any, bias: Any, eps: float, dims: tuple[int, ...], affine: str,
               spread: bool = False) -> Any:
    require_float("normalize", x.dtype)
    given = tuple(dense(p) for p in (weight, bias) if p is not None)
    return (dense(x), float(eps), *given), {"dims": dims, "affine": affine, "weight": weight is not None,
                                            "bias": bias is not None, "spread": spread}


def _plan_norm(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    x = operands[0]
    acc = register_dtype(x.dtype)
    rows = lay.dense(_keep(x, attrs["dims"]), acc)
    results = [lay.dense(x.shape, x.dtype), rows, rows] + ([rows] if attrs["spread"] else [])
    if not x.numel:
        return Plan(tuple(results), (), single=False)
    space = _space(x, attrs)
    count = space.segments * space.n
    element, mean, variance = Arg(0, acc), Arg(STAT, acc), Arg(STAT + 1, acc)
    scale = f("rsqrt", variance + Arg(1, acc))
    inputs = [Input("full", x.dtype, Operand(0)), Input("number", acc, ScalarOperand(1, acc))]
    value: Expr = (element - mean) * scale
    for i, o in enumerate(operands[2:], 2):
        inputs.append(Input(attrs["affine"], o.dtype, Operand(i)))
        parameter = cast(inputs[-1].node(i), acc)
        value = value * parameter if attrs["weight"] and i == 2 else value + parameter
    outputs = [Output("full", x.dtype, value, Result(0)), Output("row", acc, mean, Result(1)),
               Output("row", acc, scale, Result(2))]
    if attrs["spread"]:  # what running averages take: the unbiased variance
        outputs.append(Output("row", acc, variance * (count / max(count - 1, 1)), Result(3)))
    passes = ((Stat("sum", element, Arg(RAW, acc) / count),),
              (Stat("sum", (element - mean) * (element - mean), Arg(RAW, acc) / count),))
    r = Rowwise("normalize", tuple(inputs), passes, tuple(outputs), acc)
    return Plan(tuple(results), (kernel.launch(r, space, caps),), single=False)


def _broadcast_dims(layout: Layout, attrs: dict[str, Any]) -> tuple[int, ...]:
    """The dimensions along which weight and bias repeat."""
    if attrs["affine"] == "row":
        return attrs["dims"]
    return tuple(d for d in range(layout.ndim) if d not in attrs["dims"])


def _norm_vjp(ctx: Any, g: Any, g_mean: Any, g_scale: Any, g_spread: Any = None) -> tuple[Any, ...]:
    attrs, layout = ctx.attrs, ctx.layouts[0]
    x, mean, scale = ctx.operands[0], ctx.outputs[1], ctx.outputs[2]
    weight = ctx.operands[2] if attrs["weight"] else None
    if g is not None and g_mean is None and g_scale is None and _in_one_walk(ctx):
        dx, dw, db = norm_rows_backward(dense(g), x, mean, scale, weight)
        return dx, None, dw, db
    grads: list[Any] = [None] * len(ctx.needs)
    if g is not None:
        if ctx.needs[0]:
            grads[0] = norm_backward(g, x, mean, scale, weight, attrs["dims"], attrs["affine"])
        over = _broadcast_dims(layout, attrs)
        if attrs["weight"] and ctx.needs[2]:
            grads[2] = reshape(weight_gradient(g, x, mean, scale, over), tuple(ctx.layouts[2].shape))
        if attrs["bias"] and ctx.needs[-1]:
            grads[-1] = reshape(sum_(g, over) if over else g, tuple(ctx.layouts[-1].shape))
    count = math.prod(layout.shape[d] for d in attrs["dims"])
    if g_mean is not None:
        grads[0] = _plus(grads[0], expand(g_mean / count, tuple(layout.shape)))
    if g_scale is not None:
        grads[0] = _plus(grads[0], -(g_scale * scale * scale * scale / count) * (x - mean))
    return tuple(grads)


def _in_one_walk(ctx: Any) -> bool:
    """Whether every cotangent of a layer norm is wanted, by rows that the kernel for that takes."""
    attrs, layouts = ctx.attrs, ctx.layouts
    return (attrs["affine"] == "column" and attrs["weight"] and attrs["bias"] and not ctx.recorded
            and ctx.needs[0] and ctx.needs[2] and ctx.needs[3] and layouts[2].dtype is layouts[3].dtype
            and layouts[0].numel > 0 and layouts[2].numel % norm_backward_kernel.ALIGN == 0)


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a + b


# Operands: g, x, mean, scale, weight; cotangents of x, weight and bias.
norm_rows_backward = planner("_normalize_rows_backward", plain_bind, new_results(norm_backward_kernel.plan),
                             family="rowwise", public=False)
normalize = planner("_normalize", _bind_norm, _plan_norm, family="rowwise", vjp=_norm_vjp, saves=(0, 2),
                    saves_out=(1, 2), public=False)


def _bind_norm_backward(g: Any, x: Any, mean: Any, scale: Any, weight: Any, dims: tuple[int, ...],
                        affine: str) -> Any:
    operands = (dense(g), x, mean, scale, *(() if weight is None else (weight,)))
    return operands, {"dims": dims, "affine": affine}


def _plan_norm_backward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps,
                        out: Any = None) -> Plan:
    x = operands[1]
    result = lay.dense(x.shape, x.dtype)
    if not x.numel:
        return Plan((result,), ())
    acc = register_dtype(x.dtype)
    space = _space(x, attrs)
    count = space.segments * space.n
    kinds = ("full", "full", "row", "row", attrs["affine"])
    inputs = tuple(Input(kind, o.dtype, Operand(i)) for i, (kind, o) in enumerate(zip(kinds, operands)))
    g, element, mean, scale, *weight = (cast(i.node(k), acc) for k, i in enumerate(inputs))
    h = g * weight[0] if weight else g
    normal = (element - mean) * scale
    average = Arg(RAW, acc) / count
    value = (h - Arg(STAT, acc) - normal * Arg(STAT + 1, acc)) * scale
    r = Rowwise("normalize_backward", inputs,
                ((Stat("sum", h, average), Stat("sum", h * normal, average)),),
                (Output("full", x.dtype, value, Result(0)),), acc)
    return Plan((result,), (kernel.launch(r, space, caps),))


def _norm_backward_vjp(ctx: Any, v: Any) -> tuple[Any, ...]:
    """With the statistics counted as functions of x: their cotangents are part of x's."""
    g, x, mean, scale, *weights = ctx.operands
    dims, affine = ctx.attrs["dims"], ctx.attrs["affine"]
    h = g * weights[0] if weights else g
    # The Jacobian of h is symmetric: the same kernel applies it to v.
    along = norm_backward(v, x, mean, scale, None, dims, affine)
    grads: list[Any] = [along * weights[0] if weights else along, None, None, None]
    if ctx.needs[1]:
        normal = (x - mean) * scale
        h_mean, v_mean = mean_(h, dims, True), mean_(v, dims, True)
        h_normal, v_normal = mean_(h * normal, dims, True), mean_(v * normal, dims, True)
        rest = mean_(v * h, dims, True) - v_mean * h_mean - v_normal * h_normal
        inner = -(scale * (v * h_normal + h * v_normal))
        grads[1] = norm_backward(inner, x, mean, scale, None, dims, affine) - rest * scale * scale * normal
    if weights:
        grads.append(along * g if ctx.needs[4] else None)
    return tuple(grads)


norm_backward = planner("_normalize_backward", _bind_norm_backward, _plan_norm_backward, family="rowwise",
                        vjp=_norm_backward_vjp, saves=(0, 1, 2, 3, 4), public=False)


def _plan_weight_gradient(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps,
                          out: Any = None) -> Plan:
    x = operands[1]
    acc = register_dtype(x.dtype)
    r = Reduction("weight_gradient", "sum", lambda g, x, mean, scale: g * ((x - mean) * scale), acc,
                  lambda v, n: v, x.dtype)
    return reduction_kernel.plan(r, operands, attrs["dims"], True, caps)


def _weight_gradient_vjp(ctx: Any, v: Any) -> tuple[Any, ...]:
    g, x, mean, scale = ctx.operands
    centred = x - mean
    along = v * g
    return (v * centred * scale, along * scale, -(along * scale), along * centred)


def _bind_weight_gradient(g: Any, x: Any, mean: Any, scale: Any, dims: tuple[int, ...]) -> Any:
    return (g, x, mean, scale), {"dims": dims}


weight_gradient = planner("_weight_gradient", _bind_weight_gradient, _plan_weight_gradient, family="rowwise",
                          vjp=_weight_gradient_vjp, saves=(0, 1, 2, 3), public=False)


def _np_normalize(x: Any, dims: Any, eps: float) -> Any:
    return (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + eps)


def _np_layer_norm(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    y = _np_normalize(x, tuple(range(x.ndim - len(shape), x.ndim)), eps)
    return y * (1 if weight is None else weight) + (0 if bias is None else bias)


def _layer_norm_samples() -> Any:
    x = np.sin(np.arange(60.0) ** 1.3).reshape(3, 4, 5)
    w, b = np.linspace(0.5, 1.5, 5), np.linspace(-1, 1, 5)
    yield (x, (5,)), {}
    yield (x, (5,), w, b), {}
    yield (x, (4, 5), np.outer(np.arange(1.0, 5), w)), {"eps": 0.1}


@composite("rowwise", namespace="nn.functional", method=False, samples=_layer_norm_samples,
           reference=_np_layer_norm)
def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None,
               eps: float = 1e-5) -> Any:
    """Elements centred and scaled over the last dimensions (Ba et al. 2016).

    Args:
        normalized_shape: sizes of the last dimensions; weight and bias have this shape.

    Raises:
        RuntimeError: the shapes don't fit.
    """
    shape = lay.size_of((normalized_shape,)) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    first = input.ndim - len(shape)
    if not shape:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, i.e., containing at "
                           "least one element, but got normalized_shape = []")
    for name, p in (("weight", weight), ("bias", bias)):
        if p is not None and tuple(p.shape) != shape:
            raise RuntimeError(f"Expected {name} to be of same shape as normalized_shape, but got {name} of "
                               f"shape {list(p.shape)} and normalized_shape = {list(shape)}")
    if first < 0 or tuple(input.shape[first:]) != shape:
        raise RuntimeError(f"Given normalized_shape={list(shape)}, expected input with shape [*, "
                           f"{', '.join(map(str, shape))}], but got input of size{list(input.shape)}")
    require_float("LayerNormKernelImpl", input.dtype)
    return normalize(input, weight, bias, eps, tuple(range(first, input.ndim)), "column")[0]


def _per_channel(p: Any, ndim: int) -> Any:
    return None if p is None else reshape(p, (1, -1) + (1,) * (ndim - 2))


def _affine_normalize(x: Expr, mean: Expr, variance: Expr, eps: Expr, *affine: Expr, weight: bool,
                      bias: bool) -> Expr:
    y = (x - mean) * f("rsqrt", variance + eps)
    if weight:
        y = y * affine[0]
    return y + affine[-1] if bias else y


affine_normalize = declared("affine_normalize", _affine_normalize,
                            lambda *operands, **attrs: (operands, attrs), "", public=False)


def _np_batch_norm(x: Any, mean: Any, var: Any, weight: Any = None, bias: Any = None, training: bool = False,
                   momentum: float = 0.1, eps: float = 1e-5) -> Any:
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if training or mean is None:
        y = _np_normalize(x, tuple(d for d in range(x.ndim) if d != 1), eps)
    else:
        y = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def _batch_norm_samples() -> Any:
    x = np.sin(np.arange(120.0) ** 1.3).reshape(4, 3, 2, 5)
    w, b = np.linspace(0.5, 1.5, 3), np.linspace(-1, 1, 3)
    yield (x, None, None, w, b, True), {}
    yield (x.reshape(40, 3), None, None, w, b, True), {}
    yield (x.reshape(6, 20), None, None, None, None, True), {}  # channels side by side, by vectors
    yield (x, b, w, w, b), {}
    yield (x, b, w), {"eps": 0.1}


@composite("rowwise", namespace="nn.functional", method=False, samples=_batch_norm_samples,
           reference=_np_batch_norm)
def batch_norm(input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
               training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    """Elements centred and scaled per channel (dimension 1; Ioffe & Szegedy 2015).

    In training by the batch's own statistics, which move the running ones (in place; the
    variance's unbiased estimate) by ``momentum``; otherwise by the running ones.

    Raises:
        ValueError: training on a single value per channel.
    """
    require_float("batch_norm", input.dtype)
    if not input.numel():
        y = input * (1 if weight is None else weight.narrow(0, 0, min(1, weight.numel())))
        return y if bias is None else y + bias.narrow(0, 0, min(1, bias.numel()))
    channels = input.shape[1]
    for name, p in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight),
                    ("bias", bias)):
        if p is not None and p.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {p.numel()}")
    w, b = _per_channel(weight, input.ndim), _per_channel(bias, input.ndim)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
        operands = (input, _per_channel(running_mean, input.ndim), _per_channel(running_var, input.ndim),
                    float(eps), *(p for p in (w, b) if p is not None))
        return affine_normalize(*operands, weight=w is not None, bias=b is not None, dtype=input.dtype)
    if input.numel() == channels:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size "
                         f"{list(input.shape)}")
    dims = tuple(d for d in range(input.ndim) if d != 1)
    running = running_mean is not None
    y, mean, _, *spread = normalize(input, w, b, eps, dims, "row", running)
    if running:
        running_mean.lerp_(mean.detach().view(channels), float(momentum))
        running_var.lerp_(spread[0].detach().view(channels), float(momentum))
    return y
