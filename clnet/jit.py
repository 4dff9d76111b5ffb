"""``torch.jit``: scripting and tracing give back what they get, with one warning."""
from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, Final

from .nn import Module

__all__ = ["Final", "ScriptModule", "export", "ignore", "is_scripting", "is_tracing", "script", "script_method",
           "trace", "unused"]

ScriptModule = Module


@functools.cache
def _warn(name: str) -> None:
    warnings.warn(f"jit.{name}() changes nothing: clnet runs operators one by one", UserWarning, stacklevel=3)


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """The module, function or class itself."""
    _warn("script")
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The module or function itself."""
    _warn("trace")
    return func


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The decorated function itself."""
    return drop if callable(drop) else _itself


def _itself(fn: Callable[..., Any]) -> Callable[..., Any]:
    return fn


export = unused = script_method = _itself


def is_scripting() -> bool:
    """Never."""
    return False


is_tracing = is_scripting
