"""PyTorch's paths for data loading, gradient checkpointing and TensorBoard; they load on first use."""
from __future__ import annotations

import importlib
from typing import Any

_MODULES = ("_pytree", "checkpoint", "data", "tensorboard")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
