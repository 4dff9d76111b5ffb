"""Launch and allocation events, for profilers.

The launch path reads one attribute, `HUB.launch`: an empty tuple costs nothing more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class LaunchEvent:
    """One kernel launch. `event` is the runtime's event object, None where nothing ran."""

    device: str
    entry: str
    global_size: tuple[int, ...]
    event: object


@dataclass(frozen=True)
class AllocEvent:
    """Memory handed out (`nbytes` above zero) or given back (below zero)."""

    device: str
    nbytes: int


LaunchHook = Callable[[LaunchEvent], None]
AllocHook = Callable[[AllocEvent], None]


class EventHub:
    """Subscribers of launch and allocation events. Thread-safe.

    An allocation hook may be called from a finaliser, in any thread: it must not allocate
    device memory or block.
    """

    __slots__ = ("_lock", "alloc", "launch")

    def __init__(self) -> None:
        self.launch: tuple[LaunchHook, ...] = ()
        self.alloc: tuple[AllocHook, ...] = ()
        self._lock = threading.Lock()

    def subscribe(
        self, launch: LaunchHook | None = None, alloc: AllocHook | None = None
    ) -> Callable[[], None]:
        """Call the given hooks on every event from now on; returns what ends that."""
        with self._lock:
            if launch is not None:
                self.launch += (launch,)
            if alloc is not None:
                self.alloc += (alloc,)

        def unsubscribe() -> None:
            with self._lock:
                self.launch = tuple(hook for hook in self.launch if hook is not launch)
                self.alloc = tuple(hook for hook in self.alloc if hook is not alloc)

        return unsubscribe


HUB = EventHub()
