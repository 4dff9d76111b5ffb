"""Softmax along ``attrs["dim"]``."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


def _log_softmax(x: Any, dim: int) -> Any:
    shifted = x - np.max(x, dim, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), dim, keepdims=True))


@statements.of("log_softmax")
def _log(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return _log_softmax(arrays[0], attrs["dim"]) if np.ndim(arrays[0]) else np.zeros_like(arrays[0])


@statements.of("softmax")
def _softmax(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    return np.exp(_log_softmax(arrays[0], attrs["dim"])) if np.ndim(arrays[0]) else np.ones_like(arrays[0])
