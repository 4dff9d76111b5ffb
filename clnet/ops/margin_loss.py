"""Losses that ask for a margin between scores, and likelihoods of counts and of normal variables."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen.expr import Expr
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from .activation import logsigmoid
from .arithmetic import minimum
from .comparison import eq, lt
from .comparison import where as choose
from .distance import cosine_distances, pairwise_distance
from .gather import lookup
from .loss import functional_loss, np_reduce, pointwise, reduce_loss, reduction_meant
from .reduction import any as any_
from .reduction import sum as sum_
from .rowwise import require_float
from .scan import cumsum
from .view import expand, reshape, unsqueeze

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def _positive(z: Expr) -> Expr:
    """The part above zero; the slope at zero is 1, as ``clamp_min``'s is."""
    return where(f("is_nan", z), z, where(z < 0, 0, z))


def _poisson(log_input: bool, full: bool) -> Callable[..., Expr]:
    def build(x: Expr, t: Expr, eps: Expr) -> Expr:
        loss = f("exp", x) - t * x if log_input else x - t * f("log", x + eps)
        if full:  # Stirling's approximation of log(target!)
            big = where(t > 1, t, 2)
            loss = loss + where(t > 1, big * f("log", big) - big + f("log", big * (2 * math.pi)) * 0.5, 0)
        return loss
    return build


_poisson_ops = {(log, full): pointwise(f"poisson_nll_loss_{int(log)}{int(full)}", _poisson(log, full),
                                       promotion="int_to_float", refuses=())
                for log in (False, True) for full in (False, True)}


def _gaussian(x: Expr, t: Expr, variance: Expr, eps: Expr, constant: Expr) -> Expr:
    v = f("max", variance, eps)
    return (f("log", v) + (x - t) * (x - t) / v) * 0.5 + constant


def _gaussian_grads(g: Expr, o: Expr, x: Expr, t: Expr, variance: Expr, eps: Expr,
                    constant: Expr) -> tuple[Expr | None, ...]:
    # The limit on the variance counts as its value, not as a constant.
    v = f("max", variance, eps)
    along = g * (x - t) / v
    return along, -along, g * 0.5 * (1 - (x - t) * (x - t) / v) / v, None, None


_gaussian_op = pointwise("gaussian_nll_loss", _gaussian, grads=_gaussian_grads)
_ranking_op = pointwise("margin_ranking_loss", lambda a, b, t, margin: _positive(margin - t * (a - b)))
_hinge_op = pointwise("hinge_embedding_loss", lambda x, t, margin: (
    where(f("ne", t, 1), _positive(margin - x), 0) + where(f("ne", t, -1), x, 0)))
_soft_op = pointwise("soft_margin_loss", lambda x, t: f("softplus", -(t * x)))
_cosine_op = pointwise("cosine_embedding_loss", lambda c, t, margin: (
    where(f("eq", t, 1), 1 - c, where(f("eq", t, -1), _positive(c - margin), 0))))
_positive_op = pointwise("margin_loss", _positive)


def _data(shape: tuple[int, ...] = (3, 4), phase: float = 0.0) -> Any:
    return np.sin(np.arange(float(math.prod(shape))) ** 1.3 + phase).reshape(shape) * 1.5


def _signs(shape: tuple[int, ...] = (3, 4)) -> Any:
    return np.where(np.arange(math.prod(shape)) % 3 == 0, -1.0, 1.0).reshape(shape)


# Likelihoods ---

def _np_poisson(x: Any, t: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8,
                reduction: str = "mean") -> Any:
    loss = np.exp(x) - t * x if log_input else x - t * np.log(x + eps)
    if full:
        big = np.where(t > 1, t, 2)
        loss = loss + np.where(t > 1, big * np.log(big) - big + 0.5 * np.log(2 * np.pi * big), 0)
    return np_reduce(loss, reduction)


def _poisson_samples() -> Any:
    x, t = np.abs(_data()) + 0.1, np.abs(_data(phase=1.0)) * 2 + 0.1
    yield (x, t), {}
    yield (x, t), {"log_input": False, "full": True, "reduction": "none"}
    yield (x, t), {"full": True, "reduction": "sum"}


