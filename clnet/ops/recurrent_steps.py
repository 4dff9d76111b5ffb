"""Recurrent cells step by step in other operators: single cells, projections, second derivatives."""
from __future__ import annotations

from typing import Any

from ..codegen.expr import Expr
from ..codegen.primitives import f
from .activation import relu, sigmoid
from .arithmetic import tanh
from .comparison import gt, lt, where
from .declare import declared, plain_bind
from .gather import gather
from .join import cat, flip, stack
from .matmul import gemm
from .view import chunk, expand, reshape, select, t, unsqueeze

GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}


def _private(name: str, build: Any) -> Any:
    return declared(name, build, plain_bind, "", public=False)


def _gru(reset: Expr, update: Expr, x: Expr, product: Expr, h: Expr) -> Expr:
    fresh = f("tanh", x + f("sigmoid", reset) * product)
    return fresh + f("sigmoid", update) * (h - fresh)


_lstm_memory = _private("_lstm_memory", lambda i, forget, g, c: (
    f("sigmoid", forget) * c + f("sigmoid", i) * f("tanh", g)))
_lstm_output = _private("_lstm_output", lambda o, c: f("sigmoid", o) * f("tanh", c))
_gru_output = _private("_gru_output", _gru)


def step(cell: str, x: Any, product: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """The next (h, c) from the inputs' and the state's part of the gates, both (N, gates * H)."""
    if cell == "lstm":
        i, forget, g, o = chunk(x + product, 4, -1)
        c = _lstm_memory(i, forget, g, c)
        return _lstm_output(o, c), c
    if cell == "gru":
        (xr, xz, xn), (pr, pz, pn) = chunk(x, 3, -1), chunk(product, 3, -1)
        return _gru_output(xr + pr, xz + pz, xn, pn, h), None
    return (tanh if cell == "tanh" else relu)(x + product), None


def reversed_steps(x: Any, lengths: Any) -> Any:
    """The steps of (T, N, ...) in the opposite order, each row within its length."""
    if lengths is None:
        return flip(x, 0)
    steps = unsqueeze(x.new_range(x.shape[0]), 1)
    index = where(lt(steps, lengths), lengths - 1 - steps, steps)
    return gather(x, 0, expand(unsqueeze(index, 2), tuple(x.shape)))


def active(x: Any, lengths: Any) -> list[Any]:
    """Per step of (T, N, ...), a mask (N, 1) of the rows that have not ended; None: all."""
    if lengths is None:
        return [None] * x.shape[0]
    return [unsqueeze(gt(lengths, s), 1) for s in range(x.shape[0])]


def _held(mask: Any, new: Any, old: Any) -> Any:
    return new if mask is None else where(mask, new, old)


def walk(cell: str, inputs: Any, weight: Any, h: Any, c: Any, projection: Any, reverse: bool,
         lengths: Any) -> tuple[Any, Any, Any]:
    """All steps: states (T, N, H), the last h and c; ``projection`` (P, H) makes h narrower."""
    if reverse:
        inputs = reversed_steps(inputs, lengths)
    states = []
    for s, mask in enumerate(active(inputs, lengths)):
        new_h, new_c = step(cell, select(inputs, 0, s), gemm(h, t(weight)), h, c)
        if projection is not None:
            new_h = gemm(new_h, t(projection))
        h, c = _held(mask, new_h, h), _held(mask, new_c, c)
        states.append(_held(mask, new_h, 0.0))
    y = stack(states)
    return (reversed_steps(y, lengths) if reverse else y), h, c


def derivative(cell: str, reverse: bool, inputs: Any, weight: Any, h0: Any, c0: Any, bias: Any, lengths: Any,
               g: Any, g_last: Any, g_cell: Any) -> tuple[Any, ...]:
    """Cotangents of inputs, weight, h0, c0 and bias, in operators that are differentiable again."""
    if reverse:
        inputs, g = reversed_steps(inputs, lengths), reversed_steps(g, lengths)
    masks = active(inputs, lengths)
    h, c = h0, c0
    trail = []
    for s, mask in enumerate(masks):
        x, product = select(inputs, 0, s), gemm(h, t(weight))
        product = product if bias is None else product + bias
        new_h, new_c = step(cell, x, product, h, c)
        trail.append((x, product, h, c, new_h, new_c))
        h, c = _held(mask, new_h, h), _held(mask, new_c, c)
    dh, dc = g_last, g_cell
    slopes, x_slopes = [], []
    for s in reversed(range(len(trail))):
        x, product, h, c, new_h, new_c = trail[s]
        d = dh + select(g, 0, s)
        slope, x_slope, kept, old_c = _slopes(cell, x, product, h, c, new_h, new_c, d, dc)
        mask = masks[s]
        slopes.append(_held(mask, slope, 0.0))
        x_slopes.append(_held(mask, x_slope, 0.0))
        past = gemm(slope, weight)
        dh = _held(mask, past if kept is None else past + kept, dh)
        dc = _held(mask, old_c, dc)
    slopes.reverse()
    x_slopes.reverse()
    every = cat(slopes)
    d_weight = gemm(t(every), cat([item[2] for item in trail]))
    d_inputs = stack(x_slopes)
    return (reversed_steps(d_inputs, lengths) if reverse else d_inputs, d_weight, dh, dc,
            None if bias is None else every.sum(0))


def _slopes(cell: str, x: Any, product: Any, h: Any, c: Any, new_h: Any, new_c: Any, d: Any,
            dc: Any) -> tuple[Any, Any, Any, Any]:
    """Cotangents of the product and of the inputs; what passes straight to h; and c's."""
    if cell == "lstm":
        i, forget, m, o = chunk(x + product, 4, -1)
        i, forget, m, o = sigmoid(i), sigmoid(forget), tanh(m), sigmoid(o)
        shown = tanh(new_c)
        dc = dc + d * o * (1 - shown * shown)
        slope = cat((dc * m * i * (1 - i), dc * c * forget * (1 - forget), dc * i * (1 - m * m),
                     d * shown * o * (1 - o)), -1)
        return slope, slope, None, dc * forget
    if cell == "gru":
        (xr, xz, xn), (pr, pz, pn) = chunk(x, 3, -1), chunk(product, 3, -1)
        reset, z = sigmoid(xr + pr), sigmoid(xz + pz)
        fresh = tanh(xn + reset * pn)
        d_fresh = d * (1 - z) * (1 - fresh * fresh)
        d_reset, d_z = d_fresh * pn * reset * (1 - reset), d * (h - fresh) * z * (1 - z)
        return cat((d_reset, d_z, d_fresh * reset), -1), cat((d_reset, d_z, d_fresh), -1), d * z, None
    slope = d * (1 - new_h * new_h) if cell == "tanh" else where(gt(new_h, 0), d, 0.0)
    return slope, slope, None, None


def rows_of(x: Any) -> Any:
    """(T, N, H) as (T * N, H), in whichever order its memory has."""
    if x.layout.strides[0] < x.layout.strides[1]:
        x = x.permute(1, 0, 2)
    return reshape(x, (-1, x.shape[2]))
