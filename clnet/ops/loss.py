"""Losses of ``nn.functional``."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen.expr import Expr
from ..codegen.primitives import f, where
from ..core.op import Op
from .declare import composite, declared, operand_dtype
from .reduction import mean
from .reduction import sum as sum_
from .rowwise import require_float


def reduction_meant(reduction: str, size_average: Any = None, reduce: Any = None) -> str:
    """The reduction meant, also by PyTorch's older arguments."""
    if size_average is not None or reduce is not None:
        warnings.warn("size_average and reduce args will be deprecated, please use reduction instead.",
                      stacklevel=3)
        if reduce is not None and not reduce:
            return "none"
        return "mean" if size_average is None or size_average else "sum"
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduce_loss(loss: Any, reduction: str) -> Any:
    """The mean or sum of the elements, or all of them ("none")."""
    return loss if reduction == "none" else mean(loss) if reduction == "mean" else sum_(loss)


def np_reduce(loss: Any, reduction: str) -> Any:
    """``reduce_loss`` in NumPy."""
    return loss if reduction == "none" else np.mean(loss) if reduction == "mean" else np.sum(loss)


def functional_loss(**fields: Any) -> Any:
    """Decorator of a loss of ``nn.functional``, a body of other operators."""
    return composite("loss", namespace="nn.functional", method=False, **fields)


# Elementwise losses ---

def pointwise(name: str, build: Callable[..., Expr], **fields: Any) -> Op:
    """An elementwise part of a loss, of tensors and numbers."""
    fields.setdefault("refuses", ("bool", "int"))
    return declared(name, build, lambda *operands: (operands, {}), "", public=False, **fields)


def _huber(x: Expr, t: Expr, delta: Expr) -> Expr:
    a = f("abs", x - t)
    return where(a <= delta, a * a * 0.5, delta * (a - delta * 0.5))


def _smooth_l1(x: Expr, t: Expr, beta: Expr) -> Expr:
    a = f("abs", x - t)
    return where(a < beta, a * a * 0.5 / beta, a - beta * 0.5)


def _cross(x: Expr, t: Expr) -> Expr:
    """-(t log x + (1 - t) log(1 - x)), the logarithms no lower than -100."""
    return -(t * f("max", f("log", x), -100) + (1 - t) * f("max", f("log", 1 - x), -100))


def _cross_grads(g: Expr, o: Expr, x: Expr, t: Expr) -> tuple[Expr, Expr]:
    return (g * (x - t) / f("max", x * (1 - x), 1e-12),
            g * (f("max", f("log", 1 - x), -100) - f("max", f("log", x), -100)))


def _kl(x: Expr, t: Expr) -> Expr:
    return where(f("eq", t, 0), 0, t * f("log", where(f("eq", t, 0), 1, t))) - t * x


_squared_error = pointwise("mse_loss", lambda x, t: (x - t) * (x - t), refuses=("bool", "int", "complex"))
_absolute_error = pointwise("l1_loss", lambda x, t: f("abs", x - t), refuses=("bool",), part="real")
_smooth_l1_op = pointwise("smooth_l1_loss", _smooth_l1)
_huber_op = pointwise("huber_loss", _huber)
_cross_op = pointwise("binary_cross_entropy", _cross, grads=_cross_grads)
_logits_op = pointwise("binary_cross_entropy_with_logits", lambda x, t: x * (1 - t) + f("softplus", -x))
_weighted_logits_op = pointwise(
    "binary_cross_entropy_with_logits_weighted",
    lambda x, t, p: x * (1 - t) + f("softplus", -x) * ((p - 1) * t + 1))
_kl_op = pointwise("kl_div", _kl)
_kl_log_op = pointwise("kl_div_log", lambda x, t: f("exp", t) * (t - x))


def _warn_sizes(input: Any, target: Any) -> None:
    if target.shape != input.shape:
        warnings.warn(f"Using a target size ({target.shape}) that is different to the input size "
                      f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
                      "Please ensure they have the same size.", stacklevel=3)


def _require_floats(name: str, input: Any, target: Any) -> None:
    """Raise NotImplementedError where both are integers."""
    require_float(name, operand_dtype([input.layout, target.layout]))


def _pairs(*extra: dict[str, Any], low: float = -2.0, high: float = 2.0) -> Callable[[], Any]:
    def generate() -> Any:
        x = np.linspace(low, high, 12).reshape(3, 4)
        t = (x[::-1] + 0.3 * (high - low)) / 1.7
        for reduction in ("none", "mean", "sum"):
            yield (x, t), {"reduction": reduction}
        for kw in extra:
            yield (x, t), kw
    return generate


def _weigh(loss: Any, weight: Any) -> Any:
    return loss if weight is None else loss * weight


def _reduce_weighted(loss: Any, input: Any, weight: Any, reduction: str) -> Any:
    """The reduced loss; the mean of weighted elements is over the sum of the weights."""
    if weight is None:
        return reduce_loss(loss, reduction)
    if tuple(weight.shape) != tuple(input.shape):
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    return sum_(loss) / sum_(weight) if reduction == "mean" else reduce_loss(loss, reduction)