@functional_loss(samples=_poisson_samples, reference=_np_poisson)
def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False,
                     size_average: Any = None, eps: float = 1e-8, reduce: Any = None,
                     reduction: str = "mean") -> Any:
    """Negative log-likelihood of Poisson counts ``target`` at rates ``exp(input)``, or ``input``.

    Args:
        full: with Stirling's approximation of the constant ``log(target!)``, where target exceeds 1.
        eps: added to the rates before their logarithm, unless ``log_input``.

    Raises:
        ValueError: an unknown reduction.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    return reduce_loss(_poisson_ops[bool(log_input), bool(full)](input, target, float(eps)), chosen)


def _np_gaussian(x: Any, t: Any, var: Any, full: bool = False, eps: float = 1e-6,
                 reduction: str = "mean") -> Any:
    v = np.maximum(var, eps)
    v = v[..., None] if np.ndim(v) and v.shape != x.shape and v.ndim < x.ndim else v
    loss = 0.5 * (np.log(v) + (x - t) ** 2 / v) + (_HALF_LOG_TAU if full else 0)
    return np_reduce(loss, reduction)


def _gaussian_samples() -> Any:
    x, t, v = _data(), _data(phase=1.0), np.abs(_data(phase=2.0)) + 0.2
    yield (x, t, v), {}
    yield (x, t, v[:, :1]), {"full": True, "reduction": "sum"}
    yield (x, t, v[:, 0]), {"reduction": "none"}


@functional_loss(samples=_gaussian_samples, reference=_np_gaussian)
def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Any:
    """Negative log-likelihood of normal variables ``target`` with these means and variances.

    Waits for the device to check the variances.

    Args:
        var: of ``input``'s shape, or with one dimension of size 1 or without the last; or a number.
        full: with the constant ``log(2 pi) / 2``.
        eps: smallest variance.

    Raises:
        ValueError: negative variances, of a shape that does not fit, or an unknown reduction.
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        spread: Any = var
    else:
        if bool(lt(var, 0).any()):
            raise ValueError("var has negative entry/entries")
        have, want = tuple(var.shape), tuple(input.shape)
        if have != want and want[:-1] == have:
            var = unsqueeze(var, -1)
        elif have != want and not (len(have) == len(want)
                                   and sum(b for a, b in zip(want, have) if a != b) == 1):
            raise ValueError("var is of incorrect size")
        spread = var
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    constant = _HALF_LOG_TAU if full else 0.0
    return reduce_loss(_gaussian_op(input, target, spread, float(eps), constant), reduction)


# Pairs ---

def _ranking_samples() -> Any:
    yield (_data(), _data(phase=1.0), _signs()), {}
    yield (_data(), _data(phase=1.0), _signs()), {"margin": 0.3, "reduction": "none"}


@functional_loss(samples=_ranking_samples, reference=lambda a, b, t, margin=0.0, reduction="mean": np_reduce(
    np.maximum(0, -t * (a - b) + margin), reduction))
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: Any = None,
                        reduce: Any = None, reduction: str = "mean") -> Any:
    """``max(0, -target * (input1 - input2) + margin)``; ``target`` is 1 or -1.

    Raises:
        RuntimeError: different numbers of dimensions.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError("margin_ranking_loss : All input tensors should have same dimension but got "
                           f"sizes: input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} ")
    return reduce_loss(_ranking_op(input1, input2, target, float(margin)), chosen)


def _hinge_samples() -> Any:
    yield (_data(), _signs()), {}
    yield (_data(), _signs()), {"margin": 0.5, "reduction": "sum"}


@functional_loss(samples=_hinge_samples, reference=lambda x, t, margin=1.0, reduction="mean": np_reduce(
    np.where(t != 1, np.maximum(0, margin - x), 0) + np.where(t != -1, x, 0), reduction))
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, size_average: Any = None,
                         reduce: Any = None, reduction: str = "mean") -> Any:
    """``input`` where ``target`` is 1, ``max(0, margin - input)`` where it is -1."""
    chosen = reduction_meant(reduction, size_average, reduce)
    return reduce_loss(_hinge_op(input, target, float(margin)), chosen)


@functional_loss(samples=lambda: [((_data(), _signs()), {}), ((_data(), _signs()), {"reduction": "none"})],
                 reference=lambda x, t, reduction="mean": np_reduce(np.logaddexp(0, -t * x), reduction))
def soft_margin_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None,
                     reduction: str = "mean") -> Any:
    """``log(1 + exp(-target * input))``; ``target`` is 1 or -1."""
    return reduce_loss(_soft_op(input, target), reduction_meant(reduction, size_average, reduce))


def _np_cosine(a: Any, b: Any, t: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    c = (a * b).sum(-1) / np.sqrt(((a * a).sum(-1) + 1e-12) * ((b * b).sum(-1) + 1e-12))
    loss = np.where(t == 1, 1 - c, np.where(t == -1, np.maximum(0, c - margin), 0))
    return np_reduce(loss, reduction)


def _cosine_samples() -> Any:
    yield (_data(), _data(phase=1.0), np.array([1, -1, 1])), {}
    yield (_data(), _data(phase=0.3), np.array([-1, -1, 1])), {"margin": 0.5, "reduction": "none"}
    yield (_data((5,)), _data((5,), 1.0), np.array(-1)), {}


@functional_loss(samples=_cosine_samples, reference=_np_cosine)
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: Any = None,
                          reduce: Any = None, reduction: str = "mean") -> Any:
    """One minus the cosine where ``target`` is 1, ``max(0, cosine - margin)`` where it is -1.

    Args:
        input1, input2: (N, D) with target (N), or (D) with target ().

    Raises:
        RuntimeError: other numbers of dimensions.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but "
                           f"found inputs with sizes {list(input1.shape)} and {list(input2.shape)}.")
    return reduce_loss(_cosine_op(cosine_distances(input1, input2), target, float(margin)), chosen)


