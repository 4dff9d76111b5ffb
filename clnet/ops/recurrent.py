"""Recurrent layers: elementary RNN, LSTM and GRU over sequences, and their single cells."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.op import Op
from ..kernels import recurrent as kernel
from .declare import composite, new_results, plain_bind, planner
from .gather import index_select
from .join import cat, stack
from .matmul import gemm, linear
from .random import f_dropout
from .recurrent_steps import GATES, derivative, rows_of, step, walk
from .reduction import sum as sum_
from .rowwise import dense
from .view import permute, reshape, select, slice_, t

# The fused layer ---

def block_of(hidden: int) -> int:
    """Units that the backward takes together."""
    return 2 * kernel.ALIGN if hidden % (2 * kernel.ALIGN) == 0 else kernel.ALIGN


def _packed(weight: Any, gates: int) -> Any:
    """The recurrent weight (gates * H, H) as (unit block, gate pair, input, gate, unit in block).

    Three gates are not paired.
    """
    weight = weight.detach()
    hidden = weight.shape[1]
    pairs = 2 if gates == 4 else 1
    blocks = reshape(weight, (pairs, gates // pairs, hidden // kernel.ALIGN, kernel.ALIGN, hidden))
    return dense(permute(blocks, (2, 0, 4, 1, 3)))


def _packed_back(weight: Any) -> Any:
    """The same as (unit block, gate and unit, unit in block)."""
    rows, hidden = weight.shape
    return dense(permute(reshape(weight, (rows, hidden // block_of(hidden), block_of(hidden))), (1, 0, 2)))


def _vjp(ctx: Any, g: Any, g_last: Any, *more: Any) -> tuple[Any, ...]:
    attrs, cell = ctx.attrs, ctx.attrs["cell"]
    given = dict(zip(attrs["given"], ctx.operands[4:]))
    inputs, weight, _, h0 = ctx.operands[:4]
    lstm = cell == "lstm"
    y = ctx.outputs[0]
    g = y.new_zeros(tuple(y.shape)) if g is None else g
    g_last = y.new_zeros(tuple(h0.shape)) if g_last is None else g_last
    g_cell = more[0] if lstm else None
    if lstm and g_cell is None:
        g_cell = y.new_zeros(tuple(h0.shape))
    c0, bias, lengths = given.get("c0"), given.get("bias"), given.get("lengths")
    if ctx.recorded:
        grads = derivative(cell, attrs["reverse"], inputs, weight, h0, c0, bias, lengths, g, g_last, g_cell)
        d_inputs, d_weight, d_h, d_c, d_bias = grads
    else:
        read = [_unit_rows(g), dense(g_last), h0, y]
        if lstm:
            read += [dense(g_cell), c0, ctx.outputs[3], ctx.outputs[4]]
        elif cell == "gru":
            read.append(ctx.outputs[2])
        read += [lengths] if lengths is not None else []
        slopes, d_h, past, *rest = backward(_packed_back(weight), *read, **attrs)
        d_weight = gemm(t(rows_of(slopes)), rows_of(past)) if ctx.needs[1] else None
        d_inputs = rest[0] if cell == "gru" else slopes
        d_c = rest[0] if lstm else None
        d_bias = sum_(slopes, (0, 1)) if bias is not None else None
    found = {"c0": d_c, "bias": d_bias, "lengths": None}
    return (d_inputs, d_weight, None, d_h, *(found[name] for name in attrs["given"]))


def _unit_rows(x: Any) -> Any:
    return x if x.layout.strides[-1] == 1 else dense(x)


backward: Op = planner("_recurrent_backward", plain_bind, new_results(kernel.plan_backward), family="recurrent",
                    public=False)


def _layer(name: str, *saved_outputs: int) -> Op:
    return planner(f"_{name}", plain_bind, new_results(kernel.plan_forward), family="recurrent", vjp=_vjp,
                   saves=(0, 1, 3, 4, 5, 6), saves_out=(0, *saved_outputs), public=False)


# Operands: see kernels/recurrent.py; the packed weight takes no gradient, the weight does.
lstm_layer: Op = _layer("lstm", 3, 4)
_LAYERS = {"lstm": lstm_layer, "gru": _layer("gru", 2), "tanh": _layer("rnn"), "relu": _layer("rnn")}


def _wider(x: Any, gates: int, to: int, columns: bool) -> Any:
    """Zeros after the last row of each gate and, with ``columns``, after the last column."""
    hidden = x.shape[0] // gates
    x = reshape(x, (gates, hidden, *x.shape[1:]))
    x = cat((x, x.new_zeros((gates, to - hidden, *x.shape[2:]))), 1)
    x = reshape(x, (gates * to, *x.shape[2:]))
    return _widened(x, to) if columns else x


def _widened(x: Any, to: int) -> Any:
    return cat((x, x.new_zeros((*x.shape[:-1], to - x.shape[-1]))), -1)


def sequence(cell: str, x: Any, weights: Sequence[Any], h0: Any, c0: Any, reverse: bool,
             lengths: Any) -> tuple[Any, Any, Any]:
    """One layer in one direction.

    Args:
        cell: "lstm", "gru", "tanh" or "relu".
        x: (T, N, I), in any order of memory.
        weights: input weight (gates * H, I), recurrent weight (gates * H, H), their biases or None,
            and for an LSTM a projection (P, H) or None.
        h0, c0: (N, P or H) and (N, H).
        lengths: int64 (N), or None where all rows have T steps; places beyond are zero.

    Returns:
        states (T, N, P or H), the last h, the last c (None but for an LSTM).
    """
    w_ih, w_hh, b_ih, b_hh, projection = weights
    gates = GATES[cell]
    hidden = w_ih.shape[0] // gates
    if projection is not None:
        bias = b_ih if b_hh is None else b_ih + b_hh
        return walk(cell, linear(x, w_ih, bias), w_hh, h0, c0, projection, reverse, lengths)
    wide = -(-hidden // kernel.ALIGN) * kernel.ALIGN
    if wide != hidden:
        w_ih, w_hh = _wider(w_ih, gates, wide, False), _wider(w_hh, gates, wide, True)
        b_ih, b_hh = (None if b is None else _wider(b, gates, wide, False) for b in (b_ih, b_hh))
        h0, c0 = _widened(h0, wide), None if c0 is None else _widened(c0, wide)
    extra: dict[str, Any] = {"c0": None if c0 is None else dense(c0)}
    if cell == "gru":
        extra["bias"] = b_hh
    elif b_hh is not None:
        b_ih = b_ih + b_hh
    extra["lengths"] = lengths
    extra = {name: value for name, value in extra.items() if value is not None}
    first = x.layout.strides[0] >= x.layout.strides[1]
    inputs = linear(x if first else permute(x, (1, 0, 2)), w_ih, b_ih)
    inputs = inputs if first else permute(inputs, (1, 0, 2))
    y, *last = _LAYERS[cell](inputs, w_hh, _packed(w_hh, gates), dense(h0), *extra.values(), cell=cell,
                             reverse=reverse, given=tuple(extra), block=block_of(wide))
    last = last[:2 if cell == "lstm" else 1]
    if wide != hidden:
        y, *last = (slice_(v, v.ndim - 1, 0, hidden, 1) for v in (y, *last))
    return y, last[0], last[1] if cell == "lstm" else None


def _require_float(cell: str, x: Any) -> None:
    if not x.dtype.is_floating_point:
        raise NotImplementedError(f'"{cell}" not implemented for {x.dtype}')


def layers(cell: str, x: Any, h0: Any, c0: Any, params: Sequence[Any], has_biases: bool, num_layers: int,
           dropout: float, train: bool, bidirectional: bool, lengths: Any = None) -> tuple[Any, Any, Any]:
    """A stack of layers on (T, N, I): states of the last layer, the last h and c of every one.

    ``params`` lists, per layer and direction, the weights and biases (and the projection); h0 and c0
    are (layers * directions, N, H).
    """
    _require_float(cell, x)
    directions = 2 if bidirectional else 1
    each = len(params) // (num_layers * directions)
    dtype = x.dtype
    acc = dt.float64 if dtype is dt.float64 else dt.float32
    x, h0 = x.to(acc), h0.to(acc)
    c0 = None if c0 is None else c0.to(acc)
    last_h, last_c = [], []
    for layer in range(num_layers):
        if layer and dropout:
            x = f_dropout(x, dropout, train)
        states = []
        for direction in range(directions):
            k = layer * directions + direction
            own = [p.to(acc) for p in params[k * each:(k + 1) * each]]
            w_ih, w_hh, *rest = own
            b_ih, b_hh = rest[:2] if has_biases else (None, None)
            projection = rest[-1] if len(rest) % 2 else None
            y, h, c = sequence(cell, x, (w_ih, w_hh, b_ih, b_hh, projection), select(h0, 0, k),
                               None if c0 is None else select(c0, 0, k), direction == 1, lengths)
            states.append(y)
            last_h.append(h)
            last_c.append(c)
        x = states[0] if directions == 1 else cat(states, -1)
    c_last = stack(last_c).to(dtype) if c0 is not None else None
    return x.to(dtype), stack(last_h).to(dtype), c_last


# Packed sequences ---

def _grid(batch_sizes: Any) -> tuple[np.ndarray, np.ndarray]:
    """(lengths (N), mask (T, N)) of packed steps whose batches have these sizes."""
    counts = np.asarray(batch_sizes.numpy(), dtype="int64")
    mask = np.arange(int(counts[0])) < counts[:, None]
    return mask.sum(0), mask


def unpacked(data: Any, batch_sizes: Any, value: float = 0.0) -> tuple[Any, Any]:
    """Packed rows (sum of batch sizes, ...) as (T, N, ...), ``value`` where there are none; lengths."""
    lengths, mask = _grid(batch_sizes)
    index = np.where(mask, np.cumsum(mask).reshape(mask.shape) - 1, data.shape[0])
    rows = cat((data, data.new_full((1, *data.shape[1:]), value)))
    flat = index_select(rows, 0, data.new_tensor(index.ravel(), dtype=dt.int64))
    return reshape(flat, (*mask.shape, *data.shape[1:])), data.new_tensor(lengths, dtype=dt.int64)


def packed(x: Any, batch_sizes: Any) -> Any:
    """The rows of (T, N, ...) that the batch sizes name, step after step."""
    _, mask = _grid(batch_sizes)
    index = x.new_tensor(np.flatnonzero(mask), dtype=dt.int64)
    return index_select(reshape(x, (-1, *x.shape[2:])), 0, index)


# torch.lstm and its kin ---

def _call(cell: str, input: Any, states: tuple[Any, Any], rest: tuple[Any, ...]) -> tuple[Any, ...]:
    """Either form of the functions: a padded or a packed input."""
    if isinstance(rest[0], (list, tuple)):
        params, has_biases, num_layers, dropout, train, bidirectional, batch_first = rest
        x = permute(input, (1, 0, 2)) if batch_first else input
        y, h, c = layers(cell, x, *states, params, has_biases, num_layers, dropout, train, bidirectional)
        y = permute(y, (1, 0, 2)) if batch_first else y
    else:
        raise TypeError(f"{cell}(): argument 'params' must be tuple of Tensors, not {type(rest[0]).__name__}")
    return (y, h) if c is None else (y, h, c)


def _np_step(cell: str, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any = 0, b_hh: Any = 0) -> Any:
    def sigmoid(v: Any) -> Any:
        return 1 / (1 + np.exp(-v))

    a, b = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    if cell == "lstm":
        i, forget, g, o = np.split(a + b, 4, -1)
        c = sigmoid(forget) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    if cell == "gru":
        (ar, az, an), (br, bz, bn) = np.split(a, 3, -1), np.split(b, 3, -1)
        fresh = np.tanh(an + sigmoid(ar + br) * bn)
        return fresh + sigmoid(az + bz) * (h - fresh), None
    return (np.tanh(a + b) if cell == "tanh" else np.maximum(a + b, 0)), None


def _np_layers(cell: str) -> Any:
    def reference(x: Any, hx: Any, params: Any, has_biases: bool, num_layers: int, dropout: float, train: bool,
                  bidirectional: bool, batch_first: bool) -> Any:
        h0, c0 = hx if cell == "lstm" else (hx, hx)
        x = np.swapaxes(x, 0, 1) if batch_first else x
        directions, each = 1 + bidirectional, 4 if has_biases else 2
        last = []
        for layer in range(num_layers):
            states = []
            for d in range(directions):
                k = layer * directions + d
                h, c, ys = h0[k], c0[k], []
                for row in x[::-1] if d else x:
                    h, c = _np_step(cell, row, h, c, *params[k * each:(k + 1) * each])
                    ys.append(h)
                states.append(np.stack(ys[::-1] if d else ys))
                last.append((h, c))
            x = np.concatenate(states, -1)
        y = np.swapaxes(x, 0, 1) if batch_first else x
        ends = [np.stack(v) for v in zip(*last) if v[0] is not None]
        return (y, *ends)
    return reference


def _wave(*shape: int, at: float = 0.0) -> Any:
    return np.sin(np.arange(np.prod(shape)) * 1.3 + at).reshape(shape) * 0.8


def _layer_samples(cell: str) -> Any:
    def samples() -> Any:
        gates = GATES[cell]
        for hidden, count, both, first in ((5, 1, False, True), (4, 2, True, False)):
            params: list[Any] = []
            for k in range(count * (1 + both)):
                width = 3 if k < 1 + both else hidden * (1 + both)
                params += [_wave(gates * hidden, width, at=k), _wave(gates * hidden, hidden, at=k + 0.5),
                           *([_wave(gates * hidden, at=k + 2), _wave(gates * hidden, at=k + 3)] if both else [])]
            state = _wave(count * (1 + both), 2, hidden, at=7)
            hx = (state, state[..., ::-1].copy()) if cell == "lstm" else state
            yield (_wave(2, 3, 3) if first else _wave(3, 2, 3), hx, params, both, count, 0.0, False, both, first), {}
    return samples


def _functions(name: str, cell: str) -> Any:
    def body(input: Any, hx: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        names = ("params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")
        rest = (*args, *(kwargs[k] for k in names[len(args):]))
        return _call(cell, input, tuple(hx) if cell == "lstm" else (hx, None), rest)

    ends = "the last h and c" if cell == "lstm" else "the last h"
    body.__doc__ = (f"A stack of {name} layers: ``{name}(input, hx, params, has_biases, num_layers, dropout, train, "
                    f"bidirectional, batch_first)``; the states of the last layer and {ends} of every one.")
    return composite("recurrent", name=name, method=False, samples=_layer_samples(cell),
                     reference=_np_layers(cell))(body)


lstm, gru = _functions("lstm", "lstm"), _functions("gru", "gru")
rnn_tanh, rnn_relu = _functions("rnn_tanh", "tanh"), _functions("rnn_relu", "relu")


def _cell_samples(cell: str) -> Any:
    def samples() -> Any:
        n = GATES[cell] * 4
        state = _wave(2, 4, at=5)
        hx = (state, state[:, ::-1].copy()) if cell == "lstm" else state
        yield (_wave(2, 3), hx, _wave(n, 3, at=1), _wave(n, 4, at=2), _wave(n, at=3), _wave(n, at=4)), {}
        yield (_wave(2, 3), hx, _wave(n, 3, at=1), _wave(n, 4, at=2)), {}
    return samples


def _np_cell(cell: str) -> Any:
    def reference(x: Any, hx: Any, *params: Any) -> Any:
        h, c = _np_step(cell, x, *(hx if cell == "lstm" else (hx, None)), *params)
        return h if c is None else (h, c)
    return reference


def _cells(name: str, cell: str) -> Any:
    def body(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
        _require_float(cell, input)
        h, c = hx if cell == "lstm" else (hx, None)
        if input.shape[-1] != w_ih.shape[1]:
            raise RuntimeError(f"input has inconsistent input_size: got {input.shape[-1]} expected {w_ih.shape[1]}")
        if h.shape[-1] != w_hh.shape[1]:
            raise RuntimeError(f"hidden has inconsistent hidden_size: got {h.shape[-1]} expected {w_hh.shape[1]}")
        h, c = step(cell, linear(input, w_ih, b_ih), linear(h, w_hh, b_hh), h, c)
        return h if c is None else (h, c)

    body.__doc__ = f"One step of {name[:-5]} layers: the next " + ("(h, c)." if cell == "lstm" else "h.")
    return composite("recurrent", name=name, method=False, samples=_cell_samples(cell),
                     reference=_np_cell(cell))(body)


lstm_cell, gru_cell = _cells("lstm_cell", "lstm"), _cells("gru_cell", "gru")
rnn_tanh_cell, rnn_relu_cell = _cells("rnn_tanh_cell", "tanh"), _cells("rnn_relu_cell", "relu")
