"""Ranges, fills, triangles, joins and the cotangents of views."""
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


@statements.of("_embed")
def _embed(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    whole = lay.dense(attrs["shape"], layouts[0].dtype)
    window, offset = attrs["view"].view(whole, 0, **dict(attrs["attrs"]))
    out = np.zeros(whole.numel, arrays[0].dtype)
    itemsize = out.itemsize
    if window.numel:
        np.ndarray(window.shape, out.dtype, out, offset * itemsize,
                   [s * itemsize for s in window.strides])[...] = arrays[0]
    return out.reshape(whole.shape)
