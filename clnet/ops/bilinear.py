"""Products of two inputs with a matrix per output, and a projection joined with its loss."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .class_loss import cross_entropy, np_cross_entropy
from .declare import composite
from .loss import functional_loss
from .matmul import linear, matmul
from .reduction import sum as sum_
from .view import permute, reshape, unsqueeze


def _samples() -> Any:
    a, b = np.sin(np.arange(6.0)).reshape(2, 3), np.cos(np.arange(8.0)).reshape(2, 4)
    w = np.sin(np.arange(60.0) ** 1.3).reshape(5, 3, 4)
    yield (a, b, w, np.arange(5.0)), {}
    yield (a[0], b[0], w), {}


def _np_bilinear(a: Any, b: Any, weight: Any, bias: Any = None) -> Any:
    y = np.einsum("...i,oij,...j->...o", a, weight, b)
    return y if bias is None else y + bias


@composite("bilinear", method=False, samples=_samples, reference=_np_bilinear)
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """``input1 @ weight[o] @ input2 + bias[o]`` for every output feature ``o``.

    Args:
        input1: (*, in1).  input2: (*, in2).  weight: (out, in1, in2).  bias: (out).

    Returns:
        (*, out)

    Raises:
        RuntimeError: shapes that don't fit.
    """
    if input1.ndim != input2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}")
    for d in range(input1.ndim - 1):
        if input1.shape[d] != input2.shape[d]:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {d}: got "
                               f"{input1.shape[d]} and {input2.shape[d]}")
    outs, in1, in2 = weight.shape
    for n, (x, size) in enumerate(((input1, in1), (input2, in2)), 1):
        if x.shape[-1] != size:
            raise RuntimeError(f"bilinear(): input{n} size does not match weight size: got {x.shape[-1]} but "
                               f"expected {size}")
    if bias is not None and bias.shape[0] != outs:
        raise RuntimeError(f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but "
                           f"expected {outs}")
    lead = tuple(input1.shape[:-1])
    rows = math.prod(lead)
    half = matmul(reshape(input1, (rows, in1)), reshape(permute(weight, (1, 0, 2)), (in1, outs * in2)))
    y = sum_(reshape(half, (rows, outs, in2)) * unsqueeze(reshape(input2, (rows, in2)), 1), 2)
    y = reshape(y, (*lead, outs))
    return y if bias is None else y + bias


def _fused_samples() -> Any:
    x, w = np.sin(np.arange(12.0)).reshape(4, 3), np.cos(np.arange(15.0) ** 1.3).reshape(5, 3)
    yield (x, w, np.array([0, 4, 2, 1])), {}
    yield (x, w, np.array([0, 4, 2, 1])), {"linear_bias": np.arange(5.0), "reduction": "none",
                                           "label_smoothing": 0.1}


def _np_fused(x: Any, w: Any, t: Any, linear_bias: Any = None, **options: Any) -> Any:
    return np_cross_entropy(x @ w.T + (0 if linear_bias is None else linear_bias), t, **options)


@functional_loss(samples=_fused_samples, reference=_np_fused)
def linear_cross_entropy(input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None,
                         weight: Any = None, reduction: str = "mean", ignore_index: int | None = None,
                         label_smoothing: float = 0.0, options: Any = None) -> Any:
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``.

    Args:
        input: (in) or (N, in).  linear_weight: (C, in), or (C, d1, ..., in) for a loss of more dimensions.
        ignore_index: None is -100 for classes.
        options: how PyTorch splits the work to save memory; changes nothing here.
    """
    inner = tuple(linear_weight.shape[1:-1])
    flat = reshape(linear_weight, (-1, linear_weight.shape[-1])) if inner else linear_weight
    bias = None if linear_bias is None else reshape(linear_bias, (-1,))
    logits = linear(input, flat, bias)
    if inner:
        logits = reshape(logits, (*input.shape[:-1], linear_weight.shape[0], *inner))
    return cross_entropy(logits, target, weight, reduction=reduction, label_smoothing=label_smoothing,
                         ignore_index=-100 if ignore_index is None else ignore_index)
