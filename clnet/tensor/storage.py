"""The memory behind tensors: one block of one device, shared by views."""
from __future__ import annotations

from typing import Any

from ..device import Device


class Storage:
    """A block of device memory with a version counter.

    Attributes:
        device: where it lives.
        buffer: the base buffer that kernels receive; the block starts ``start`` bytes into it.
        nbytes: bytes asked for.
        version: counts in-place writes; saved tensors compare it.
        rebased: some tensor on it became part of a graph by an in-place write.
        borrowed: the memory is another storage's, to be read only.
        shares: arrays of the host that look at this memory now.  While there are any, kernels
            that touch the storage finish before the call returns, as PyTorch's do.
    """

    __slots__ = ("device", "block", "buffer", "start", "nbytes", "version", "shares", "rebased",
                 "__weakref__")
    borrowed = False

    def __init__(self, device: Device, nbytes: int, block: Any = None, start: int | None = None) -> None:
        self.device = device
        self.nbytes = nbytes
        self.block = device.allocate(nbytes) if block is None else block
        self.buffer = self.block.buffer
        self.start = self.block.offset if start is None else start
        self.version = 0
        self.shares = 0
        self.rebased = False


class Borrowed(Storage):
    """Memory that belongs to a tensor of another device."""

    __slots__ = ()
    borrowed = True
