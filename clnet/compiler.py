"""``torch.compile``: accepted, with one warning; operators run one by one."""
from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any


@functools.cache
def _warn() -> None:
    warnings.warn("compile() changes nothing: clnet runs operators one by one", UserWarning, stacklevel=3)


def compile(model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = "inductor",
            mode: str | None = None, options: Any = None, disable: bool = False) -> Any:
    """The model or function itself; without one, a decorator that gives back what it gets."""
    if not disable:
        _warn()
    return _itself if model is None else model


def _itself(model: Any) -> Any:
    return model


def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function itself, also as a decorator: nothing is compiled."""
    return _itself if fn is None else fn


def reset() -> None:
    """Accepted: nothing is compiled."""


def is_compiling() -> bool:
    """Never."""
    return False


is_dynamo_compiling = is_exporting = is_compiling
