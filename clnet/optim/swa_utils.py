"""Averages of weights under PyTorch's path: the rate's schedule, and from ``clnet.nn`` the model."""
from __future__ import annotations

import importlib
from typing import Any

from .swa import SWALR as SWALR

_OF_MODELS = ("AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
              "get_swa_multi_avg_fn", "update_bn")
__all__ = ["SWALR", *_OF_MODELS]


def __getattr__(name: str) -> Any:
    if name in _OF_MODELS:
        return getattr(importlib.import_module("clnet.nn.averaging"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
