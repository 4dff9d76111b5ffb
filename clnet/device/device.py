"""The device that users see, and which one is the default."""

from __future__ import annotations

import functools
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clnet.core.caps import DeviceCaps
from clnet.core.config import settings
from clnet.core.errors import DeviceError
from clnet.core.program import KernelSource
from clnet.device.block import Block
from clnet.device.host import HostRuntime, host_caps
from clnet.device.meta import MetaRuntime
from clnet.device.null import NullRuntime, null_caps
from clnet.device.runtime import Launchable, Runtime

if TYPE_CHECKING:
    from clnet.device.catalog import Catalog, Slot


class Device:
    """An OpenCL device, opened: one object per physical device and process.

    Called as PyTorch's `torch.device`: `Device("cpu")`, `Device("cuda:0")`, `Device("cpu", 0)`,
    `Device(0)`, and also `Device("gpu")`, `Device("cl:1")` (number in the list of all devices),
    `Device("intel")`, `Device("pocl")`, `Device("nvidia")`, `Device("amd")`,
    `Device("host")` (operators run in NumPy, without OpenCL),
    `Device("null:rtx3060")` (records launches, runs nothing), `Device("meta")` (shapes and dtypes
    alone, no memory). Without an argument it is the
    current default. `type` is "cpu", or "cuda" for every GPU, as PyTorch's scripts compare it.
    Raises DeviceError, a RuntimeError, if there is no such device.

    As a context manager it is the default device within, in the current thread:

    >>> with Device("cpu"):
    ...     current_device().type
    'cpu'
    """

    __slots__ = (
        "__weakref__", "_origin", "allocate", "caps", "index", "kernels", "name", "plans",
        "runtime", "shares", "type",
    )

    type: str
    index: int | None
    name: str
    caps: DeviceCaps
    runtime: Runtime
    """What lies underneath: for the null device, the record of its launches."""
    allocate: Callable[[int], Block]
    """A block of at least so many bytes, contents undefined. Raises OutOfMemoryError."""
    kernels: dict[Any, Any]
    """Built kernels by specification, and below, plans by call: caches of the layers above that
    belong to the device."""
    plans: dict[Any, Any]
    shares: int
    """Host arrays that look at this device's memory now."""
    _origin: tuple[Callable[..., Device], tuple[Any, ...]]

    def __new__(
        cls, type: str | int | Device | None = None, index: int | None = None
    ) -> Device:
        if index is None:
            if isinstance(type, Device):
                return type
            if type is None:
                return current_device()
            if isinstance(type, str):
                return REGISTRY.find(type)
        if isinstance(type, int) and index is None:
            return REGISTRY.find(f"cuda:{type}")
        if isinstance(type, str) and isinstance(index, int) and ":" not in type:
            return REGISTRY.find(f"{type}:{index}")
        raise TypeError(f"no device can be made of {type!r} and index {index!r}")

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        if self.index is None and self.name != self.type:
            return f"device({self.name!r})"
        if self.index is None:
            return f"device(type={self.type!r})"
        return f"device(type={self.type!r}, index={self.index})"

    def __reduce__(self) -> tuple[Callable[..., Device], tuple[Any, ...]]:
        return self._origin

    def __copy__(self) -> Device:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Device:
        return self

    def __enter__(self) -> Device:
        REGISTRY.stack.devices.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        REGISTRY.stack.devices.pop()

    def host_view(self, block: Block) -> np.ndarray | None:
        """The block's bytes as a writable uint8 array that keeps the block alive; None where
        the host does not see device memory. Does not wait for the queue."""
        return self.runtime.host_view(block)

    def wrap_host(self, address: int, nbytes: int, owner: object) -> tuple[Block, int] | None:
        """A block over host memory without a copy, and the byte offset of `address` in it.

        `owner` is kept alive as long as kernels may use the memory. None where the device does
        not see host memory.
        """
        return self.runtime.wrap_host(address, nbytes, owner)

    def upload(self, block: Block, byte_offset: int, array: np.ndarray) -> None:
        """Copy `array` (contiguous, any dtype) into the block; done when it returns."""
        self.runtime.upload(block, byte_offset, array)

    def download(self, block: Block, byte_offset: int, out: np.ndarray) -> None:
        """Fill `out` (contiguous, any dtype) from the block, after everything launched so far.

        Raises what kernels have recorded: see `synchronize`.
        """
        self.runtime.download(block, byte_offset, out)

    def copy(
        self, source: Block, source_offset: int, target: Block, target_offset: int, nbytes: int
    ) -> None:
        """Copy between two blocks of this device, in the order of the queue."""
        self.runtime.copy(source, source_offset, target, target_offset, nbytes)

    def build(self, sources: Sequence[KernelSource], prelude: str = "") -> Sequence[Launchable]:
        """One program of `prelude` and all `sources`; their kernels, in order.

        Raises BuildError with the compiler's log and the saved source's path.
        """
        return self.runtime.build(sources, prelude)

    def launch(
        self, kernel: Launchable, global_size: tuple[int, ...], args: Sequence[Any]
    ) -> None:
        """Enqueue a kernel; the same as `kernel.launch(global_size, args)`."""
        kernel.launch(global_size, args)

    def synchronize(self) -> None:
        """Wait for everything launched so far.

        Raises what kernels recorded on bad data, for instance IndexError; the record is then
        clear, and what was computed stays.
        """
        self.runtime.synchronize()

    def time_launches(self, enabled: bool) -> int | None:
        """Have the device note when launches run, or stop that.

        Returns what to add to its times for `time.perf_counter_ns()`; None if it notes none.
        """
        return self.runtime.time_launches(enabled)

    def launch_times(self, event: Any) -> tuple[int, int] | None:
        """When a finished launch began and ended, in nanoseconds of the device's clock."""
        return self.runtime.launch_times(event)

    def memory_stats(self) -> dict[str, int]:
        """Bytes and blocks held and their peaks, under the keys of torch.cuda.memory_stats."""
        return self.runtime.memory_stats()

    def reset_peak_memory_stats(self) -> None:
        """Start measuring the peaks of `memory_stats` anew."""
        self.runtime.reset_peak_memory_stats()

    def empty_cache(self) -> None:
        """Wait for the queue, then give unused memory back to the system."""
        self.runtime.empty_cache()

    def build_stats(self) -> dict[str, float]:
        """Kernels built from source, kernels loaded from disk, and the seconds spent."""
        return self.runtime.build_stats()

    def split(self, count: int) -> list[Device]:
        """`count` equal parts of a CPU device, as devices named "cl:0/0", "cl:0/1" and so on.

        Raises DeviceError for a device that cannot be split.
        """
        return REGISTRY.split(self, count)


