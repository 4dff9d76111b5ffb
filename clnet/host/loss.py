"""Losses over class scores: classes lie along dimension 1 (0 of 1-d scores), targets lack it."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


def _class_dim(x: Any) -> int:
    return 0 if x.ndim == 1 else 1


def _targets(target: Any, classes: int, ignored: int, name: str) -> tuple[Any, Any]:
    """(which targets count, the class of each, 0 where it does not)."""
    target = np.asarray(target, "int64")
    valid = target != ignored
    bad = valid & ((target < 0) | (target >= classes))
    if bad.any():
        raise IndexError(f"{name}: Target {target[bad][0]} is out of bounds.")
    return valid, np.where(valid, target, 0)


def _picked(x: Any, index: Any, dim: int) -> Any:
    return np.take_along_axis(x, np.expand_dims(index, dim), dim).squeeze(dim)


def _column(weight: Any, x: Any) -> Any:
    """Class weights as they broadcast to the scores."""
    return weight.reshape((-1,) + (1,) * (x.ndim - 1 - _class_dim(x)))


@statements.of("_nll_loss")
def _nll(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Per target: the loss, and the share in the mean (the class's weight)."""
    x, target, _, *weight = arrays
    if not x.size:
        return np.zeros(target.shape), np.zeros(target.shape)
    dim = _class_dim(x)
    valid, index = _targets(target, x.shape[dim], attrs["ignored"], "nll_loss")
    share = np.where(valid, weight[0][index] if weight else 1.0, 0.0).astype(x.dtype)
    return np.where(valid, -_picked(x, index, dim) * share, 0), share


@statements.of("_nll_loss_backward")
def _nll_backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    g, target, share = arrays
    out = np.zeros(attrs["shape"], g.dtype)
    dim = _class_dim(out)
    classes = np.arange(out.shape[dim]).reshape((-1,) + (1,) * (out.ndim - 1 - dim))
    hit = np.expand_dims(target, dim) == classes
    return np.where(hit, np.expand_dims(-(g * share), dim), 0)


@statements.of("_cross_entropy")
def _entropy(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Per target: the loss, the share in the mean, and the logarithm of the sum of exponentials."""
    x, target, smoothing, *weight = arrays
    if not x.size:
        return (np.zeros(target.shape),) * 3
    dim = _class_dim(x)
    classes = x.shape[dim]
    valid, index = _targets(target, classes, attrs["ignored"], "cross_entropy")
    top = np.max(x, dim, keepdims=True)
    total = (top + np.log(np.sum(np.exp(x - top), dim, keepdims=True))).squeeze(dim)
    share = np.where(valid, weight[0][index] if weight else 1.0, 0.0).astype(x.dtype)
    loss = share * (total - _picked(x, index, dim))
    if attrs["smooth"]:
        column = _column(weight[0], x) if weight else np.ones((), x.dtype)
        spread = np.sum((np.expand_dims(total, dim) - x) * column, dim) / classes
        loss = loss * (1 - smoothing) + spread * smoothing
    return np.where(valid, loss, 0), share, total


@statements.of("_cross_entropy_backward")
def _entropy_backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The scores' cotangent from (g, scores, target, smoothing, share, log-sum-exp, weight if any)."""
    g, x, target, smoothing, share, total, *weight = arrays
    if not x.size:
        return x
    dim = _class_dim(x)
    classes = x.shape[dim]
    g, target, share, total = (np.expand_dims(v, dim) for v in (g, target, share, total))
    p = np.exp(x - total)
    positions = np.arange(classes).reshape((-1,) + (1,) * (x.ndim - 1 - dim))
    value = share * (p - (positions == target))
    if attrs["smooth"]:
        column = _column(weight[0], x) if weight else np.ones((classes,) + (1,) * (x.ndim - 1 - dim), x.dtype)
        value = value * (1 - smoothing) + (p * column.sum() - column) * (smoothing / classes)
    return np.where(target != attrs["ignored"], g * value, 0)


@statements.of("_weighted_mean")
def _weighted_mean(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The sum of losses over the sum of shares, and the latter."""
    loss, share = arrays
    return np.sum(loss) / np.sum(share), np.sum(share)
