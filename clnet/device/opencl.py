"""The runtime over OpenCL: one context and one in-order queue per device."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from clnet.core.caps import DeviceCaps
from clnet.core.config import settings
from clnet.core.errors import DeviceError, raise_fault
from clnet.core.program import KernelSource
from clnet.device import hostmem
from clnet.device.block import Bin, Block, Region, Usage, hand_out
from clnet.device.driver import cl
from clnet.device.fork import GUARD
from clnet.device.launch import ErrorWord, Kernel, LaunchQueue
from clnet.device.memory import (
    Allocator,
    CachingAllocator,
    ExactAllocator,
    SegmentSource,
    statistics,
)
from clnet.device.programs import Builder
from clnet.device.query import device_type, read_caps
from clnet.device.runtime import Runtime

MEMORY_FRACTION = 0.9
"""Part of the memory found at opening that a device may hold, unless CLNET_MEMORY_LIMIT says."""
WORD_BYTES = 16
RETIRED_BYTES = 64 << 20
RETIRED_WRAPS = 64
"""Wrapped host memory that may await the queue before it is finished to let go of it."""

_PROBE_ITEMS = 64
_PROBE = KernelSource(
    entry="clnet_probe",
    source="""
__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void clnet_probe(__global uint *data, uint factor)
{
    size_t i = get_global_id(0);
    data[i] = data[i] * factor + (uint)i;
}
""",
    local_size=(1,),
    arg_types=(None, "uint32"),
)


class OpenCLRuntime(Runtime):
    """An opened OpenCL device. Raises DeviceError from the constructor if it does not work."""

    def __init__(self, device: Any, name: str) -> None:
        GUARD.refuse_in_child()
        self.device = device
        self.name = name
        try:
            self._open()
        except (cl.Error, RuntimeError) as error:
            raise DeviceError(f"{device.name} ({device.platform.name}): {error}") from error
        GUARD.protect(self)

    def _open(self) -> None:
        config = settings()
        self.context = cl.Context([self.device])
        self.queue = self._untimed = cl.CommandQueue(self.context, self.device)
        self._timed: Any = None
        self._word = ErrorWord(cl.Buffer(
            self.context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR,
            hostbuf=np.zeros(WORD_BYTES, np.uint8)))
        self._target = LaunchQueue(self.queue, self._word, self.name)
        caps = read_caps(self.device, host_memory=False)
        self._builder = Builder(self.context, self.device, caps, self._target, config)
        self._retired: list[Region] = []
        self._wrap_usage = Usage(self.name)
        self._source = SegmentSource(self.context, False, caps.max_mem_alloc_size, 1 << 62)
        host_memory = self._probe()
        self._source.host_memory = host_memory
        self._source.limit = config.memory_limit or self._memory_limit(caps, host_memory)
        self.usage = Usage(self.name)
        kind = CachingAllocator if config.allocator == "caching" else ExactAllocator
        self._allocator: Allocator = kind(self._source, self.usage, self._target.finish)
        self.caps: DeviceCaps = read_caps(self.device, host_memory)
        if config.plan_class:
            self.caps = self.caps.with_plan_class(config.plan_class)
        self._target.synchronize = self.synchronize if config.sync else None

    def _memory_limit(self, caps: DeviceCaps, host_memory: bool) -> int:
        limit = MEMORY_FRACTION * caps.global_mem_size
        available = hostmem.available() if host_memory else None
        return int(limit if available is None else min(limit, MEMORY_FRACTION * available))

    def _probe(self) -> bool:
        """Run a kernel; True if host and kernels see each other's writes without mapping."""
        (kernel,) = self._builder.build([_PROBE])
        memory = hostmem.allocate_pages(4 * _PROBE_ITEMS)
        numbers = memory.view(np.uint32)
        items = np.arange(_PROBE_ITEMS, dtype=np.uint32)
        numbers[:] = expected = items + 7
        segment = self._source.adopt(memory)
        buffer = segment.buffer
        # A checker knows what was written only if it sees the transfers.
        host_memory = (device_type(self.device) == "cpu"
                       and "oclgrind" not in self.device.platform.name.lower())
        for factor in (3, 5):
            kernel.launch((_PROBE_ITEMS,), (buffer, factor))
            self.queue.finish()
            expected = expected * np.uint32(factor) + items
            seen = numbers.copy()
            result = np.empty_like(numbers)
            cl.enqueue_copy(self.queue, result, buffer)
            if not np.array_equal(result, expected):
                raise DeviceError("a probe kernel gave wrong results")
            host_memory = host_memory and np.array_equal(seen, expected)
            if not host_memory:
                break
            numbers[:] = expected = items * 11
        self._source.disown(segment)
        return host_memory

    # Memory

    def allocate(self, nbytes: int) -> Block:
        return self._allocator.allocate(nbytes)

    @property
    def allocator(self) -> Allocator:
        """The allocator, for its bound `allocate`."""
        return self._allocator

    def host_view(self, block: Block) -> np.ndarray | None:
        address = block.region.segment.address
        if not address or not self.caps.host_memory:
            return None
        return hostmem.window(address + block.offset, block.nbytes, block)

    def wrap_host(self, address: int, nbytes: int, owner: object) -> tuple[Block, int] | None:
        GUARD.refuse_in_child()
        if not self.caps.host_memory or nbytes <= 0:
            return None
        # Aligned as the device wants its buffers, a runtime has no reason to copy; both ends
        # stay in the pages that the memory itself is in.
        align = max(self.caps.base_align, 128)
        start = address // align * align
        end = -(-(address + nbytes) // align) * align
        if end - start > self.caps.max_mem_alloc_size or align > hostmem.PAGE:
            return None
        self._release_retired(end - start)
        try:
            segment = self._source.adopt(hostmem.window(start, end - start, owner))
        except cl.Error:
            return None
        home = Bin(segment.nbytes, self._wrap_usage, self._retired)
        return hand_out(Region(segment.buffer, 0, home, segment)), address - start

    def _release_retired(self, coming: int) -> None:
        waiting = sum(region.segment.nbytes for region in self._retired)
        if len(self._retired) >= RETIRED_WRAPS or waiting + coming > RETIRED_BYTES:
            self._finish()

    def _finish(self) -> None:
        # Only what was dead before the queue was finished is surely no longer in use.
        dead = len(self._retired)
        self.queue.finish()
        for region in self._retired[:dead]:
            self._source.disown(region.segment)
        del self._retired[:dead]

    # Transfers

    def upload(self, block: Block, byte_offset: int, array: np.ndarray) -> None:
        GUARD.refuse_in_child()
        data = _bytes_of(array)
        _check_range(block, byte_offset, data.nbytes)
        if data.nbytes == 0:
            return
        address = block.region.segment.address
        if address:
            self._finish()
            ctypes.memmove(address + block.offset + byte_offset, data.ctypes.data, data.nbytes)
        else:
            cl.enqueue_copy(
                self.queue, block.buffer, data, dst_offset=block.offset + byte_offset)

    def download(self, block: Block, byte_offset: int, out: np.ndarray) -> None:
        data = _bytes_of(out)
        _check_range(block, byte_offset, data.nbytes)
        self.synchronize()
        if data.nbytes == 0:
            return
        address = block.region.segment.address
        if address:
            ctypes.memmove(data.ctypes.data, address + block.offset + byte_offset, data.nbytes)
        else:
            cl.enqueue_copy(
                self.queue, data, block.buffer, src_offset=block.offset + byte_offset)

    def copy(
        self, source: Block, source_offset: int, target: Block, target_offset: int, nbytes: int
    ) -> None:
        GUARD.refuse_in_child()
        _check_range(source, source_offset, nbytes)
        _check_range(target, target_offset, nbytes)
        if nbytes:
            cl.enqueue_copy(
                self.queue, target.buffer, source.buffer, byte_count=nbytes,
                src_offset=source.offset + source_offset,
                dst_offset=target.offset + target_offset)

    # Programs and order

    def build(self, sources: Sequence[KernelSource], prelude: str = "") -> list[Kernel]:
        return self._builder.build(sources, prelude)

    def synchronize(self) -> None:
        GUARD.refuse_in_child()
        word = self._word
        self._finish()
        if not word.pending:
            return
        word.pending = False
        record = np.empty(WORD_BYTES, np.uint8)
        cl.enqueue_copy(self.queue, record, word.buffer)
        code = int(record.view(np.int32)[0])
        if code:
            value = int(record.view(np.int64)[1])
            cl.enqueue_copy(self.queue, word.buffer, np.zeros(WORD_BYTES, np.uint8))
            raise_fault(code, value)

    def flush(self) -> None:
        self.queue.flush()

    # Times

    def time_launches(self, enabled: bool) -> int | None:
        if enabled and self._timed is None:
            self._timed = cl.CommandQueue(
                self.context, self.device,
                properties=cl.command_queue_properties.PROFILING_ENABLE)
        with self._target.lock:
            self._finish()
            self.queue = self._target.queue = self._timed if enabled else self._untimed
        if not enabled:
            return None
        # A transfer's end, seen from both clocks at once.
        word = np.empty(WORD_BYTES, np.uint8)
        event = cl.enqueue_copy(self.queue, word, self._word.buffer, is_blocking=False)
        event.wait()
        now = time.perf_counter_ns()
        times = self.launch_times(event)
        return None if times is None else now - times[1]

    def launch_times(self, event: Any) -> tuple[int, int] | None:
        try:
            return (int(event.get_profiling_info(cl.profiling_info.START)),
                    int(event.get_profiling_info(cl.profiling_info.END)))
        except cl.Error:
            return None

    # Statistics

    def memory_stats(self) -> dict[str, int]:
        return statistics(self.usage, self._source)

    def reset_peak_memory_stats(self) -> None:
        self.usage.reset_peak()
        self._source.peak_reserved = self._source.reserved

    def empty_cache(self) -> None:
        self._allocator.empty_cache()

    def build_stats(self) -> dict[str, float]:
        return self._builder.stats.as_dict()

    def split(self, count: int) -> list[OpenCLRuntime]:
        units = self.caps.units // max(count, 1)
        if count < 1 or units < 1 or device_type(self.device) != "cpu":
            raise DeviceError(
                f"{self.name} ({self.caps.name}, {self.caps.units} units) cannot be split in "
                f"{count}: only CPU devices can, into at most as many parts as they have units")
        partition = [cl.device_partition_property.EQUALLY, units]
        try:
            parts = self.device.create_sub_devices(partition)
        except cl.Error as error:
            raise DeviceError(f"{self.name} cannot be split: {error}") from error
        return [
            OpenCLRuntime(part, f"{self.name}/{position}")
            for position, part in enumerate(parts[:count])
        ]

    # Forks

    def handles(self) -> Iterable[object]:
        """OpenCL handles to keep alive in forked children."""
        yield from (self.context, self._untimed, self._timed, self._word.buffer, self.device)
        yield from (segment.buffer for segment in list(self._source.segments.values()))
        yield from (segment.buffer for segment in list(self._source.adopted.values()))
        yield from self._builder.handles()

    def settle(self) -> None:
        """Finish the queue, also before a fork."""
        with contextlib.suppress(cl.Error):
            self.queue.finish()

    def disable(self) -> None:
        """Refuse all use, in a forked child."""
        self._allocator.disable()
        self._builder.disable()


def _bytes_of(array: np.ndarray) -> np.ndarray:
    if not array.flags.c_contiguous:
        raise ValueError("transfers take contiguous arrays only")
    return array.reshape(-1).view(np.uint8)


def _check_range(block: Block, offset: int, nbytes: int) -> None:
    if offset < 0 or nbytes < 0 or offset + nbytes > block.nbytes:
        raise ValueError(
            f"{nbytes} bytes at offset {offset} do not lie within {block!r}")
