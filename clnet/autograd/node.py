"""What every node of the recorded graph offers: its name, its edges, its hooks."""
from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any


class RemovableHandle:
    """What registering a hook returns; ``remove()`` takes the hook back."""

    _next = 0

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        RemovableHandle._next += 1
        self.id = RemovableHandle._next
        self._hooks = hooks
        hooks[self.id] = hook

    def remove(self) -> None:
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(table: OrderedDict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    """Put a hook at the end of a table, or at its beginning."""
    handle = RemovableHandle(table, hook)
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


class Handles(RemovableHandle):
    """Several handles as one."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        super().__init__({}, None)
        self._handles = tuple(handles)

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()


class Node:
    """A recorded call, as ``grad_fn`` shows it.

    Attributes:
        edges: (node, result index) or None per operand; sequence: later calls have larger ones.
        hooks: functions of one result's cotangent, by index and handle id; retained: the tensors
            that keep theirs; around: hooks before and after the node as a whole.
        trace: where the call was made, in anomaly mode.
    """

    __slots__ = ("edges", "sequence", "hooks", "retained", "around", "trace", "_metadata", "__weakref__")
    edges: list[Any]
    sequence: int

    def __init__(self) -> None:
        self.hooks: dict[int, Any] | None = None
        self.retained: dict[int, Any] | None = None
        self.around: tuple[dict[int, Any], dict[int, Any]] | None = None
        self.trace: str | None = None
        self._metadata: dict[Any, Any] | None = None

    def name(self) -> str:
        """The call's name, such as ``MulBackward0``."""
        return type(self).__name__

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for whatever the user notes about this node."""
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    @property
    def next_functions(self) -> tuple[Any, ...]:
        """The (node, result index) that each operand's cotangent flows to; (None, 0) where it ends."""
        return tuple(e if e is not None else (None, 0) for e in self.edges)

    def register_prehook(self, fn: Callable[[tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before the node runs; a tuple that it returns replaces them."""
        return RemovableHandle(self._hooks_around()[0], fn)

    def register_hook(self, fn: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after; a tuple that it returns replaces the first."""
        return RemovableHandle(self._hooks_around()[1], fn)

    def _hooks_around(self) -> tuple[dict[int, Any], dict[int, Any]]:
        if self.around is None:
            self.around = {}, {}
        return self.around

    def _sequence_nr(self) -> int:
        return self.sequence

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


@functools.cache
def named(name: str, base: Any) -> Any:
    """The class of nodes with this name: users tell nodes apart by ``type(node).__name__``."""
    return type(name, (base,), {"__slots__": ()})
