"""Events of launches, allocations, module calls and derivatives, for profilers.

The paths that report read one attribute, such as `HUB.launch`: an empty tuple costs nothing more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class LaunchEvent(NamedTuple):
    """One kernel launch. `event` is the runtime's event object, None where nothing ran."""

    device: str
    entry: str
    global_size: tuple[int, ...]
    event: object


class AllocEvent(NamedTuple):
    """Memory handed out (`nbytes` above zero) or given back (below zero)."""

    device: str
    nbytes: int


LaunchHook = Callable[[LaunchEvent], None]
AllocHook = Callable[[AllocEvent], None]


class CallObserver(Protocol):
    """What follows the calls of modules and the derivation of recorded nodes, in the thread that
    makes them. What begins, ends, also by an exception."""

    def module_begins(self, module: Any) -> None:
        """`module` is about to be called."""

    def module_ends(self, module: Any, output: Any) -> None:
        """It has returned `output`; None if it raised."""

    def node_begins(self, name: str, sequence: int) -> None:
        """Backward reached the node of that name and number."""

    def node_ends(self) -> None:
        """The node's cotangents are computed."""


class EventHub:
    """Subscribers of events. Thread-safe.

    An allocation hook may be called from a finaliser, in any thread: it must not allocate
    device memory or block.
    """

    __slots__ = ("_lock", "alloc", "calls", "launch")

    def __init__(self) -> None:
        self.launch: tuple[LaunchHook, ...] = ()
        self.alloc: tuple[AllocHook, ...] = ()
        self.calls: tuple[CallObserver, ...] = ()
        self._lock = threading.Lock()

    def subscribe(
        self, launch: LaunchHook | None = None, alloc: AllocHook | None = None,
        calls: CallObserver | None = None,
    ) -> Callable[[], None]:
        """Call the given hooks on every event from now on; returns what ends that."""
        with self._lock:
            if launch is not None:
                self.launch += (launch,)
            if alloc is not None:
                self.alloc += (alloc,)
            if calls is not None:
                self.calls += (calls,)

        def unsubscribe() -> None:
            with self._lock:
                self.launch = tuple(hook for hook in self.launch if hook is not launch)
                self.alloc = tuple(hook for hook in self.alloc if hook is not alloc)
                self.calls = tuple(observer for observer in self.calls if observer is not calls)

        return unsubscribe


HUB = EventHub()