# Classes ---

def _class_rows(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Scores (N, C) and int64 classes (N)."""
    require_float(name, input.dtype)
    if input.ndim > 2 or (input.ndim and not input.shape[-1]):
        raise RuntimeError(f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, "
                           f"but got: {list(input.shape)}")
    rows = input if input.ndim == 2 else reshape(input, (1, -1))
    if target.numel() != rows.shape[0] or target.ndim > 1:
        raise RuntimeError(f"{name}: target tensor should be 1-D with size equal to the number of input "
                           f"samples (batch size). Expected target size [{rows.shape[0]}], but got "
                           f"{list(target.shape)}. Input has shape {list(input.shape)}.")
    if target.dtype is not dt.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype}")
    return rows, reshape(target, (rows.shape[0],))


def _np_multi_margin(x: Any, t: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
                     reduction: str = "mean") -> Any:
    rows, classes = np.atleast_2d(x), np.atleast_1d(t)
    n = np.arange(len(classes))
    z = np.maximum(0, margin - rows[n, classes][:, None] + rows) ** p
    if weight is not None:
        z = z * weight[classes][:, None]
    z[n, classes] = 0
    loss = z.sum(1) / rows.shape[1]
    return np_reduce(loss if t.ndim else loss[0], reduction)


def _multi_margin_samples() -> Any:
    x, t = _data((4, 5)), np.array([1, 0, 4, 2])
    yield (x, t), {}
    yield (x, t), {"p": 2, "margin": 0.5, "reduction": "none"}
    yield (x, t), {"weight": np.linspace(0.5, 2.0, 5).astype("float32"), "reduction": "sum"}
    yield (x[0], np.array(3)), {}


@functional_loss(samples=_multi_margin_samples, reference=_np_multi_margin)
def multi_margin_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
                      size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Any:
    """Mean over the other classes of ``max(0, margin - score of the target + score) ** p``.

    Args:
        input: scores (N, C) or (C).  target: classes (N) or ().
        weight: (C), of the target classes.

    Raises:
        ValueError: ``p`` other than 1 or 2.  RuntimeError: shapes that don't fit.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    rows, classes = _class_rows("multi_margin_loss", input, target)
    n, c = rows.shape
    if weight is not None and weight.numel() != c:
        raise RuntimeError(f"inconsistent weight size, expected {c} but got {list(weight.shape)}")
    at = unsqueeze(classes, 1)
    z = _positive_op(float(margin) - lookup(rows, at, 1, "multi_margin_loss") + rows)
    z = z * z if p == 2 else z
    z = choose(eq(rows.new_range(c), at), 0.0, z)
    loss = sum_(z, 1) / c
    if weight is not None:
        loss = loss * lookup(weight.detach(), classes, 0, "multi_margin_loss").to(loss.dtype)
    return reduce_loss(loss if target.ndim or chosen != "none" else reshape(loss, ()), chosen)


def _np_multilabel(x: Any, t: Any, reduction: str = "mean") -> Any:
    rows, labels = np.atleast_2d(x), np.atleast_2d(t)
    losses = []
    for row, label in zip(rows, labels):
        ends = np.flatnonzero(label < 0)
        meant = label[:ends[0]] if len(ends) else label
        rest = np.setdiff1d(np.arange(len(row)), meant)
        losses.append(np.maximum(0, 1 - row[meant][:, None] + row[rest][None]).sum() / len(row))
    return np_reduce(np.array(losses) if t.ndim > 1 else losses[0], reduction)


def _multilabel_samples() -> Any:
    x, t = _data((3, 4)), np.array([[1, 3, -1, 0], [2, -1, 1, 1], [0, 1, 2, 3]])
    yield (x, t), {}
    yield (x, t), {"reduction": "none"}
    yield (x[0], t[0]), {}


@functional_loss(samples=_multilabel_samples, reference=_np_multilabel)
def multilabel_margin_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None,
                           reduction: str = "mean") -> Any:
    """``max(0, 1 - score of a label + score of another class)``, summed over both, by the classes' number.

    Args:
        input: scores (N, C) or (C).
        target: of the same shape, int64: the labels first, ended by -1.

    Raises:
        RuntimeError: other shapes.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    if input.ndim > 2 or (input.ndim and not input.shape[-1]):
        raise RuntimeError("Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{list(input.shape)}")
    require_float("multilabel_margin_loss", input.dtype)
    if tuple(target.shape) != tuple(input.shape):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: "
                           f"{list(input.shape)}")
    if target.dtype is not dt.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype}")
    c = input.shape[-1] if input.ndim else 1
    rows, labels = reshape(input, (-1, c)), reshape(target, (-1, c))
    n = rows.shape[0]
    meant = eq(cumsum(lt(labels, 0), 1), 0)
    at = choose(meant, labels, 0)
    hits = eq(unsqueeze(at, 2), rows.new_range(c)) & unsqueeze(meant, 2)
    label_scores = unsqueeze(lookup(rows, at, 1, "multilabel_margin_loss"), 2)
    z = _positive_op(1.0 - label_scores + unsqueeze(rows, 1))
    counted = unsqueeze(meant, 2) & eq(unsqueeze(any_(hits, 1), 1), False)
    loss = sum_(choose(expand(counted, (n, c, c)), z, 0.0), (1, 2)) / c
    return reduce_loss(loss if input.ndim == 2 or chosen != "none" else reshape(loss, ()), chosen)


def _np_multilabel_soft(x: Any, t: Any, weight: Any = 1.0, reduction: str = "mean") -> Any:
    loss = (t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x)) * weight
    return np_reduce(loss.mean(-1), reduction)


def _multilabel_soft_samples() -> Any:
    x, t = _data((3, 4)), np.abs(_data((3, 4), 1.0)) / 2
    yield (x, t), {}
    yield (x, t), {"weight": np.linspace(0.5, 2, 4), "reduction": "none"}


@functional_loss(samples=_multilabel_soft_samples, reference=_np_multilabel_soft)
def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, size_average: Any = None,
                                reduce: Any = None, reduction: str = "mean") -> Any:
    """Cross entropy of ``sigmoid(input)`` with probabilities ``target``, averaged over the last dimension.

    Raises:
        ValueError: an unknown reduction.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return reduce_loss(sum_(loss, -1) / input.shape[-1], chosen)


