"""Floating-point operations of operator calls."""
from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any


def _product(operands: Any, attrs: dict[str, Any]) -> int:
    a, b = operands[0].shape, operands[1].shape
    batch = max(prod(a[:-2]), prod(b[:-2])) if len(a) > 2 or len(b) > 2 else 1
    first, second = attrs.get("turned", (False, False))
    inner, rows = (a[-2], a[-1]) if first else (a[-1], a[-2])
    return 2 * batch * rows * inner * (b[-2] if second else b[-1])


def _conv(operands: Any, attrs: dict[str, Any]) -> int:
    x, weight = operands[0].shape, operands[1].shape
    return 2 * x[0] * prod(attrs["size"]) * prod(weight)


def _conv_input(operands: Any, attrs: dict[str, Any]) -> int:
    x, weight = operands[0].shape, operands[1].shape
    return 2 * x[0] * prod(x[2:]) * prod(weight)


def _conv_weight(operands: Any, attrs: dict[str, Any]) -> int:
    g, x = operands[0].shape, operands[1].shape
    return 2 * prod(g) * x[1] // attrs["groups"] * prod(attrs["size"])


def _attention(operands: Any, attrs: dict[str, Any]) -> int:
    q, k, v = (x.shape for x in operands[:3])
    return 2 * prod(q[:-1]) * k[-2] * (q[-1] + v[-1])


def _attention_backward(operands: Any, attrs: dict[str, Any]) -> int:
    q, k, v = (x.shape for x in operands[1:4])
    return 2 * prod(q[:-1]) * k[-2] * (3 * q[-1] + 2 * v[-1])


def _recurrent(operands: Any, attrs: dict[str, Any]) -> int:
    x, weight = operands[0].shape, operands[1].shape
    return 2 * prod(x[:-1]) * prod(weight)


_COUNTS: dict[str, Callable[[Any, dict[str, Any]], int]] = {
    "_gemm": _product, "_conv_forward": _conv, "_conv_input": _conv_input, "_conv_weight": _conv_weight,
    "_attention": _attention, "_attention_backward": _attention_backward, "_lstm": _recurrent,
    "_gru": _recurrent, "_rnn_tanh": _recurrent, "_rnn_relu": _recurrent,
}


def flops(op: Any, operands: Any, attrs: dict[str, Any]) -> int:
    """Operations of products, convolutions, attention and recurrent layers; 0 for other operators.

    A multiplication with its addition counts as two, a causal mask saves nothing, and sizes are those
    that are computed, which for some layers are rounded up.
    """
    count = _COUNTS.get(op.name)
    return 0 if count is None else int(count(operands, attrs))
