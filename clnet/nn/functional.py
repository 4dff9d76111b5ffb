"""Functions behind the layers: everything the operators declare for this path."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor.methods import exported

globals().update(exported("nn.functional"))


def __getattr__(name: str) -> Callable[..., Any]:
    raise AttributeError(f"module {__name__!r} has no function {name!r}")