# Triplets ---

def _np_distance(a: Any, b: Any, p: float, eps: float) -> Any:
    return (np.abs(a - b + eps) ** p).sum(-1) ** (1 / p)


def _np_triplet(a: Any, b: Any, c: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
                swap: bool = False, reduction: str = "mean") -> Any:
    far = _np_distance(a, c, p, eps)
    far = np.minimum(far, _np_distance(b, c, p, eps)) if swap else far
    return np_reduce(np.maximum(0, margin + _np_distance(a, b, p, eps) - far), reduction)


def _triplet_samples() -> Any:
    triple = tuple(_data(phase=float(k)) for k in range(3))
    yield triple, {}
    yield triple, {"margin": 2.0, "p": 3, "swap": True, "reduction": "none"}


def _check_triplet(anchor: Any, positive: Any, negative: Any, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number "
                           f"of dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and "
                           f"negative {negative.ndim}D inputs")


def _triplet(near: Any, far: Any, between: Any, margin: float, reduction: str) -> Any:
    far = far if between is None else minimum(far, between)
    return reduce_loss(_positive_op(float(margin) + near - far), reduction)


@functional_loss(samples=_triplet_samples, reference=_np_triplet)
def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, size_average: Any = None, reduce: Any = None,
                        reduction: str = "mean") -> Any:
    """``max(0, distance to the positive - distance to the negative + margin)``, distances of order ``p``.

    Args:
        swap: where the positive is nearer to the negative, take that distance (Balntas et al. 2016).

    Raises:
        ValueError: no positive margin.  RuntimeError: different numbers of dimensions.
    """
    chosen = reduction_meant(reduction, size_average, reduce)
    _check_triplet(anchor, positive, negative, margin)
    between = pairwise_distance(positive, negative, p, eps) if swap else None
    return _triplet(pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps),
                    between, margin, chosen)


@functional_loss(samples=lambda: [(tuple(_data(phase=float(k)) for k in range(3)), {}),
                                  (tuple(_data(phase=float(k)) for k in range(3)), {"swap": True})],
                 reference=_np_triplet)
def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *,
                                      distance_function: Any = None, margin: float = 1.0, swap: bool = False,
                                      reduction: str = "mean") -> Any:
    """``triplet_margin_loss`` with a distance of the caller's, by default Euclidean.

    Raises:
        ValueError: no positive margin, or an unknown reduction.
        RuntimeError: different numbers of dimensions.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    _check_triplet(anchor, positive, negative, margin)
    distance = pairwise_distance if distance_function is None else distance_function
    between = distance(positive, negative) if swap else None
    return _triplet(distance(anchor, positive), distance(anchor, negative), between, margin, reduction)
