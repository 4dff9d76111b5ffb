"""Kernels and the launch path.

A launch is the framework's most frequent call, so each signature gets a launcher of its own,
generated once: it unpacks the arguments, sets all buffers in one call and all scalars in
another, and enqueues, with nothing looked up on the way.
"""

from __future__ import annotations

import functools
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clnet.core.errors import DeviceError, OutOfMemoryError
from clnet.core.events import HUB, LaunchEvent
from clnet.core.program import KernelSource
from clnet.device.driver import cl, raw
from clnet.device.fork import GUARD

Launcher = Callable[[tuple[int, ...], Sequence[Any]], None]

_DIRECT = frozenset("bBhHiIlLfd")
"""struct codes that pyopencl packs itself; others are packed by `struct`."""
_OUT_OF_MEMORY = frozenset({
    cl.status_code.MEM_OBJECT_ALLOCATION_FAILURE,
    cl.status_code.OUT_OF_HOST_MEMORY,
})


class ErrorWord:
    """A device's fault record: an int32 code at byte 0, an int64 value at byte 8."""

    __slots__ = ("buffer", "pending")

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer
        self.pending = False
        """Whether a kernel that may record a fault was launched since the last check."""


class LaunchQueue:
    """What the launches of one device share. `lock` covers setting arguments and enqueueing,
    for a kernel's arguments are state of the kernel. `queue` may be replaced under the lock."""

    __slots__ = ("device_name", "lock", "queue", "synchronize", "word")

    def __init__(self, queue: Any, word: ErrorWord, device_name: str) -> None:
        self.queue = queue
        self.word = word
        self.lock = threading.Lock()
        self.device_name = device_name
        self.synchronize: Callable[[], None] | None = None
        """Set where every launch is to be finished and checked."""

    def finish(self) -> None:
        """Wait until everything enqueued has run."""
        self.queue.finish()


class Kernel:
    """A built kernel. `launch(global_size, args)` enqueues it; `args` holds a buffer or a
    Python number for each entry of the source's `arg_types`.

    `launch` is an attribute that may be replaced, so hold the kernel, not the function.
    """

    __slots__ = ("__weakref__", "entry", "handle", "launch", "local_size", "source")

    def __init__(
        self, handle: Any, source: KernelSource, target: LaunchQueue,
        on_first_launch: Callable[[], None] | None = None,
    ) -> None:
        self.handle = handle
        self.source = source
        self.entry = source.entry
        self.local_size = source.local_size
        expected = len(source.arg_types) + source.faults
        if handle.num_args != expected:
            raise TypeError(
                f"{source.entry} takes {handle.num_args} arguments, its KernelSource declares "
                f"{expected}")
        if source.faults:
            handle.set_arg(expected - 1, target.word.buffer)
        launcher = _bind(self, target)
        self.launch: Launcher = launcher
        if on_first_launch is not None:
            def launch_first(global_size: tuple[int, ...], args: Sequence[Any]) -> None:
                launcher(global_size, args)
                self.launch = launcher
                on_first_launch()

            self.launch = launch_first

    def __repr__(self) -> str:
        return f"<Kernel {self.entry} local_size={self.local_size}>"

    def disable(self) -> None:
        """Refuse launches, in a forked child."""
        def refuse(global_size: tuple[int, ...], args: Sequence[Any]) -> None:
            GUARD.refuse_in_child()

        self.launch = refuse


def _bind(kernel: Kernel, target: LaunchQueue) -> Launcher:
    def report(error: Exception, global_size: tuple[int, ...]) -> Exception:
        return _explain(error, kernel, global_size, target.device_name)

    def after(global_size: tuple[int, ...], event: Any) -> None:
        if HUB.launch:
            record = LaunchEvent(target.device_name, kernel.entry, global_size, event)
            for hook in HUB.launch:
                hook(record)
        if target.synchronize is not None:
            target.synchronize()

    factory = _factory(kernel.source.arg_types, kernel.source.faults)
    return factory(
        kernel.handle, kernel.local_size, target.lock, target.word,
        raw.enqueue_nd_range_kernel, HUB, target, after, report, cl.Error, struct.pack)


@functools.cache
def _factory(arg_types: tuple[str | None, ...], faults: bool) -> Callable[..., Launcher]:
    """The function that makes launchers for kernels of this signature."""
    buffers, direct, packed = [], [], []
    for position, arg_type in enumerate(arg_types):
        if arg_type is None:
            buffers.append(f"{position}, a{position}")
            continue
        code = _struct_code(arg_type)
        if code in _DIRECT:
            direct.append(f"{position}, {code.encode()!r}, a{position}")
        else:
            packed.append(f"{position}, pack({code!r}, a{position})")
    names = "".join(f"a{position}, " for position in range(len(arg_types)))
    calls = [
        f"{function}(({', '.join(arguments)},))"
        for function, arguments in (
            ("set_buffers", buffers), ("set_direct", direct), ("set_packed", packed))
        if arguments
    ]
    lines = [
        "def make(kernel, local_size, lock, word, enqueue, hub, target, after, report, error_type,",
        "         pack):",
        "    set_buffers = kernel._set_arg_multi",
        "    set_direct = kernel._set_arg_buf_pack_multi",
        "    set_packed = kernel._set_arg_buf_multi",
        "    def launch(global_size, args):",
        f"        ({names}) = args" if arg_types else "        () = args",
        "        try:",
        "            with lock:",
        *[f"                {call}" for call in calls],
        "                event = enqueue(target.queue, kernel, global_size, local_size)",
        "        except error_type as error:",
        "            raise report(error, global_size) from None",
        *(["        word.pending = True"] if faults else []),
        "        if hub.launch or target.synchronize:",
        "            after(global_size, event)",
        "    return launch",
    ]
    namespace: dict[str, Any] = {}
    exec(compile("\n".join(lines), "<launcher>", "exec"), namespace)
    made: Callable[..., Launcher] = namespace["make"]
    return made


def _struct_code(arg_type: str) -> str:
    dtype = np.dtype(arg_type)
    if dtype.kind == "b":
        return "B"
    if dtype.kind in "iu":
        # By size, for the letters' own sizes differ between platforms.
        letters = "bhil" if struct.calcsize("l") == 8 else "bhiq"
        letter = letters[dtype.itemsize.bit_length() - 1]
        return letter.upper() if dtype.kind == "u" else letter
    if dtype.kind == "f":
        return {2: "e", 4: "f", 8: "d"}[dtype.itemsize]
    if dtype.kind == "c":  # comes as bytes
        return f"{dtype.itemsize}s"
    raise TypeError(f"{arg_type} cannot be a kernel's scalar argument")


def _explain(
    error: Exception, kernel: Kernel, global_size: tuple[int, ...], device: str
) -> Exception:
    text = (f"launch of {kernel.entry} on {device} failed (global size {global_size}, local "
            f"size {kernel.local_size}): {error}")
    if getattr(error, "code", None) in _OUT_OF_MEMORY:
        return OutOfMemoryError(text)
    return DeviceError(text)