class _Stack(threading.local):
    def __init__(self) -> None:
        self.devices: list[Device] = []


class Registry:
    """The devices that exist as objects, and the defaults."""

    def __init__(self) -> None:
        self.stack = _Stack()
        self.chosen: Device | None = None
        self.host_only = False
        """Whether this process uses no OpenCL: every device is the host under its name."""
        self._lock = threading.RLock()
        self._named: dict[str, Device] = {}
        self._by_name: dict[str, Device] = {}
        self._parts: dict[tuple[str, int], list[Device]] = {}

    @functools.cached_property
    def catalog(self) -> Catalog:
        """OpenCL's devices. Loading pyopencl and the drivers waits for the first use."""
        from clnet.device.catalog import Catalog

        return Catalog(settings().device)

    def find(self, spec: str) -> Device:
        """The device of a spec such as "cpu:1"."""
        found = self._named.get(spec)
        if found is None:
            with self._lock:
                found = self._find(spec)
                self._named[spec] = found
        return found

    def _find(self, spec: str) -> Device:
        if spec.partition(":")[0] == "null":
            return self._null(spec)
        if spec == "meta":
            runtime = MetaRuntime()
            return _make(runtime, spec, spec, None, runtime.caps)
        if self.host_only or spec == "host":
            return self._host(spec)
        if "/" in spec:
            raise DeviceError(
                f"{spec!r} names a part of a device; parts exist once the device was split, as "
                f"by clnet.device({spec.partition('/')[0]!r}).split(2)")
        try:
            return self._of(self.catalog.find(spec))
        except DeviceError as error:
            if spec not in ("cpu", "cpu:0"):
                raise
            warnings.warn(
                f"{error}. Tensors on \"cpu\" use NumPy instead, which is slow",
                RuntimeWarning, stacklevel=3)
            return self._host("cpu")

    def _host(self, spec: str) -> Device:
        kind = "cuda" if spec.partition(":")[0] in ("gpu", "cuda", "nvidia", "amd") else "cpu"
        number = spec.partition(":")[2]
        index = int(number) if number.isdigit() else 0 if kind == "cuda" else None
        name = spec if spec == "host" else kind if index is None else f"{kind}:{index}"
        device = self._by_name.get(name)
        if device is None:
            runtime = HostRuntime(host_caps(), name)
            device = self._by_name[name] = _make(runtime, name, kind, index, runtime.caps)
        return device

    def leave_opencl(self) -> None:
        """From now on this process computes on the host; its devices keep their names."""
        self._lock = threading.RLock()  # another thread of the parent may have held it
        self.host_only = True
        for device in self.live():
            if not device.runtime.interprets and not isinstance(device.runtime, NullRuntime | MetaRuntime):
                device.runtime = HostRuntime(device.caps, device.name)
                device.allocate = device.runtime.allocate
                device.kernels, device.plans = {}, {}

    def _of(self, slot: Slot) -> Device:
        device = self._by_name.get(slot.name)
        if device is None:
            assert slot.runtime is not None
            index = None if slot.name == slot.type else slot.index
            device = _make(slot.runtime, slot.name, slot.type, index, slot.runtime.caps)
            device.allocate = slot.runtime.allocator.allocate
            self._by_name[slot.name] = device
        return device

    def _null(self, spec: str) -> Device:
        caps = null_caps(spec.partition(":")[2])
        kind = "cpu" if caps.device_type == "cpu" else "cuda"
        return _make(NullRuntime(caps, spec), spec, kind, None, caps)

    def default(self) -> Device:
        """CLNET_DEVICE, else the first GPU, else the first CPU."""
        with self._lock:
            if self.chosen is None:
                spec = settings().device or ("cpu" if self.host_only else "")
                self.chosen = self.find(spec) if spec else self._of(self.catalog.default())
            return self.chosen

    def all(self) -> list[Device]:
        """Every OpenCL device that works; in a process without OpenCL, the host."""
        if self.host_only:
            return [self.default()]
        with self._lock:
            return [self._of(slot) for slot in self.catalog.opened()]

    def live(self) -> list[Device]:
        """Devices opened so far."""
        with self._lock:
            return list(dict.fromkeys([*self._named.values(), *self._by_name.values()]))

    def split(self, device: Device, count: int) -> list[Device]:
        """The parts of a device; the same objects whenever it is split in as many."""
        with self._lock:
            key = (device.name, count)
            if key not in self._parts:
                self._parts[key] = parts = []
                for position, runtime in enumerate(device.runtime.split(count)):
                    name = f"{self._cl_name(device)}/{position}"
                    part = _make(runtime, name, device.type, None, runtime.caps)
                    part._origin = (_part, (device.name, count, position))
                    self._named[name] = part
                    parts.append(part)
            return list(self._parts[key])

    def _cl_name(self, device: Device) -> str:
        for position, slot in enumerate(self.catalog.usable()):
            if slot.name == device.name:
                return f"cl:{position}"
        return device.name


