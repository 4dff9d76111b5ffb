"""Records what runs while a profiler is on.

It takes the place of the base interpreter, so that it sees each operator call that is performed,
whatever transforms stand above; kernels and memory come as events from the device layer.
"""
from __future__ import annotations

import bisect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from ..autograd import graph
from ..core import dispatch
from ..core.events import HUB, AllocEvent, LaunchEvent
from ..device import Device, current_device, opened_devices
from .flops import flops

_PACKAGE = str(Path(__file__).parents[1])
# Launches kept by their runtime's events before their times are read in between.
_PENDING_LIMIT = 1 << 16


@dataclass(slots=True)
class KernelRecord:
    """One launch on a device; times in nanoseconds of ``perf_counter_ns``, 0 where unknown."""

    name: str
    device: str
    global_size: tuple[int, ...]
    start: int = 0
    end: int = 0


class Event:
    """Something that took place in a thread.

    Attributes:
        kind: "operator", "module", "node" (of the recorded graph), "user" or "step".
        start, end: nanoseconds of ``perf_counter_ns``.
        module: path of the module that it belongs to, also where backward derives it.
        kernels: launches made by it, and not by what lies within it.
        memory: bytes taken less bytes given back by it alone.
    """

    __slots__ = ("children_ns", "end", "flops", "kernels", "kind", "memory", "module", "name", "parent", "shapes",
                 "source", "start", "thread")

    def __init__(self, name: str, kind: str, start: int, thread: int, parent: Event | None, module: str) -> None:
        self.name, self.kind, self.start, self.thread = name, kind, start, thread
        self.parent, self.module = parent, module
        self.end = self.flops = self.memory = self.children_ns = 0
        self.shapes: tuple[Any, ...] = ()
        self.kernels: tuple[KernelRecord, ...] = ()
        self.source = ""

    @property
    def host_ns(self) -> int:
        return self.end - self.start

    @property
    def self_host_ns(self) -> int:
        return self.end - self.start - self.children_ns

    @property
    def device_ns(self) -> int:
        """Time of its own kernels."""
        return sum(k.end - k.start for k in self.kernels)


@dataclass(slots=True)
class AllocRecord:
    """Memory taken (above zero) or given back at a time."""

    time: int
    device: str
    nbytes: int


@dataclass(frozen=True)
class Wanted:
    """What is recorded beside names and times."""

    shapes: bool = False
    memory: bool = False
    flops: bool = False
    modules: bool = False
    stack: bool = False


class _Frames(threading.local):
    def __init__(self) -> None:
        self.open: list[Event] = []
        self.thread = threading.get_native_id()


