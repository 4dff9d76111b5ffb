"""Device memory: segments from the driver, and two ways of handing them out."""

from __future__ import annotations

import abc
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from clnet.core.errors import OutOfMemoryError
from clnet.core.events import HUB
from clnet.device import hostmem
from clnet.device.block import Bin, Block, Region, Segment, Usage, hand_out
from clnet.device.driver import cl
from clnet.device.fork import GUARD

ALIGNMENT = 128
"""Bytes; block offsets are multiples of it."""
SLAB_BYTES = 8 << 20
"""Small blocks are carved out of segments of this size."""
SMALL_BYTES = 1 << 20
"""Largest block that is carved; larger ones have a segment each."""
BIN_STEPS = 8
"""Block sizes per doubling: at most 1/8 of a block is padding."""
AVAILABLE_CHECK_BYTES = 16 << 20
"""Segments from this size on are refused if the system itself runs short of memory."""
KNOWN_SIZES = 8192
"""Exact request sizes remembered with their bin."""
RETIRED_BLOCKS = 256
"""Dead buffers of their own that may await the queue before it is finished for them."""


class NoRoomError(Exception):
    """A segment could not be had; the message says why."""


class SegmentSource:
    """Gets segments from the driver and keeps to the device's limits."""

    def __init__(
        self, context: Any, host_memory: bool, max_alloc: int, limit: int
    ) -> None:
        self.context = context
        self.host_memory = host_memory
        self.max_alloc = max_alloc
        self.limit = limit
        self.reserved = 0
        self.peak_reserved = 0
        self.segments: dict[int, Segment] = {}
        self.adopted: dict[int, Segment] = {}

    def reserve(self, nbytes: int) -> Segment:
        """A new segment. Raises NoRoomError."""
        if nbytes > self.max_alloc:
            raise NoRoomError(
                f"the device's largest single allocation is {format_size(self.max_alloc)}")
        if self.reserved + nbytes > self.limit:
            raise NoRoomError(f"the limit is {format_size(self.limit)}")
        try:
            segment = self._host(nbytes) if self.host_memory else self._plain(nbytes)
        except (MemoryError, cl.MemoryError, cl.LogicError, cl.RuntimeError) as error:
            raise NoRoomError(str(error)) from None
        self.segments[id(segment)] = segment
        self.reserved += nbytes
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        return segment

    def _plain(self, nbytes: int) -> Segment:
        return Segment(cl.Buffer(self.context, cl.mem_flags.READ_WRITE, nbytes), nbytes)

    def _host(self, nbytes: int) -> Segment:
        if nbytes >= AVAILABLE_CHECK_BYTES:
            # These systems overcommit: the mapping would succeed and its use end the process.
            available = hostmem.available()
            if available is not None and nbytes > 0.95 * available:
                raise NoRoomError(f"the system has {format_size(available)} available")
        return self._over(hostmem.allocate_pages(nbytes))

    def _over(self, memory: np.ndarray) -> Segment:
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
        buffer = cl.Buffer(self.context, flags, hostbuf=memory)
        return Segment(buffer, memory.nbytes, memory.ctypes.data, memory)

    def adopt(self, memory: np.ndarray) -> Segment:
        """A segment over host memory that others own, a uint8 array; not counted as reserved.

        Raises the driver's error if it does not take the memory.
        """
        segment = self._over(memory)
        self.adopted[id(segment)] = segment
        return segment

    def disown(self, segment: Segment) -> None:
        """Let go of an adopted segment. The queue must have been finished."""
        self.adopted.pop(id(segment), None)

    def release(self, segment: Segment) -> None:
        """Give a segment back to the driver. The queue must have been finished."""
        del self.segments[id(segment)]
        self.reserved -= segment.nbytes


class Allocator(abc.ABC):
    """Hands out blocks. Thread-safe; blocks come back by dying."""

    usage: Usage
    source: SegmentSource

    @abc.abstractmethod
    def allocate(self, nbytes: int) -> Block:
        """A block of at least `nbytes` bytes, contents undefined. Raises OutOfMemoryError."""

    @abc.abstractmethod
    def empty_cache(self) -> None:
        """Finish the queue and give unused memory back to the driver."""

    @abc.abstractmethod
    def disable(self) -> None:
        """Make every allocation take the slow path, which refuses forked children."""


