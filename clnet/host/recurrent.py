"""Recurrent cells over whole sequences: (T, N, gates * H) to states (T, N, H), and back."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .table import statements


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _places(steps: int, lengths: Any, reverse: bool) -> Iterator[tuple[Any, Any, Any]]:
    """Per step: the rows that have not ended, the time of each, and the time of its state before."""
    for step in range(steps):
        rows = np.flatnonzero(lengths > step)
        time = lengths[rows] - 1 - step if reverse else np.full(len(rows), step)
        yield rows, time, time + 1 if reverse else time - 1


def _lengths(given: dict[str, Any], steps: int, n: int) -> Any:
    return np.asarray(given["lengths"], "int64") if "lengths" in given else np.full(n, steps)


@statements.of("_lstm", "_gru", "_rnn")
def _layer(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """All states and the last, then what the backward reads: see kernels/recurrent.py."""
    inputs, _, packed, h = arrays[:4]
    given, cell = dict(zip(attrs["given"], arrays[4:])), attrs["cell"]
    steps, n = inputs.shape[:2]
    hidden = h.shape[1]
    # (unit block, gate pair, input, gate, unit in block) to (gate and unit, input)
    weight = packed.transpose(1, 3, 0, 4, 2).reshape(-1, hidden)
    h = h.copy()
    c: Any = given["c0"].copy() if cell == "lstm" else None
    y, cells = (np.zeros((steps, n, hidden), inputs.dtype) for _ in range(2))
    gates = np.zeros((steps, n, 4 * hidden), inputs.dtype)
    for rows, time, _ in _places(steps, _lengths(given, steps, n), attrs["reverse"]):
        x, product = inputs[time, rows], h[rows] @ weight.T
        product = product + given["bias"] if "bias" in given else product
        if cell == "lstm":
            i, forget, fresh, o = np.split(x + product, 4, -1)
            i, forget, fresh, o = _sigmoid(i), _sigmoid(forget), np.tanh(fresh), _sigmoid(o)
            c[rows] = cells[time, rows] = forget * c[rows] + i * fresh
            new = o * np.tanh(c[rows])
            gates[time, rows] = np.concatenate([i, forget, fresh, o], -1)
        elif cell == "gru":
            (xr, xz, xn), (pr, pz, pn) = np.split(x, 3, -1), np.split(product, 3, -1)
            reset, z = _sigmoid(xr + pr), _sigmoid(xz + pz)
            fresh = np.tanh(xn + reset * pn)
            new = fresh + z * (h[rows] - fresh)
            gates[time, rows] = np.concatenate([reset, z, fresh, pn], -1)
        else:
            new = np.tanh(x + product) if cell == "tanh" else np.maximum(x + product, 0)
        h[rows] = y[time, rows] = new
    if cell == "lstm":
        return y, h, c, cells, gates
    return (y, h, gates) if cell == "gru" else (y, h)


@statements.of("_recurrent_backward")
def _backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Cotangents of the recurrent product, h0, the past states, then c0 (lstm) or the inputs' (gru)."""
    packed, g, g_last, h0, y, *more = arrays
    cell = attrs["cell"]
    steps, n, hidden = y.shape
    # (unit block, gate and unit, unit in block) to (gate and unit, unit)
    weight = packed.transpose(1, 0, 2).reshape(packed.shape[1], hidden)
    dc: Any = None
    if cell == "lstm":
        dc, c0, cells = (more.pop(0) for _ in range(3))
        dc = dc.copy()
    gates: Any = more.pop(0) if cell in ("lstm", "gru") else None
    lengths = _lengths({"lengths": more[0]} if more else {}, steps, n)
    dh = g_last.copy()
    slopes, x_slopes = (np.zeros((steps, n, len(weight)), y.dtype) for _ in range(2))
    past = np.zeros_like(y)
    for rows, time, before in reversed(list(_places(steps, lengths, attrs["reverse"]))):
        first = ((before < 0) | (before >= lengths[rows]))[:, None]
        at = np.clip(before, 0, steps - 1), rows
        h = past[time, rows] = np.where(first, h0[rows], y[at])
        d = dh[rows] + g[time, rows]
        kept: Any = 0
        if cell == "lstm":
            i, forget, fresh, o = np.split(gates[time, rows], 4, -1)
            shown = np.tanh(cells[time, rows])
            c = np.where(first, c0[rows], cells[at])
            inner = dc[rows] + d * o * (1 - shown * shown)
            parts = [inner * fresh * i * (1 - i), inner * c * forget * (1 - forget),
                     inner * i * (1 - fresh * fresh), d * shown * o * (1 - o)]
            dc[rows] = inner * forget
        elif cell == "gru":
            reset, z, fresh, product = np.split(gates[time, rows], 4, -1)
            inner = d * (1 - z) * (1 - fresh * fresh)
            opened, mixed = inner * product * reset * (1 - reset), d * (h - fresh) * z * (1 - z)
            parts = [opened, mixed, inner * reset]
            x_slopes[time, rows] = np.concatenate([opened, mixed, inner], -1)
            kept = d * z
        else:
            new = y[time, rows]
            parts = [d * (1 - new * new) if cell == "tanh" else np.where(new > 0, d, 0)]
        slope = slopes[time, rows] = np.concatenate(parts, -1)
        dh[rows] = slope @ weight + kept
    if cell == "lstm":
        return slopes, dh, past, dc
    return (slopes, dh, past, x_slopes) if cell == "gru" else (slopes, dh, past)