@functional_loss(samples=_pairs(), reference=lambda x, t, reduction: np_reduce((x - t) ** 2, reduction))
def mse_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
             weight: Any = None) -> Any:
    """Squared differences, averaged, summed or as they are."""
    _require_floats("mse_cpu", input, target)
    _warn_sizes(input, target)
    chosen = reduction_meant(reduction, size_average, reduce)
    return _reduce_weighted(_squared_error(input, target), input, weight, chosen)


@functional_loss(samples=_pairs(), reference=lambda x, t, reduction: np_reduce(np.abs(x - t), reduction))
def l1_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
            weight: Any = None) -> Any:
    """Absolute differences, averaged, summed or as they are."""
    _warn_sizes(input, target)
    chosen = reduction_meant(reduction, size_average, reduce)
    return _reduce_weighted(_absolute_error(input, target), input, weight, chosen)


def _np_smooth_l1(x: Any, t: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    a = np.abs(x - t)
    return np_reduce(np.where(a < beta, 0.5 * a * a / beta, a - 0.5 * beta), reduction)


@functional_loss(samples=_pairs({"beta": 0.5}), reference=_np_smooth_l1)
def smooth_l1_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None,
                   reduction: str = "mean", beta: float = 1.0) -> Any:
    """Squared below a difference of ``beta``, absolute above (Girshick 2015)."""
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    _require_floats("smooth_l1_cpu", input, target)
    _warn_sizes(input, target)
    loss = _smooth_l1_op(input, target, float(beta)) if beta else _absolute_error(input, target)
    return reduce_loss(loss, reduction_meant(reduction, size_average, reduce))


def _np_huber(x: Any, t: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    a = np.abs(x - t)
    return np_reduce(np.where(a <= delta, 0.5 * a * a, delta * (a - 0.5 * delta)), reduction)


@functional_loss(samples=_pairs({"delta": 0.5}), reference=_np_huber)
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0,
               weight: Any = None) -> Any:
    """Squared below a difference of ``delta``, linear above (Huber 1964)."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    _require_floats("huber_cpu", input, target)
    _warn_sizes(input, target)
    loss = _huber_op(input, target, float(delta))
    return _reduce_weighted(loss, input, weight, reduction_meant(reduction))


def _np_bce(x: Any, t: Any, reduction: str = "mean") -> Any:
    return np_reduce(-(t * np.log(x) + (1 - t) * np.log(1 - x)), reduction)


@functional_loss(samples=_pairs(low=0.1, high=0.9), reference=_np_bce)
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, size_average: Any = None,
                         reduce: Any = None, reduction: str = "mean") -> Any:
    """Cross entropy of probabilities ``input`` against probabilities ``target``.

    Raises:
        ValueError: the shapes differ.
    """
    if target.shape != input.shape:
        raise ValueError(f"Using a target size ({target.shape}) that is different to the input size "
                         f"({input.shape}) is deprecated. Please ensure they have the same size.")
    chosen = reduction_meant(reduction, size_average, reduce)
    return reduce_loss(_weigh(_cross_op(input, target), weight), chosen)


def _np_logits(x: Any, t: Any, reduction: str = "mean", pos_weight: Any = 1.0) -> Any:
    softplus = np.logaddexp(0, -x)
    return np_reduce((1 - t) * x + softplus * ((pos_weight - 1) * t + 1), reduction)


@functional_loss(samples=_pairs({"pos_weight": np.array([0.5, 1.0, 2.0, 3.0])}), reference=_np_logits)
def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, size_average: Any = None,
                                     reduce: Any = None, reduction: str = "mean",
                                     pos_weight: Any = None) -> Any:
    """Cross entropy of ``sigmoid(input)`` against probabilities ``target``, without overflow.

    Raises:
        ValueError: the shapes differ.
    """
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    _require_floats("log_sigmoid_cpu", input, target)
    loss = (_logits_op(input, target) if pos_weight is None else
            _weighted_logits_op(input, target, pos_weight))
    return reduce_loss(_weigh(loss, weight), reduction_meant(reduction, size_average, reduce))


def _np_kl(x: Any, t: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    entropy = np.where(t > 0, t * np.log(np.where(t > 0, t, 1)), 0)
    loss = np.exp(t) * (t - x) if log_target else entropy - t * x
    return loss.sum() / len(x) if reduction == "batchmean" else np_reduce(loss, reduction)


@functional_loss(samples=_pairs({"reduction": "batchmean"}, {"log_target": True}, low=0.1), reference=_np_kl)
def kl_div(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
           log_target: bool = False) -> Any:
    """Kullback-Leibler divergence of log-probabilities ``input`` from ``target``."""
    batch = reduction == "batchmean"
    chosen = "sum" if batch else reduction_meant(reduction, size_average, reduce)
    loss = _kl_log_op(input, target) if log_target else _kl_op(input, target)
    if not batch and chosen == "mean":
        warnings.warn("reduction: 'mean' divides the total loss by both the batch size and the support "
                      "size. 'batchmean' divides only by the batch size, and aligns with the KL div math "
                      "definition.", stacklevel=2)
    reduced = reduce_loss(loss, chosen)
    return reduced / input.shape[0] if batch and input.ndim else reduced
