"""The one gate through which every operator call passes.

An interpreter gives calls their meaning: run them at once, on the host, with tangents, or record
them.  The top of the stack receives each call; an interpreter that transforms calls forwards them
to the one below.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Interpreter(Protocol):
    """What handles operator calls."""

    def run(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any],
            out: Any = None) -> Any:
        """Perform the call; ``out`` is the tensor (or tuple) that receives the result, if given."""


class Stack(threading.local):
    """Per thread: the interpreters in force, the base one first.

    Attributes:
        top: the interpreter that receives calls.
        adapt: (op, args, kwargs) -> (args, kwargs), applied to the public arguments of composites,
            whose checks would otherwise see what interpreters are about to change; or None.
    """

    adapt: Callable[[Any, tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]] | None = None

    _base: list[Interpreter] = []  # what every thread starts with

    def __init__(self) -> None:
        self._items: list[Interpreter] = list(Stack._base)
        if self._items:
            self.top = self._items[-1]

    def __iter__(self) -> Iterator[Interpreter]:
        return iter(self._items)

    def __getitem__(self, index: int) -> Interpreter:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def push(self, interpreter: Interpreter) -> None:
        """Let ``interpreter`` receive calls."""
        self._items.append(interpreter)
        self.top = interpreter

    def pop(self) -> Interpreter:
        """Take the top interpreter off."""
        gone = self._items.pop()
        self.top = self._items[-1]
        return gone

    def cut(self, interpreter: Interpreter) -> list[Interpreter]:
        """Take off an interpreter and all above it, so that what it does itself is for those below;
        returns what ``restore`` puts back."""
        at = self._items.index(interpreter)
        taken = self._items[at:]
        del self._items[at:]
        self.top = self._items[-1]
        return taken

    def restore(self, taken: list[Interpreter]) -> None:
        """Undo a ``cut``."""
        self._items += taken
        self.top = self._items[-1]

    def below(self, interpreter: Interpreter) -> Interpreter:
        """The interpreter that ``interpreter`` forwards to."""
        return self._items[self._items.index(interpreter) - 1]

    def install(self, interpreter: Interpreter) -> None:
        """Set the base interpreter of every thread."""
        Stack._base = [interpreter]
        self._items[:1] = [interpreter]
        self.top = self._items[-1]


stack = Stack()
