"""What a device must be able to do, whatever lies underneath."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from clnet.core.caps import DeviceCaps
from clnet.core.program import KernelSource
from clnet.device.block import Block, Region, Usage


class Launchable(Protocol):
    """A built kernel, whatever will run it."""

    source: KernelSource
    entry: str
    local_size: tuple[int, ...]

    @property
    def launch(self) -> Callable[[tuple[int, ...], Sequence[Any]], None]:
        """`launch(global_size, args)` enqueues it. Look it up at each launch: it may change."""


class Runtime(abc.ABC):
    """One opened device: its memory, its queue and its compiler."""

    caps: DeviceCaps
    interprets = False
    """Whether operators run by their NumPy statements instead of kernels."""
    computes = True
    """Whether operators run at all; if not, their results have shapes and dtypes alone."""

    @abc.abstractmethod
    def allocate(self, nbytes: int) -> Block:
        """A block of at least `nbytes` bytes. Raises OutOfMemoryError."""

    @abc.abstractmethod
    def host_view(self, block: Block) -> np.ndarray | None:
        """The block's bytes as a uint8 array; None where host and device memory differ."""

    @abc.abstractmethod
    def wrap_host(self, address: int, nbytes: int, owner: object) -> tuple[Block, int] | None:
        """A block over host memory, and the offset in it of `address`."""

    @abc.abstractmethod
    def upload(self, block: Block, byte_offset: int, array: np.ndarray) -> None:
        """Copy `array`, contiguous, into the block."""

    @abc.abstractmethod
    def download(self, block: Block, byte_offset: int, out: np.ndarray) -> None:
        """Fill `out`, contiguous, from the block; raises recorded faults."""

    @abc.abstractmethod
    def copy(
        self, source: Block, source_offset: int, target: Block, target_offset: int, nbytes: int
    ) -> None:
        """Enqueue a copy between blocks of this device."""

    @abc.abstractmethod
    def build(self, sources: Sequence[KernelSource], prelude: str = "") -> Sequence[Launchable]:
        """Kernels of one program. Raises BuildError."""

    @abc.abstractmethod
    def synchronize(self) -> None:
        """Wait for everything launched so far; raises recorded faults."""

    @abc.abstractmethod
    def flush(self) -> None:
        """See that everything launched begins without anybody waiting for it."""

    @abc.abstractmethod
    def settle(self) -> None:
        """Wait for everything launched; failures stay for the next synchronisation."""

    @abc.abstractmethod
    def time_launches(self, enabled: bool) -> int | None:
        """Have the device note when launches run, or stop that, after everything launched so far.

        Returns what to add to the device's times for `time.perf_counter_ns()`; None if it notes
        none.
        """

    @abc.abstractmethod
    def launch_times(self, event: Any) -> tuple[int, int] | None:
        """When a finished launch began and ended, in nanoseconds of the device's clock; None if
        that was not noted."""

    @abc.abstractmethod
    def memory_stats(self) -> dict[str, int]:
        """Counts and bytes under PyTorch's names."""

    @abc.abstractmethod
    def reset_peak_memory_stats(self) -> None:
        """Start measuring peaks anew."""

    @abc.abstractmethod
    def empty_cache(self) -> None:
        """Give unused memory back to the driver."""

    @abc.abstractmethod
    def build_stats(self) -> dict[str, float]:
        """Counts of kernels built from source and from disk, and the seconds spent."""

    @abc.abstractmethod
    def split(self, count: int) -> Iterable[Runtime]:
        """Equal parts of the device, each opened."""


class DriverlessRuntime(Runtime):
    """What devices without a driver share: they count their memory and build nothing."""

    def __init__(self, caps: DeviceCaps, name: str) -> None:
        self.caps = caps
        self.name = name
        self._usage = Usage(name)
        self._dead: list[Region] = []

    def synchronize(self) -> None:
        return

    def flush(self) -> None:
        return

    def settle(self) -> None:
        return

    def time_launches(self, enabled: bool) -> None:
        return None

    def launch_times(self, event: Any) -> None:
        return None

    def memory_stats(self) -> dict[str, int]:
        usage = self._usage
        return {
            "allocated_bytes.all.current": usage.nbytes,
            "allocated_bytes.all.peak": usage.peak_nbytes,
            "allocation.all.current": usage.blocks,
            "allocation.all.peak": usage.peak_blocks,
            "reserved_bytes.all.current": usage.nbytes,
            "reserved_bytes.all.peak": usage.peak_nbytes,
        }

    def reset_peak_memory_stats(self) -> None:
        self._usage.reset_peak()

    def empty_cache(self) -> None:
        self._dead.clear()

    def build_stats(self) -> dict[str, float]:
        return {"kernels_from_source": 0, "kernels_from_disk": 0, "seconds": 0.0}


class DatalessRuntime(DriverlessRuntime):
    """What devices whose tensors have no elements behind them share: nothing is written or moved."""

    def host_view(self, block: Block) -> np.ndarray | None:
        return None

    def wrap_host(self, address: int, nbytes: int, owner: object) -> tuple[Block, int] | None:
        return None

    def upload(self, block: Block, byte_offset: int, array: np.ndarray) -> None:
        return

    def copy(
        self, source: Block, source_offset: int, target: Block, target_offset: int, nbytes: int
    ) -> None:
        return
