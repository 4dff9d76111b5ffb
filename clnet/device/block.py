"""Handles to device memory."""

from __future__ import annotations

from typing import Any, NamedTuple

from clnet.core.events import HUB, AllocEvent


class Usage:
    """Bytes and blocks handed out at this moment, and their peaks.

    Updated without a lock: CPython switches threads only at calls and backward jumps, and no
    update has one between its read and its write.
    """

    __slots__ = ("blocks", "device", "nbytes", "peak_blocks", "peak_nbytes", "total_blocks",
                 "total_nbytes")

    def __init__(self, device: str) -> None:
        self.device = device
        self.nbytes = self.peak_nbytes = self.total_nbytes = 0
        self.blocks = self.peak_blocks = self.total_blocks = 0

    def reset_peak(self) -> None:
        """Start measuring the peaks anew."""
        self.peak_nbytes = self.nbytes
        self.peak_blocks = self.blocks


class Bin:
    """Blocks of one size: where they wait to be handed out again.

    `free` is used through `list.append` and `list.pop` alone, which are atomic, so a finaliser
    may run in any thread and at any point of another allocation.
    """

    __slots__ = ("free", "nbytes", "usage")

    def __init__(self, nbytes: int, usage: Usage, free: list[Region] | None = None) -> None:
        self.nbytes = nbytes
        self.usage = usage
        self.free: list[Region] = [] if free is None else free


class Segment:
    """One buffer of the driver's, whole. `address` is that of its host memory, 0 if none."""

    __slots__ = ("address", "buffer", "carved", "nbytes", "owner")

    def __init__(self, buffer: Any, nbytes: int, address: int = 0, owner: object = None) -> None:
        self.buffer = buffer
        self.nbytes = nbytes
        self.address = address
        self.owner = owner
        """Keeps the host memory alive for as long as the buffer."""
        self.carved = 0


class Region(NamedTuple):
    """A part of a segment, as it waits in its bin."""

    buffer: Any
    offset: int
    home: Bin
    segment: Segment


class Block:
    """`nbytes` bytes of `buffer` from byte `offset` on; goes back when the last reference dies.

    The queue is in-order, so memory may be handed out again while kernels that use it for its
    former owner are still running.
    """

    __slots__ = ("__weakref__", "buffer", "nbytes", "offset", "region")

    def __init__(self, buffer: Any, offset: int, nbytes: int, region: Region) -> None:
        self.buffer = buffer
        self.offset = offset
        self.nbytes = nbytes
        self.region = region

    def __del__(self) -> None:
        region = self.region
        home = region[2]
        home.free.append(region)
        usage = home.usage
        usage.nbytes -= home.nbytes
        usage.blocks -= 1
        if HUB.alloc:
            event = AllocEvent(usage.device, -home.nbytes)
            for hook in HUB.alloc:
                hook(event)

    def __repr__(self) -> str:
        return f"<Block of {self.nbytes} bytes on {self.region.home.usage.device}>"


def hand_out(region: Region) -> Block:
    """A block over `region`, counted in its usage: the slow way, with events."""
    home = region.home
    usage = home.usage
    usage.nbytes += home.nbytes
    usage.blocks += 1
    usage.total_nbytes += home.nbytes
    usage.total_blocks += 1
    usage.peak_nbytes = max(usage.peak_nbytes, usage.nbytes)
    usage.peak_blocks = max(usage.peak_blocks, usage.blocks)
    block = Block(region.buffer, region.offset, home.nbytes, region)
    if HUB.alloc:
        event = AllocEvent(usage.device, home.nbytes)
        for hook in HUB.alloc:
            hook(event)
    return block
