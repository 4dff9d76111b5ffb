"""``profile``: record a run or chosen steps of it, with PyTorch's interface."""
from __future__ import annotations

import contextlib
import enum
import functools
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..core import dispatch
from .averages import Averages, average, average_modules
from .recorder import AllocRecord, Event, Recorder, Wanted
from .schedule import ProfilerAction
from .trace import chrome_events, memory_timeline, write_json


class ProfilerActivity(enum.Enum):
    """What is timed: operators on the host (CPU), kernels on devices (any of the others)."""

    CPU = 0
    CUDA = 1
    XPU = 2

    @property
    def is_device(self) -> bool:
        return self is not ProfilerActivity.CPU


class profile:  # noqa: N801  (PyTorch's name)
    """Records operators, kernels, memory and modules within a ``with`` block.

    >>> import clnet
    >>> from clnet.profiler import profile
    >>> with profile() as prof:
    ...     y = clnet.ones(3) + 1
    >>> [row.key for row in prof.key_averages() if row.key == "add"]
    ['add']

    Times of kernels come from the device's events; while they are wanted, launches go through a
    queue that notes them.

    Args:
        activities: ProfilerActivity members; by default host and devices.
        schedule: from a step's number to a ProfilerAction; see ``clnet.profiler.schedule``. Call
            ``step()`` after each step.
        on_trace_ready: called with the profiler at the end of each recording.
        record_shapes: note the operands' shapes.  profile_memory: note memory taken and given back.
        with_flops: count operations of products and convolutions.
        with_modules: note which module an operator ran for, in backward too.
        with_stack: note the line of the program that called.
        use_cuda: the old way to ask for devices.

    Raises:
        RuntimeError, from ``start``: another profiler is recording.
    """

    def __init__(self, *, activities: Iterable[ProfilerActivity] | None = None,
                 schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[..., Any] | None = None, record_shapes: bool = False,
                 profile_memory: bool = False, with_stack: bool = False, with_flops: bool = False,
                 with_modules: bool = False, experimental_config: Any = None, execution_trace_observer: Any = None,
                 acc_events: bool = False, use_cuda: bool | None = None, custom_trace_id_callback: Any = None,
                 post_processing_timeout_s: float | None = None) -> None:
        for name, given in (("experimental_config", experimental_config),
                            ("execution_trace_observer", execution_trace_observer)):
            if given is not None:
                raise NotImplementedError(f"profile: there is no {name} here")
        if use_cuda is not None:
            warnings.warn("`use_cuda` is deprecated, use `activities` argument instead", FutureWarning, stacklevel=2)
            activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * use_cuda
        chosen = set(activities) if activities is not None else {ProfilerActivity.CPU, ProfilerActivity.CUDA}
        if not chosen:
            raise AssertionError("No valid profiler activities found")
        self.activities = chosen
        self._wanted = Wanted(record_shapes, profile_memory, with_flops, with_modules, with_stack)
        self._scheduled = schedule is not None
        self._schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self._on_trace_ready = on_trace_ready
        self.step_num = 0
        self.current_action = ProfilerAction.NONE
        self._recorder: Recorder | None = None
        self._result: Recorder | None = None
        self._step: Event | None = None
        self._metadata: dict[str, Any] = {}

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin with step 0."""
        self.current_action = self._schedule(self.step_num)
        if self.current_action is not ProfilerAction.NONE:
            self._begin()

    def stop(self) -> None:
        """End; what is being recorded is handed to ``on_trace_ready``."""
        before, self.current_action = self.current_action, ProfilerAction.NONE
        if self._recorder is not None:
            self._end(keep=before.recording)

    def step(self) -> None:
        """The next step begins."""
        before = self.current_action
        self.step_num += 1
        self.current_action = now = self._schedule(self.step_num)
        if self._recorder is not None:
            if self._step is not None:
                self._recorder.leave(self._step)
                self._step = None
            if before is ProfilerAction.RECORD_AND_SAVE or now is ProfilerAction.NONE:
                self._end(keep=before.recording)
            elif before is ProfilerAction.WARMUP and now.recording:
                self._end(keep=False)
        if now is not ProfilerAction.NONE:
            if self._recorder is None:
                self._begin()
            elif self._step is None:
                self._open_step()

    def _begin(self) -> None:
        kernels = any(a.is_device for a in self.activities)
        recorder = Recorder(self._wanted, kernels)
        recorder.begin()
        self._recorder = recorder
        if self._scheduled:
            self._open_step()

    def _open_step(self) -> None:
        if self._recorder is not None:
            self._step = self._recorder.enter(f"ProfilerStep#{self.step_num}", "step")

    def _end(self, keep: bool) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        recorder.finish()
        self._step = None
        if keep:
            self._result = recorder
            if self._on_trace_ready is not None:
                self._on_trace_ready(self)

    # What was recorded

    def _recorded(self) -> Recorder:
        if self._result is None:
            raise AssertionError("Profiler must be initialized and stopped before its results can be read")
        return self._result

    def events(self) -> list[Event]:
        """All events of the last recording, in the order in which they began."""
        return sorted(self._recorded().events, key=lambda e: e.start)

    def allocations(self) -> list[AllocRecord]:
        """Memory taken and given back, in order; with ``profile_memory``."""
        return list(self._recorded().allocations)

    def memory_timeline(self) -> dict[str, list[tuple[float, int]]]:
        """Per device, (microseconds, bytes in use from then on); with ``profile_memory``."""
        return memory_timeline(self._recorded())

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> Averages:
        """Events added up by name; ``str`` and ``.table(sort_by=...)`` show them.

        Args:
            group_by_input_shape: apart by the operands' shapes too; with ``record_shapes``.
            group_by_stack_n: if not 0, apart by the program's line that called; with ``with_stack``.
        """
        return average(self._recorded().events, group_by_input_shape, bool(group_by_stack_n))

    def module_averages(self) -> Averages:
        """Time and memory added up by module, backward included; with ``with_modules``.

        Raises:
            RuntimeError: the profiler was made without ``with_modules``.
        """
        if not self._wanted.modules:
            raise RuntimeError("module_averages() needs profile(with_modules=True)")
        return average_modules(self._recorded().events)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a file for chrome://tracing or ui.perfetto.dev; compressed if it ends in .gz."""
        write_json(path, {"schemaVersion": 1, "displayTimeUnit": "ms",
                          **self._metadata, "traceEvents": chrome_events(self._recorded())})

    def export_stacks(self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total") -> None:
        """Write the calling lines, each with its microseconds, as flame graphs are drawn from; with ``with_stack``.

        Raises:
            ValueError: ``metric`` is neither "self_cpu_time_total" nor "self_cuda_time_total".
        """
        metrics = ("self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total",
                   "self_privateuse1_time_total", "self_device_time_total")
        if metric not in metrics:
            raise ValueError(f"metric should be one of: {list(metrics)}")
        kept = str.maketrans(" ;\t\n", "____")
        lines = []
        for e in self.events():
            spent = int((e.self_host_ns if metric == metrics[0] else e.device_ns) / 1e3)
            if e.source and spent > 0:
                lines.append(f"{e.source.translate(kept)};{e.name.translate(kept)} {spent}\n")
        Path(path).write_text("".join(lines))

    def add_metadata(self, key: str, value: str) -> None:
        """A text that traces carry under a name."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """As ``add_metadata``, of JSON."""
        self._metadata[key] = json.loads(value)

    preset_metadata_json = add_metadata_json

    def export_memory_timeline(self, path: str | os.PathLike[str], device: str | None = None) -> None:
        """Write [microseconds, bytes] pairs as JSON, of one device or of each by name."""
        lines = self.memory_timeline()
        write_json(path, lines if device is None else lines.get(device, []))


def supported_activities() -> set[ProfilerActivity]:
    """What can be timed here: operators on the host, and kernels on any OpenCL device."""
    return {ProfilerActivity.CPU, ProfilerActivity.CUDA}


class record_function(contextlib.ContextDecorator):  # noqa: N801  (PyTorch's name)
    """Names a block or a function in recordings; without a profiler it does nothing."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._open: list[tuple[Recorder, Event] | None] = []

    def _recreate_cm(self) -> record_function:
        return record_function(self.name, self.args)

    def __enter__(self) -> record_function:
        base = dispatch.stack[0]
        self._open.append((base, base.enter(self.name, "user")) if isinstance(base, Recorder) else None)
        return self

    def __exit__(self, *exception: object) -> None:
        opened = self._open.pop()
        if opened is not None:
            opened[0].leave(opened[1])


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False,
                              use_python_export: bool = False) -> Callable[[profile], None]:
    """For ``on_trace_ready``: write each recording to a folder, named as TensorBoard's plugin expects.

    ``use_python_export`` changes nothing: Python writes it in any case.
    """
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def write(dir_name: str, prof: profile) -> None:
        folder = Path(dir_name)
        folder.mkdir(parents=True, exist_ok=True)
        ending = ".pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(folder / f"{worker}.{time.time_ns()}{ending}")

    return functools.partial(write, dir_name)