def _make(
    runtime: Runtime, name: str, kind: str, index: int | None, caps: DeviceCaps
) -> Device:
    device = object.__new__(Device)
    device.runtime = runtime
    device.name = name
    device.type = kind
    device.index = index
    device.caps = caps
    device.allocate = runtime.allocate
    device.kernels = {}
    device.plans = {}
    device.shares = 0
    device._origin = (Device, (name,))
    return device


def _part(parent: str, count: int, position: int) -> Device:
    return Device(parent).split(count)[position]


REGISTRY = Registry()
if sys.platform != "win32":  # which has no fork
    # After the fork guard, which keeps the drivers' finalisers from running.
    os.register_at_fork(after_in_child=REGISTRY.leave_opencl)


def leave_opencl() -> None:
    """Make this process compute on the host with NumPy, whatever devices it names.

    For processes that handle data beside one that trains. Forked children do it by themselves.
    """
    REGISTRY.leave_opencl()


def current_device() -> Device:
    """The device of the innermost `with device:` in this thread, else the default device."""
    stack = REGISTRY.stack.devices
    if stack:
        return stack[-1]
    return REGISTRY.chosen or REGISTRY.default()


def set_default_device(device: Device | str | int | None) -> None:
    """Make `device` the default of all threads; None goes back to CLNET_DEVICE or the best."""
    REGISTRY.chosen = None if device is None else Device(device)


def opened_devices() -> list[Device]:
    """The devices that this process has used so far."""
    return REGISTRY.live()


def devices() -> list[Device]:
    """All usable devices: GPUs first, then CPUs."""
    return REGISTRY.all()


def synchronize(device: Device | str | int | None = None) -> None:
    """Wait for a device (default: the current one); raises what its kernels recorded."""
    Device(device).synchronize()


def memory_stats(device: Device | str | int | None = None) -> dict[str, int]:
    """`Device.memory_stats` of a device (default: the current one)."""
    return Device(device).memory_stats()


def reset_peak_memory_stats(device: Device | str | int | None = None) -> None:
    """`Device.reset_peak_memory_stats` of a device (default: the current one)."""
    Device(device).reset_peak_memory_stats()


def empty_cache() -> None:
    """Give unused memory of every opened device back to the system."""
    for device in REGISTRY.live():
        device.empty_cache()


def build_stats() -> dict[str, float]:
    """Kernels built from source and loaded from disk, and seconds spent, over all devices."""
    total = {"kernels_from_source": 0.0, "kernels_from_disk": 0.0, "seconds": 0.0}
    for device in REGISTRY.live():
        for key, value in device.build_stats().items():
            total[key] += value
    return total
