"""The one gate through which every operator call passes.

An interpreter gives calls their meaning: run them at once, on the host, with tangents, or record
them.  The top of the stack receives each call; an interpreter that transforms calls forwards them
to the one below.
"""
from __future__ import annotations

import threading
from typing import Any, Protocol


class Interpreter(Protocol):
    """What handles operator calls."""

    def run(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any],
            out: Any = None) -> Any:
        """Perform the call; ``out`` is the tensor (or tuple) that receives the result, if given."""


class _Stack(threading.local):
    """Per thread: the interpreters in force, the base one first."""

    base: list[Interpreter] = []  # shared default, installed once by the tensor package

    def __init__(self) -> None:
        self.items: list[Interpreter] = list(_Stack.base)


class _StackProxy:
    """List-like access to the calling thread's stack."""

    def __init__(self) -> None:
        self._local = _Stack()

    def __getitem__(self, index: int) -> Interpreter:
        return self._local.items[index]

    def __len__(self) -> int:
        return len(self._local.items)

    def push(self, interpreter: Interpreter) -> None:
        self._local.items.append(interpreter)

    def pop(self) -> Interpreter:
        return self._local.items.pop()

    def below(self, interpreter: Interpreter) -> Interpreter:
        """The interpreter that ``interpreter`` forwards to."""
        items = self._local.items
        return items[items.index(interpreter) - 1]

    def install(self, interpreter: Interpreter) -> None:
        """Set the base interpreter of every thread."""
        _Stack.base = [interpreter]
        self._local.items[:1] = [interpreter]


stack = _StackProxy()