class Recorder:
    """An interpreter that notes each call and has the one below perform it."""

    def __init__(self, wanted: Wanted, kernels: bool = True) -> None:
        self.wanted, self._with_kernels = wanted, kernels
        self.events: list[Event] = []
        self.allocations: list[AllocRecord] = []
        self.memory_at_start: dict[str, int] = {}
        self.orphans: list[KernelRecord] = []
        self._frames = _Frames()
        self._pending: list[tuple[Event | None, LaunchEvent]] = []
        self._names: dict[str, str] = {}
        self._offsets: dict[str, tuple[Device, int]] = {}
        self._paths: dict[int, tuple[Any, str]] = {}
        self._marks: list[int] = []
        self._modules: list[str] = []
        self._below: Any = None
        self._unsubscribe: Callable[[], None] | None = None

    def begin(self) -> None:
        """Start to record, in this thread and in those begun from now on.

        Raises:
            RuntimeError: another profiler is recording.
        """
        below = dispatch.stack[0]
        if isinstance(below, Recorder):
            raise RuntimeError("Profiler is already enabled on this thread")
        current_device()
        for device in opened_devices():
            self.memory_at_start[device.name] = device.memory_stats().get("allocated_bytes.all.current", 0)
            offset = device.time_launches(True) if self._with_kernels else None
            if offset is not None:
                self._offsets[device.name] = device, offset
        self._below = below
        dispatch.stack.install(self)
        self._unsubscribe = HUB.subscribe(
            launch=self._launched if self._with_kernels else None,
            alloc=self._allocated if self.wanted.memory else None,
            calls=self)

    def finish(self) -> None:
        """Stop, and read the kernels' times."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            dispatch.stack.install(self._below)
            for device, _ in self._offsets.values():
                device.time_launches(False)
            self._read_times()
            now = perf_counter_ns()
            while self._frames.open:  # annotations that outlive the recording
                self._leave(self._frames.open[-1], now)

    # Calls

    def enter(self, name: str, kind: str, module: str | None = None) -> Event:
        """Begin an event in this thread."""
        frames = self._frames
        parent = frames.open[-1] if frames.open else None
        if module is None:
            module = parent.module if parent is not None else ""
        event = Event(name, kind, perf_counter_ns(), frames.thread, parent, module)
        frames.open.append(event)
        return event

    def leave(self, event: Event) -> None:
        """End an event; what was left open within ends too."""
        now = perf_counter_ns()
        while event in self._frames.open:
            self._leave(self._frames.open[-1], now)

    def _leave(self, event: Event, now: int) -> None:
        self._frames.open.pop()
        event.end = now
        if event.parent is not None:
            event.parent.children_ns += now - event.start
        self.events.append(event)

    def run(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any = None) -> Any:
        """Perform a call and note it."""
        frames = self._frames
        opened = frames.open
        parent = opened[-1] if opened else None
        name = self._names.get(op.name) or self._names.setdefault(op.name, op.name.strip("_"))
        event = Event(name, "operator", perf_counter_ns(), frames.thread, parent,
                      parent.module if parent is not None else "")
        opened.append(event)
        wanted = self.wanted
        if wanted.shapes:
            event.shapes = tuple(tuple(getattr(x, "shape", ())) for x in operands)
        if wanted.flops:
            event.flops = flops(op, operands, attrs)
        if wanted.stack:
            event.source = _caller()
        try:
            return self._below.run(op, operands, attrs, out)
        finally:
            opened.pop()
            event.end = now = perf_counter_ns()
            if parent is not None:
                parent.children_ns += now - event.start
            self.events.append(event)

    # What HUB reports

    def _launched(self, launch: LaunchEvent) -> None:
        frames = self._frames.open
        self._pending.append((frames[-1] if frames else None, launch))
        if len(self._pending) >= _PENDING_LIMIT:
            self._read_times()

    def _read_times(self) -> None:
        pending, self._pending = self._pending, []
        for device, _ in self._offsets.values():
            device.synchronize()
        for owner, launch in pending:
            record = KernelRecord(launch.entry, launch.device, launch.global_size)
            timed = self._offsets.get(launch.device)
            times = timed[0].launch_times(launch.event) if timed is not None else None
            if timed is not None and times is not None:
                record.start, record.end = times[0] + timed[1], times[1] + timed[1]
            if owner is None:
                self.orphans.append(record)
            else:
                owner.kernels += (record,)

    def _allocated(self, event: AllocEvent) -> None:
        self.allocations.append(AllocRecord(perf_counter_ns(), event.device, event.nbytes))
        frames = self._frames.open
        if frames:
            frames[-1].memory += event.nbytes

    def module_begins(self, module: Any) -> None:
        if not self.wanted.modules:
            return
        path = self._path(module)
        self._note(path)
        self.enter(path, "module", path)

    def module_ends(self, module: Any, output: Any) -> None:
        if not self.wanted.modules:
            return
        frames = self._frames.open
        event = next((e for e in reversed(frames) if e.kind == "module"), None)
        if event is not None:  # none where recording began within the call
            self.leave(event)
            self._note(event.parent.module if event.parent is not None else "")

    def node_begins(self, name: str, sequence: int) -> None:
        place = bisect.bisect(self._marks, sequence) - 1
        self.enter(name, "node", self._modules[place] if place >= 0 else "")

    def node_ends(self) -> None:
        frames = self._frames.open
        event = next((e for e in reversed(frames) if e.kind == "node"), None)
        if event is not None:
            self.leave(event)

    def _note(self, path: str) -> None:
        """Nodes recorded from here on are of that module."""
        self._marks.append(graph.mark())
        self._modules.append(path)

    def _path(self, module: Any) -> str:
        known = self._paths.get(id(module))
        if known is None:
            root = type(module).__name__
            for name, inner in module.named_modules():
                self._paths.setdefault(id(inner), (inner, f"{root}.{name}" if name else root))
            known = self._paths[id(module)]
        return known[1]


def _caller() -> str:
    """The innermost line outside the package."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}({frame.f_lineno}): {frame.f_code.co_name}"
