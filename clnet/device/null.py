"""A device that records launches and executes nothing, with the limits of a real one.

It checks every launch against those limits, so that plans for devices nobody here owns are
tested on any machine. It needs no OpenCL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from clnet.core.caps import DeviceCaps
from clnet.core.config import settings
from clnet.core.errors import BuildError, DeviceError, OutOfMemoryError
from clnet.core.presets import PRESETS
from clnet.core.program import KernelSource
from clnet.device.block import Bin, Block, Region, Segment, hand_out
from clnet.device.runtime import DatalessRuntime, Runtime

DEFAULT_PRESET = "rtx3060"


@dataclass(frozen=True)
class Launch:
    """One recorded launch."""

    entry: str
    source: KernelSource
    global_size: tuple[int, ...]
    local_size: tuple[int, ...]
    args: tuple[Any, ...]


class NullBuffer:
    """Stands for a device's buffer; holds nothing."""

    __slots__ = ("nbytes",)

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


class NullKernel:
    """A kernel that checks and records its launches."""

    __slots__ = ("entry", "local_size", "runtime", "source")

    def __init__(self, source: KernelSource, runtime: NullRuntime) -> None:
        self.source = source
        self.entry = source.entry
        self.local_size = source.local_size
        self.runtime = runtime

    def launch(self, global_size: tuple[int, ...], args: Sequence[Any]) -> None:
        """Record a launch. Raises DeviceError if the device could not run it."""
        self.runtime.record(self.source, tuple(global_size), tuple(args))


class NullRuntime(DatalessRuntime):
    """Records in `launches`; `clear` empties it. Downloads give zeros."""

    def __init__(self, caps: DeviceCaps, name: str) -> None:
        super().__init__(caps, name)
        self.launches: list[Launch] = []
        self.sources: list[tuple[KernelSource, str]] = []
        """Every source built, with its prelude."""

    def clear(self) -> None:
        """Forget what was recorded."""
        self.launches.clear()
        self.sources.clear()

    def allocate(self, nbytes: int) -> Block:
        self._dead.clear()
        if nbytes > self.caps.max_mem_alloc_size:
            raise OutOfMemoryError(
                f"{self.name} is out of memory: tried to allocate {nbytes} bytes, its largest "
                f"allocation is {self.caps.max_mem_alloc_size}")
        if self._usage.nbytes + nbytes > self.caps.global_mem_size:
            raise OutOfMemoryError(
                f"{self.name} is out of memory: tried to allocate {nbytes} bytes, "
                f"{self._usage.nbytes} of {self.caps.global_mem_size} are held by "
                f"{self._usage.blocks} live blocks")
        buffer = NullBuffer(max(nbytes, 1))
        home = Bin(buffer.nbytes, self._usage, self._dead)
        return hand_out(Region(buffer, 0, home, Segment(buffer, buffer.nbytes)))

    def download(self, block: Block, byte_offset: int, out: np.ndarray) -> None:
        out.fill(0)

    def build(self, sources: Sequence[KernelSource], prelude: str = "") -> list[NullKernel]:
        for source in sources:
            self._check_local_size(source)
        self.sources.extend((source, prelude) for source in sources)
        return [NullKernel(source, self) for source in sources]

    def _check_local_size(self, source: KernelSource) -> None:
        limits = self.caps.max_work_item_sizes
        too_large = prod(source.local_size) > self.caps.max_work_group_size
        pairs = zip(source.local_size, limits, strict=False)
        if too_large or any(size > most for size, most in pairs):
            raise BuildError(
                f"{source.entry}: a work-group of {source.local_size} is more than {self.name} "
                f"takes ({self.caps.max_work_group_size} work-items, {limits} by dimension)")

    def record(
        self, source: KernelSource, global_size: tuple[int, ...], args: tuple[Any, ...]
    ) -> None:
        """Check a launch against the device's limits and keep it."""
        problem = _problem(source, global_size, args)
        if problem:
            raise DeviceError(f"launch of {source.entry} on {self.name}: {problem}")
        self.launches.append(
            Launch(source.entry, source, global_size, source.local_size, args))

    def split(self, count: int) -> list[Runtime]:
        raise DeviceError(f"{self.name} cannot be split")


def _problem(
    source: KernelSource, global_size: tuple[int, ...], args: tuple[Any, ...]
) -> str | None:
    local_size = source.local_size
    if len(global_size) != len(local_size):
        return f"global size {global_size} and local size {local_size} differ in dimensions"
    if any(size <= 0 or size % local for size, local in zip(global_size, local_size, strict=True)):
        return f"global size {global_size} is no positive multiple of local size {local_size}"
    if len(args) != len(source.arg_types):
        return f"{len(args)} arguments for {len(source.arg_types)} parameters"
    for position, (arg, arg_type) in enumerate(zip(args, source.arg_types, strict=True)):
        is_buffer = isinstance(arg, NullBuffer) or arg is None
        if is_buffer != (arg_type is None):
            expected = "a buffer" if arg_type is None else arg_type
            return f"argument {position} is {arg!r}, expected {expected}"
        if not is_buffer and not _fits(arg, np.dtype(arg_type)):
            return f"argument {position} is {arg!r}, which does not fit {arg_type}"
    return None


def _fits(value: Any, dtype: np.dtype) -> bool:
    if not isinstance(value, (bool, int, float)):
        return False
    if dtype.kind not in "iu":
        return True
    limits = np.iinfo(dtype)
    return not isinstance(value, float) and int(limits.min) <= value <= int(limits.max)


def null_caps(preset: str) -> DeviceCaps:
    """Capabilities of a null device. Raises DeviceError for a preset that does not exist."""
    caps = PRESETS.get(preset or DEFAULT_PRESET)
    if caps is None:
        raise DeviceError(
            f"no preset {preset!r} for the null device; there are {', '.join(PRESETS)}")
    forced = settings().plan_class
    return caps.with_plan_class(forced) if forced else caps