class CachingAllocator(Allocator):
    """Size classes with free lists: reuse costs no driver call.

    Small blocks are carved out of slabs, large ones have a segment each. A fast allocation
    takes no lock; the lock guards bins and slabs as they are made.
    """

    def __init__(self, source: SegmentSource, usage: Usage, finish: Callable[[], None]) -> None:
        self.source = source
        self.usage = usage
        self._finish = finish
        self._bins: dict[int, Bin] = {}
        self._by_request: dict[int, Bin] = {}
        self._slab: Segment | None = None
        self._slab_bytes = min(SLAB_BYTES, source.max_alloc, max(source.limit // 8, 4096))
        self._lock = threading.RLock()

    def allocate(self, nbytes: int) -> Block:
        if HUB.alloc:  # somebody wants to hear of it
            return self._allocate_slowly(nbytes)
        try:
            home = self._by_request[nbytes]
            region = home.free.pop()
        except (KeyError, IndexError):
            return self._allocate_slowly(nbytes)
        usage = self.usage
        capacity = home.nbytes
        usage.total_nbytes += capacity
        usage.total_blocks += 1
        live = usage.nbytes + capacity
        usage.nbytes = live
        if live > usage.peak_nbytes:
            usage.peak_nbytes = live
        count = usage.blocks + 1
        usage.blocks = count
        if count > usage.peak_blocks:
            usage.peak_blocks = count
        return Block(region[0], region[1], capacity, region)

    def _allocate_slowly(self, nbytes: int) -> Block:
        GUARD.refuse_in_child()
        if nbytes < 0:
            raise ValueError(f"cannot allocate {nbytes} bytes")
        with self._lock:
            home = self._bin(bin_size(nbytes, self.source.max_alloc))
            if len(self._by_request) >= KNOWN_SIZES:
                self._by_request.clear()
            self._by_request[nbytes] = home
            try:
                return hand_out(self._region(home))
            except NoRoomError:
                pass
            self.empty_cache()
            try:
                return hand_out(self._region(home))
            except NoRoomError as error:
                raise out_of_memory(nbytes, str(error), self.usage, self.source) from None

    def _bin(self, size: int) -> Bin:
        home = self._bins.get(size)
        if home is None:
            home = self._bins[size] = Bin(size, self.usage)
        return home

    def _region(self, home: Bin) -> Region:
        try:
            return home.free.pop()
        except IndexError:
            pass
        if home.nbytes <= min(SMALL_BYTES, self._slab_bytes):
            return self._carve(home)
        # One or two size classes up is close enough to be worth no new segment.
        larger = home.nbytes
        for _ in range(2):
            larger = bin_size(larger + 1, self.source.max_alloc)
            neighbour = self._bins.get(larger)
            if neighbour is not None:
                try:
                    return neighbour.free.pop()
                except IndexError:
                    continue
        segment = self.source.reserve(home.nbytes)
        segment.carved = home.nbytes
        return Region(segment.buffer, 0, home, segment)

    def _carve(self, home: Bin) -> Region:
        slab = self._slab
        if slab is None or slab.carved + home.nbytes > slab.nbytes:
            fresh = self.source.reserve(self._slab_bytes)
            if slab is not None:
                self._carve_tail(slab)
            self._slab = slab = fresh
        region = Region(slab.buffer, slab.carved, home, slab)
        slab.carved += home.nbytes
        return region

    def _carve_tail(self, slab: Segment) -> None:
        while slab.nbytes - slab.carved >= ALIGNMENT:
            home = self._bin(bin_floor(slab.nbytes - slab.carved))
            home.free.append(Region(slab.buffer, slab.carved, home, slab))
            slab.carved += home.nbytes

    def empty_cache(self) -> None:
        GUARD.refuse_in_child()
        with self._lock:
            self._finish()
            idle = [region for home in self._bins.values() for region in _drain(home)]
            free_bytes: Counter[int] = Counter()
            for region in idle:
                free_bytes[id(region.segment)] += region.home.nbytes
            released = set()
            for region in idle:
                segment = region.segment
                if free_bytes[id(segment)] < segment.carved:
                    region.home.free.append(region)
                elif id(segment) not in released:
                    released.add(id(segment))
                    self.source.release(segment)
                    if segment is self._slab:
                        self._slab = None

    def disable(self) -> None:
        self._by_request.clear()


class ExactAllocator(Allocator):
    """Every block is a buffer of exactly its own size: for tools that check bounds."""

    def __init__(
        self, source: SegmentSource, usage: Usage, finish: Callable[[], None]
    ) -> None:
        self.source = source
        self.usage = usage
        self._finish = finish
        self._dead: list[Region] = []
        self._lock = threading.RLock()

    def allocate(self, nbytes: int) -> Block:
        GUARD.refuse_in_child()
        if nbytes < 0:
            raise ValueError(f"cannot allocate {nbytes} bytes")
        with self._lock:
            if len(self._dead) >= RETIRED_BLOCKS:
                self.empty_cache()
            try:
                segment = self.source.reserve(max(nbytes, 1))
            except NoRoomError:
                self.empty_cache()
                try:
                    segment = self.source.reserve(max(nbytes, 1))
                except NoRoomError as error:
                    raise out_of_memory(nbytes, str(error), self.usage, self.source) from None
        home = Bin(segment.nbytes, self.usage, self._dead)
        return hand_out(Region(segment.buffer, 0, home, segment))

    def empty_cache(self) -> None:
        GUARD.refuse_in_child()
        with self._lock:
            dead = []
            while self._dead:
                dead.append(self._dead.pop())
            self._finish()
            for region in dead:
                self.source.release(region.segment)

    def disable(self) -> None:
        return


def _drain(home: Bin) -> Iterable[Region]:
    while True:
        try:
            yield home.free.pop()
        except IndexError:
            return


def bin_size(nbytes: int, max_alloc: int) -> int:
    """Capacity in bytes that a request of `nbytes` is rounded up to."""
    if nbytes <= ALIGNMENT:
        return ALIGNMENT
    step = max((1 << (nbytes - 1).bit_length()) // (2 * BIN_STEPS), ALIGNMENT)
    size = -(-nbytes // step) * step
    if size > max_alloc >= nbytes:
        return -(-nbytes // ALIGNMENT) * ALIGNMENT
    return size


def bin_floor(nbytes: int) -> int:
    """The largest bin size that fits into `nbytes`, which is at least ALIGNMENT."""
    step = max((1 << nbytes.bit_length()) // (2 * BIN_STEPS), ALIGNMENT)
    return nbytes // step * step


def format_size(nbytes: int) -> str:
    """"1.50 GiB", "96.00 MiB" or "17 bytes"."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if nbytes >= 1 << shift:
            return f"{nbytes / (1 << shift):.2f} {unit}"
    return f"{nbytes} bytes"


def out_of_memory(
    nbytes: int, reason: str, usage: Usage, source: SegmentSource
) -> OutOfMemoryError:
    """The error that tells what was asked for, what is held, and why it did not fit."""
    return OutOfMemoryError(
        f"{usage.device} is out of memory: tried to allocate {format_size(nbytes)} ({reason}); "
        f"{format_size(usage.nbytes)} are held by {usage.blocks} live blocks and "
        f"{format_size(source.reserved)} reserved from the driver. Free tensors, use smaller "
        "batches, or raise CLNET_MEMORY_LIMIT if the device has more")


def statistics(usage: Usage, source: SegmentSource) -> dict[str, int]:
    """Counts and bytes under PyTorch's names."""
    return {
        "allocated_bytes.all.current": usage.nbytes,
        "allocated_bytes.all.peak": usage.peak_nbytes,
        "allocated_bytes.all.allocated": usage.total_nbytes,
        "allocated_bytes.all.freed": usage.total_nbytes - usage.nbytes,
        "allocation.all.current": usage.blocks,
        "allocation.all.peak": usage.peak_blocks,
        "allocation.all.allocated": usage.total_blocks,
        "allocation.all.freed": usage.total_blocks - usage.blocks,
        "reserved_bytes.all.current": source.reserved,
        "reserved_bytes.all.peak": source.peak_reserved,
        "segment.all.current": len(source.segments),
    }
