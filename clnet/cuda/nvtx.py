"""Marks for NVIDIA's profiler: accepted, and written nowhere."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


def range_push(msg: str) -> int:
    """Accepted."""
    return 0


def range_pop() -> int:
    """Accepted."""
    return 0


def mark(msg: str) -> None:
    """Accepted."""


@contextlib.contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A block with a name."""
    yield
