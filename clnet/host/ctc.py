"""Connectionist temporal classification (Graves et al. 2006), one sequence after the other."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


def _states(labels: Any, span: Any, attrs: dict[str, Any]) -> tuple[Any, Any, int]:
    """(classes of the states, which of them may be reached from two before, how many times there are)."""
    start, length, count = (int(n) for n in span)
    classes = np.full(2 * count + 1, attrs["blank"])
    classes[1::2] = labels[start:start + count]
    skips = np.zeros(len(classes), bool)
    skips[3::2] = classes[3::2] != classes[1:-2:2]
    return classes, skips, length


def _moved(row: Any, by: int) -> Any:
    """The row ``by`` states later."""
    return np.concatenate([np.full(min(by, len(row)), -np.inf), row[:-by]])[:len(row)]


def _alpha(scores: Any, skips: Any) -> Any:
    """Log-probabilities (T, states) of reaching each state at each time, by the scores (T, states)."""
    alpha = np.full(scores.shape, -np.inf)
    for t, score in enumerate(scores):
        if t == 0:
            alpha[0, :2] = score[:2]
            continue
        before = alpha[t - 1]
        reached = np.logaddexp(before, _moved(before, 1))
        alpha[t] = np.where(skips, np.logaddexp(reached, _moved(before, 2)), reached) + score
    return alpha


@statements.of("_ctc_loss")
def _forward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The losses (N), and alpha (N, T, width)."""
    x, labels, spans = arrays
    times, batch, classes = x.shape
    losses = np.zeros(batch)
    alpha = np.full((batch, times, attrs["width"]), -np.inf)
    for n in range(batch):
        states, skips, length = _states(labels, spans[:, n], attrs)
        bad = (states < 0) | (states >= classes)
        if bad.any():
            raise IndexError(f"ctc_loss: label {states[bad][0]} is out of bounds for {classes} classes")
        found = _alpha(x[:length, n][:, states].astype("float64"), skips)
        alpha[n, :length, :len(states)] = found
        total = np.logaddexp.reduce(found[-1, -2:]) if length else 0.0 if len(states) == 1 else -np.inf
        losses[n] = 0 if attrs["zero_infinity"] and total == -np.inf else -total
    return losses, alpha


@statements.of("_ctc_loss_backward")
def _backward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The gradient of log-probabilities that stay normalised, as PyTorch has it."""
    x, labels, spans, g, losses, alpha = arrays
    out = np.zeros(x.shape)
    for n in range(x.shape[1]):
        if attrs["zero_infinity"] and losses[n] == np.inf:
            continue
        states, _, length = _states(labels, spans[:, n], attrs)
        scores = x[:length, n].astype("float64")
        # Going on from a state to the end is reaching it from there, with time and labels reversed.
        back = states[::-1]
        skips = np.zeros(len(back), bool)
        skips[3::2] = back[3::2] != back[1:-2:2]
        beta = _alpha(scores[::-1][:, back], skips)[::-1, ::-1]
        share = np.full(scores.shape, -np.inf)
        for s, c in enumerate(states):
            share[:, c] = np.logaddexp(share[:, c], alpha[n, :length, s] + beta[:, s])
        out[:length, n] = (np.exp(scores) - np.exp(share + losses[n] - scores)) * g[n]
    return out
