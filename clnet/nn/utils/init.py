"""Layers made without drawing initial values."""
from __future__ import annotations

import inspect
from typing import Any

from ..modules.module import Module


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A layer whose parameters are not initialised usefully, for values that are loaded next.

    Raises:
        RuntimeError: no module class.  ValueError: its ``__init__`` takes no ``device``.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise ValueError("Module must support a 'device' arg to skip initialization")
    return module_cls(*args, **kwargs)
