"""Losses over class scores: negative log-likelihood and cross entropy."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..codegen.expr import Arg, Expr, cast
from ..codegen.primitives import f, where
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Operand, Plan, Result, ScalarOperand
from ..kernels import rowwise as kernel
from ..kernels.rowwise import RAW, STAT, Input, Output, Rowwise, Stat
from .declare import planner
from .loss import functional_loss, np_reduce, reduce_loss, reduction_meant
from .reduction import sum as sum_
from .rowwise import dense, log_softmax, np_log_softmax, softmax, softmax_backward
from .view import expand, reshape

# Above this many rows their sum is worth several work-items.
_ONE_ROW_LIMIT = 1 << 16

# Scores have classes along one dimension; targets and per-row results lack it.  Shares depend on
# targets and class weights alone, which have no derivative: they are read detached.

def _class_dim(ndim: int) -> int:
    return 0 if ndim == 1 else 1


def _class_space(scores: Layout) -> kernel.Space:
    return kernel.rows_of(scores.shape, (_class_dim(scores.ndim),))


def _target_shape(scores: Layout) -> tuple[int, ...]:
    dim = _class_dim(scores.ndim)
    return tuple(n for d, n in enumerate(scores.shape) if d != dim)


def _bind_classes(input: Any, target: Any, weight: Any = None, ignored: int = -100,
                  smoothing: float = 0.0) -> Any:
    operands = (dense(input), dense(target), float(smoothing), *(() if weight is None else (dense(weight),)))
    return operands, {"ignored": ignored, "smooth": bool(smoothing)}


def _class_inputs(operands: Sequence[Any]) -> tuple[list[Input], tuple[Expr, ...]]:
    """Inputs that both losses read, and their nodes: scores, target, smoothing, class, weight."""
    x, target = operands[:2]
    acc = register_dtype(x.dtype)
    inputs = [Input("full", x.dtype, Operand(0)), Input("row", target.dtype, Operand(1), dt.int32),
              Input("number", acc, ScalarOperand(2, acc)), Input("position", dt.int32)]
    if len(operands) > 3:
        inputs.append(Input("column", operands[3].dtype, Operand(3)))
    return inputs, tuple(cast(i.node(k), acc) if k in (0, 4) else i.node(k) for k, i in enumerate(inputs))


def _plan_class_loss(entropy: bool) -> Callable[..., Plan]:
    """Per row: the loss, the share in the mean (the target's weight), the log-sum-exp (entropy only).

    The target's score is picked by comparing positions: the row is in cache anyway.
    """
    def plan(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        x = operands[0]
        acc = register_dtype(x.dtype)
        shape = _target_shape(x)
        outputs = tuple(lay.dense(shape, d) for d in ((x.dtype, acc, acc) if entropy else (x.dtype, acc)))
        if not x.numel:
            return Plan(outputs, (), single=False)
        inputs, (score, target, smoothing, position, *weights) = _class_inputs(operands)
        here = f("eq", position, target)
        raw = Arg(RAW, acc)
        groups: list[list[Expr]] = [[where(here, score, 0)]]
        names = ["picked"]
        if entropy:
            groups[0].insert(0, f("exp", score - Arg(STAT, acc)))
            names.insert(0, "total")
        if weights:
            groups[0].append(where(here, weights[0], 0))
            names.append("share")
        if attrs["smooth"]:
            groups[0].append(score * weights[0] if weights else score)
            names.append("scores")
            if weights:
                groups[0].append(weights[0])
                names.append("weights")
        passes = [tuple(Stat("sum", e, raw) for e in groups[0])]
        first = STAT
        if entropy:
            passes.insert(0, (Stat("max", score, raw),))
            first += 1
        stat = {name: Arg(first + k, acc) for k, name in enumerate(names)}
        valid = f("ne", target, attrs["ignored"])
        share: Expr = stat["share"] if weights else where(valid, smoothing * 0 + 1, 0)
        log_total = Arg(STAT, acc) + f("log", stat["total"]) if entropy else None
        loss = share * (log_total - stat["picked"] if log_total is not None else -stat["picked"])
        if attrs["smooth"] and log_total is not None:
            classes = x.shape[_class_dim(x.ndim)]
            spread = (log_total * (stat["weights"] if weights else classes) - stat["scores"]) / classes
            loss = loss * (1 - smoothing) + spread * smoothing
        results = [Output("row", x.dtype, where(valid, loss, 0), Result(0)),
                   Output("row", acc, where(valid, share, 0), Result(1))]
        if log_total is not None:
            results.append(Output("row", acc, log_total, Result(2)))
        r = Rowwise("cross_entropy" if entropy else "nll_loss", tuple(inputs), tuple(passes), tuple(results),
                    acc, target=1, ignored=attrs["ignored"])
        return Plan(outputs, (kernel.launch(r, _class_space(x), caps),), single=False)
    return plan


def _entropy_vjp(ctx: Any, g: Any, *others: Any) -> tuple[Any, ...]:
    x, target, smoothing, *weight = ctx.operands
    return (cross_entropy_backward(g, x, target, smoothing, ctx.outputs[1].detach(), ctx.outputs[2], *weight,
                                   **ctx.attrs),)


def _nll_vjp(ctx: Any, g: Any, *others: Any) -> tuple[Any, ...]:
    return (nll_backward(g, ctx.operands[1], ctx.outputs[1].detach(), tuple(ctx.layouts[0].shape)),)


class_entropy = planner("_cross_entropy", _bind_classes, _plan_class_loss(True), family="loss",
                        vjp=_entropy_vjp, saves=(0, 1, 2, 3), saves_out=(1, 2), public=False)
class_likelihood = planner("_nll_loss", _bind_classes, _plan_class_loss(False), family="loss", vjp=_nll_vjp,
                           saves=(1,), saves_out=(1,), public=False)


def _bind_entropy_backward(g: Any, *operands: Any, **attrs: Any) -> Any:
    return (dense(g), *operands), attrs


def _plan_entropy_backward(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps,
                           out: Any = None) -> Plan:
    g, x, target, _, share, lse, *weights = operands
    result = lay.dense(x.shape, x.dtype)
    if not x.numel:
        return Plan((result,), ())
    acc = register_dtype(x.dtype)
    inputs = [Input("row", g.dtype, Operand(0)), Input("full", x.dtype, Operand(1)),
              Input("row", target.dtype, Operand(2), dt.int32), Input("number", acc, ScalarOperand(3, acc)),
              Input("row", acc, Operand(4)), Input("row", acc, Operand(5)), Input("position", dt.int32)]
    inputs += [Input("column", w.dtype, Operand(6)) for w in weights]
    gn, score, tn, smoothing, sn, ln, position = (i.node(k) for k, i in enumerate(inputs[:7]))
    p = f("exp", score - ln)
    value = sn * (p - where(f("eq", position, tn), smoothing * 0 + 1, 0))
    passes: tuple[Any, ...] = ()
    if attrs["smooth"]:
        classes = x.shape[_class_dim(x.ndim)]
        spread = p - 1.0
        if weights:
            wn = cast(inputs[7].node(7), acc)
            passes = ((Stat("sum", wn, Arg(RAW, acc)),),)
            spread = p * Arg(STAT, acc) - wn
        else:
            spread = p * classes - 1
        value = value * (1 - smoothing) + spread * (smoothing / classes)
    value = where(f("ne", tn, attrs["ignored"]), cast(gn, acc) * value, 0)
    r = Rowwise("cross_entropy_backward", tuple(inputs), passes,
                (Output("full", x.dtype, value, Result(0)),), acc)
    return Plan((result,), (kernel.launch(r, _class_space(x), caps),))


def _entropy_backward_vjp(ctx: Any, v: Any) -> tuple[Any, ...]:
    g, x, target, smoothing, share, lse, *weight = ctx.operands
    dim = _class_dim(x.ndim)
    unit = cross_entropy_backward(g.detach().ones_like(), *ctx.operands[1:], **ctx.attrs)
    grads: list[Any] = [sum_(v * unit, dim), None]
    if ctx.needs[1]:
        scale = share
        if ctx.attrs["smooth"]:
            rest = smoothing * (sum_(weight[0]) / x.shape[dim] if weight else 1.0)
            scale = share * (1 - smoothing) + rest * (target != ctx.attrs["ignored"]).to(share.dtype)
        scale = reshape(g * scale, tuple(1 if d == dim else n for d, n in enumerate(x.shape)))
        grads[1] = scale * softmax_backward(v, softmax(x, dim), dim)
    return tuple(grads)


cross_entropy_backward = planner("_cross_entropy_backward", _bind_entropy_backward, _plan_entropy_backward,
                                 family="loss", vjp=_entropy_backward_vjp, saves=(0, 1, 2, 3, 4, 5, 6),
                                 public=False)


def _plan_nll_backward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps,
                       out: Any = None) -> Plan:
    g, target, share = operands
    acc = share.dtype
    result = lay.dense(attrs["shape"], g.dtype)
    if not result.numel:
        return Plan((result,), ())
    inputs = (Input("row", g.dtype, Operand(0)), Input("row", target.dtype, Operand(1), dt.int32),
              Input("row", acc, Operand(2)), Input("position", dt.int32))
    gn, tn, sn, position = (i.node(k) for k, i in enumerate(inputs))
    value = where(f("eq", position, tn), -(cast(gn, acc) * sn), 0)
    r = Rowwise("nll_loss_backward", inputs, (), (Output("full", g.dtype, value, Result(0)),), acc)
    return Plan((result,), (kernel.launch(r, _class_space(result), caps),))


def _nll_backward_vjp(ctx: Any, v: Any) -> tuple[Any, ...]:
    picked = class_likelihood(v, ctx.operands[1])[0]
    return (picked * ctx.operands[2],)


nll_backward = planner("_nll_loss_backward",
                       lambda g, target, share, shape: ((dense(g), target, share), {"shape": shape}),
                       _plan_nll_backward, family="loss", vjp=_nll_backward_vjp, saves=(1, 2), public=False)


def _plan_weighted_mean(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps,
                        out: Any = None) -> Plan:
    x, share = operands
    acc = share.dtype
    outputs = (lay.dense((), x.dtype), lay.dense((), acc))
    inputs = (Input("full", x.dtype, Operand(0)), Input("full", acc, Operand(1)))
    loss, weight = (cast(i.node(k), acc) for k, i in enumerate(inputs))
    raw, total = Arg(RAW, acc), Arg(STAT + 1, acc)
    r = Rowwise("weighted_mean", inputs, ((Stat("sum", loss, raw), Stat("sum", weight, raw)),),
                (Output("row", x.dtype, Arg(STAT, acc) / total, Result(0)),
                 Output("row", acc, total, Result(1))), acc)
    # Without elements: 0 / 0, as PyTorch has it.
    space = kernel.Space("row", 1, 1, x.numel, x.numel, 0)
    return Plan(outputs, (kernel.launch(r, space, caps),), single=False)


weighted_mean = planner(
    "_weighted_mean", lambda loss, share: ((dense(loss), share), {}), _plan_weighted_mean, family="loss",
    vjp=lambda ctx, g, _: (expand(g / ctx.outputs[1].detach(), tuple(ctx.layouts[0].shape)),), saves_out=(1,),
    public=False)


def _average(loss: Any, share: Any, reduction: str) -> Any:
    if reduction == "none":
        return loss
    if reduction == "sum":
        return sum_(loss)
    if loss.numel() > _ONE_ROW_LIMIT:
        return sum_(loss) / sum_(share)
    return weighted_mean(loss, share)[0]


def _check_classes(name: str, input: Any, target: Any, weight: Any) -> None:
    if not input.ndim:
        raise RuntimeError(f"{name}: input tensor should be 1D or 2D")
    batch = input.shape[0]
    if input.ndim > 1 and (not target.ndim or target.shape[0] != batch):
        got = target.shape[0] if target.ndim else 1
        raise ValueError(f"Expected input batch_size ({batch}) to match target batch_size ({got}).")
    if input.ndim <= 2 and target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if tuple(target.shape) != _target_shape(input.layout):
        raise RuntimeError(f"Expected target size {list(_target_shape(input.layout))}, got "
                           f"{list(target.shape)}")
    if target.dtype not in (dt.int64, dt.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype}")
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}')
    classes = input.shape[_class_dim(input.ndim)]
    if weight is not None and (weight.ndim != 1 or weight.numel() != classes):
        raise RuntimeError(f"weight tensor should be defined either for all {classes} classes or no classes "
                           f"but got weight tensor of shape: {list(weight.shape)}")


def _np_nll(x: Any, t: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    dim = 0 if x.ndim == 1 else 1
    valid = t != ignore_index
    index = np.where(valid, t, 0)
    picked = np.squeeze(np.take_along_axis(x, np.expand_dims(index, dim), dim), dim)
    share = np.where(valid, 1.0 if weight is None else np.asarray(weight)[index], 0.0)
    loss = -picked * share
    return loss.sum() / share.sum() if reduction == "mean" else np_reduce(loss, reduction)


def _class_samples() -> Any:
    x = np.sin(np.arange(60.0) ** 1.3).reshape(4, 5, 3)
    t = np.array([[0, 1, 2], [4, -100, 3], [1, 1, 1], [2, 0, 4]])
    for kw in ({}, {"reduction": "sum"}, {"reduction": "none"}, {"ignore_index": 1},
               {"weight": np.array([0.5, 1.0, 2.0, 0.1, 3.0])}):
        yield (x[:, :, 0], t[:, 0]), kw
        yield (x, t), {**kw, "ignore_index": -100}
    yield (x[0, :, 0], np.array(3)), {}


@functional_loss(samples=_class_samples, reference=_np_nll)
def nll_loss(input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
             reduce: Any = None, reduction: str = "mean") -> Any:
    """Minus the log-probability of each target class, weighted.

    Args:
        input: log-probabilities (C), (N, C) or (N, C, d1, ...).
        target: class indices () or (N, d1, ...); ``ignore_index`` counts for nothing.
        weight: (C), of the classes; "mean" divides by the sum of the targets' weights.

    Raises:
        IndexError: a target outside [0, C), at the next synchronisation.
    """
    _check_classes("nll_loss", input, target, weight)
    loss, share = class_likelihood(input, target, weight, int(ignore_index))
    return _average(loss, share, reduction_meant(reduction, size_average, reduce))


def np_cross_entropy(x: Any, t: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
                      label_smoothing: float = 0.0) -> Any:
    """``cross_entropy`` in NumPy."""
    dim = 0 if x.ndim == 1 else 1
    classes = x.shape[dim]
    logs = np_log_softmax(x, dim)
    w = np.ones(classes) if weight is None else np.asarray(weight)
    column = w.reshape((-1,) + (1,) * (x.ndim - 1 - dim))
    if t.shape == x.shape:
        loss = -np.sum(logs * column * (t * (1 - label_smoothing) + label_smoothing / classes), dim)
        return loss.mean() if reduction == "mean" else np_reduce(loss, reduction)
    picked = _np_nll(logs, t, weight, ignore_index, "none")
    valid = t != ignore_index
    spread = np.where(valid, -np.sum(logs * column, dim) / classes, 0)
    loss = (1 - label_smoothing) * picked + label_smoothing * spread
    share = np.where(valid, w[np.where(valid, t, 0)], 0)
    return loss.sum() / share.sum() if reduction == "mean" else np_reduce(loss, reduction)


def _entropy_samples() -> Any:
    weight = np.array([0.5, 1.0, 2.0, 0.1, 3.0])
    for args, kw in _class_samples():
        yield args, kw
    for args, _ in list(_class_samples())[:2]:
        yield args, {"label_smoothing": 0.2}
        yield args, {"label_smoothing": 0.2, "weight": weight}
    x = np.sin(np.arange(20.0) ** 1.3).reshape(4, 5)
    yield (x, np.exp(np_log_softmax(x[::-1], 1))), {"label_smoothing": 0.1, "weight": weight}


@functional_loss(samples=_entropy_samples, reference=np_cross_entropy)
def cross_entropy(input: Any, target: Any, weight: Any = None, size_average: Any = None,
                  ignore_index: int = -100, reduce: Any = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Any:
    """Cross entropy of ``softmax(input)`` against classes or class probabilities.

    Args:
        input: scores (C), (N, C) or (N, C, d1, ...).
        target: class indices () or (N, d1, ...), or probabilities of ``input``'s shape.
        weight: (C), of the classes; "mean" divides by the sum of the targets' weights.
        label_smoothing: share of the target spread evenly over the classes (Szegedy et al. 2016).

    Raises:
        IndexError: a target outside [0, C), at the next synchronisation.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = _class_dim(input.ndim)
    if target.shape == input.shape and target.dtype.is_floating_point:
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        classes = input.shape[dim]
        if label_smoothing and classes:
            target = target * (1 - label_smoothing) + label_smoothing / classes
        logs = log_softmax(input, dim) * target
        if weight is not None:
            logs = logs * reshape(weight, (-1,) + (1,) * (input.ndim - 1 - dim))
        total = -sum_(logs, dim)
        return sum_(total) / (input.numel() // max(classes, 1)) if chosen == "mean" else reduce_loss(total, chosen)
    _check_classes("cross_entropy", input, target, weight)
    loss, share, _ = class_entropy(input, target, weight, int(ignore_index), float(label_smoothing))
    return _average(loss, share, chosen)
