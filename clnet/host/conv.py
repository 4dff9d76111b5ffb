"""Convolutions over any number of dimensions, and the adjoints in input and weight.

All three are one sum over the window's taps of products between a slice of the padded input, the weight's
matrix of that tap, and the output's plane.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .table import statements


def _taps(taps: Sequence[int], size: Sequence[int], attrs: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Per tap: its index in the weight, and the slices of the padded input that outputs meet there."""
    for tap in np.ndindex(*taps):
        yield (...,) + tap, (...,) + tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(
            tap, attrs["dilation"], size, attrs["stride"]))


def _reach(taps: Sequence[int], size: Sequence[int], inputs: Sequence[int], attrs: dict[str, Any]) -> list[int]:
    """How long the padded input has to be for every window, and for the input itself."""
    return [max((n - 1) * s + d * (r - 1) + 1, p + m) for n, s, d, r, p, m in zip(
        size, attrs["stride"], attrs["dilation"], taps, attrs["padding"], inputs)]


def _within(inputs: Sequence[int], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """Where the input lies in its padded planes."""
    return (...,) + tuple(slice(p, p + n) for p, n in zip(attrs["padding"], inputs))


def _padded(x: Any, reach: Sequence[int], attrs: dict[str, Any]) -> Any:
    """Zeros around the input, with the channels in groups (n, groups, c / groups, *reach)."""
    out = np.zeros((*x.shape[:2], *reach), x.dtype)
    out[_within(x.shape[2:], attrs)] = x
    return _grouped(out, attrs)


def _grouped(x: Any, attrs: dict[str, Any]) -> Any:
    groups = attrs["groups"]
    return x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])


def _with_bias(y: Any, arrays: list[Any]) -> Any:
    return y if len(arrays) < 3 else y + arrays[2].reshape(-1, *(1 for _ in y.shape[2:]))


@statements.of("_conv_forward")
def _forward(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """x (n, c, *input), w (o, c / groups, *taps), optionally a bias (o) -> (n, o, *size)."""
    x, w = arrays[:2]
    size, taps, groups = attrs["size"], w.shape[2:], attrs["groups"]
    padded = _padded(x, _reach(taps, size, x.shape[2:], attrs), attrs)
    weights = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    y = np.zeros((x.shape[0], groups, w.shape[0] // groups, *size), x.dtype)
    for tap, window in _taps(taps, size, attrs):
        y += np.einsum("ngc...,goc->ngo...", padded[window], weights[tap])
    return _with_bias(y.reshape(x.shape[0], w.shape[0], *size), arrays)


@statements.of("_conv_input")
def _input(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """g (n, o, *output), w (o, c / groups, *taps), optionally a bias (c) -> (n, c, *size)."""
    g, w = arrays[:2]
    size, taps, groups = attrs["size"], w.shape[2:], attrs["groups"]
    weights = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    cotangents = _grouped(g, attrs)
    reach = _reach(taps, g.shape[2:], size, attrs)
    x = np.zeros((g.shape[0], groups, w.shape[1], *reach), g.dtype)
    for tap, window in _taps(taps, g.shape[2:], attrs):
        x[window] += np.einsum("ngo...,goc->ngc...", cotangents, weights[tap])
    x = x.reshape(g.shape[0], groups * w.shape[1], *reach)
    return _with_bias(x[_within(size, attrs)], arrays)


@statements.of("_conv_weight")
def _weight(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """g (n, o, *output), x (n, c, *input) -> (o, c / groups, *size)."""
    g, x = arrays
    taps, groups = attrs["size"], attrs["groups"]
    cotangents = _grouped(g, attrs)
    padded = _padded(x, _reach(taps, g.shape[2:], x.shape[2:], attrs), attrs)
    w = np.zeros((groups, g.shape[1] // groups, x.shape[1] // groups, *taps), x.dtype)
    for tap, window in _taps(taps, g.shape[2:], attrs):
        w[tap] = np.einsum("ngoq,ngcq->goc", _flat(cotangents), _flat(padded[window]))
    return w.reshape(g.shape[1], x.shape[1] // groups, *taps)


def _flat(x: Any) -> Any:
    """The spatial dimensions as one."""
    return x.reshape(*x.shape[:3], int(np.prod(x.shape[3:])))
