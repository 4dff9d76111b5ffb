"""Ranges, fills, triangles, joins, frames, and what views give back."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import layout as lay
from .table import statements


@statements.of("_arange")
def _arange(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    start, step = arrays
    wide = np.dtype("float64") if attrs["dtype"].is_floating_point else np.dtype("int64")
    return np.arange(attrs["count"]).astype(wide) * np.asarray(step, wide) + np.asarray(start, wide)


@statements.of("_linspace")
def _linspace(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """Counted from the nearer end, so that both ends are exact."""
    start, end, step, half, last = (np.float64(v) for v in arrays)
    position = np.arange(attrs["count"], dtype="float64")
    return np.where((position < half) | (last == 0), position * step + start, (position - last) * step + end)


@statements.of("_fill")
def _fill(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return np.broadcast_to(np.asarray(arrays[0]), attrs["shape"]) if "shape" in attrs else np.asarray(arrays[0])


@statements.of("cat")
def _cat(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return np.concatenate(arrays, attrs["dim"])


@statements.of("tril")
def _tril(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return np.tril(arrays[0], attrs["diagonal"])


@statements.of("triu")
def _triu(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return np.triu(arrays[0], attrs["diagonal"])


@statements.of("_frame")
def _frame(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The operand with a constant around it."""
    return np.pad(arrays[0], attrs["frame"], constant_values=attrs["value"]) if np.ndim(arrays[0]) else arrays[0]


def _write(out: Any, dtype: Any, values: Any, attrs: dict[str, Any]) -> None:
    """Put values where a view (``attrs["view"]``, ``attrs["attrs"]``) of a row-major array looks."""
    window, offset = attrs["view"].view(lay.dense(out.shape, dtype), 0, **dict(attrs["attrs"]))
    # A view of complex numbers as reals counts in these.
    held = np.dtype(out.real.dtype) if dtype.is_complex and not window.dtype.is_complex else out.dtype
    if window.numel:
        np.ndarray(window.shape, held, out, offset * held.itemsize,
                   [s * held.itemsize for s in window.strides])[...] = values


@statements.of("_embed")
def _embed(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    out = np.zeros(attrs["shape"], arrays[0].dtype)
    _write(out, layouts[0].dtype, arrays[0], attrs)
    return out


@statements.of("_overlay")
def _overlay(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """A copy of the base with the source (a tensor or a number) where the view looks."""
    out = np.array(arrays[0], order="C")
    _write(out, layouts[0].dtype, arrays[1], attrs)
    return out
