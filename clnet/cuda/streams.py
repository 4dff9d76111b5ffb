"""Streams and events: every device has one queue in order, so that streams change nothing."""
from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from ..device import Device
from .devices import gpu


class Event:
    """A point in a device's queue, for measuring time.

    ``record`` waits for the device, so that times between events are those of finished work.
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        self.enable_timing = enable_timing
        self._recorded: float | None = None

    def record(self, stream: Any = None) -> None:
        gpu().synchronize()
        self._recorded = time.perf_counter()

    def synchronize(self) -> None:
        """Nothing is left to wait for."""

    def wait(self, stream: Any = None) -> None:
        """Nothing is left to wait for."""

    def query(self) -> bool:
        """Whether the work before the event is done: always."""
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another.

        Raises:
            RuntimeError: one of them was not recorded, or does not measure time.
        """
        if not (self.enable_timing and end_event.enable_timing):
            raise RuntimeError("Both events must be created with argument 'enable_timing=True'.")
        if self._recorded is None or end_event._recorded is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return (end_event._recorded - self._recorded) * 1e3


class Stream:
    """A device's one queue."""

    def __init__(self, device: Any = None, priority: int = 0) -> None:
        self.device: Device = gpu(device)

    def synchronize(self) -> None:
        """Wait for everything launched on the device."""
        self.device.synchronize()

    def wait_stream(self, stream: Any) -> None:
        """Accepted: the queue is in order."""

    def wait_event(self, event: Any) -> None:
        """Accepted: the queue is in order."""

    def record_event(self, event: Event | None = None) -> Event:
        """An event at the end of the queue."""
        event = event or Event()
        event.record(self)
        return event

    def query(self) -> bool:
        """Whether everything launched is done (waits for it)."""
        self.synchronize()
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.device is other.device

    def __hash__(self) -> int:
        return hash(self.device.name)


def current_stream(device: Any = None) -> Stream:
    """The device's queue."""
    return Stream(device)


def default_stream(device: Any = None) -> Stream:
    """The device's queue."""
    return Stream(device)


def set_stream(stream: Any) -> None:
    """Accepted: there is one queue."""


class StreamContext:
    """``with cuda.stream(s):``, which changes nothing."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        pass


def stream(stream: Any) -> StreamContext:
    """A block that runs in a stream: the device's queue, as outside."""
    return StreamContext(stream)
