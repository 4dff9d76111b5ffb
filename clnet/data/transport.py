"""Batches on their way from a worker process: elements through shared memory, the rest pickled."""
from __future__ import annotations

import io
import math
import pickle
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..device import Device
from ..tensor import Tensor
from ..tensor.interchange import bits, upload

# Offsets of arrays in a block are multiples of it, in bytes.
_ALIGNMENT = 128
_SMALLEST_BLOCK = 1 << 16
Parcel = tuple[bytes, "str | None"]
"""The pickled structure, and the name of the block that holds its arrays."""


class _Packer(pickle.Pickler):
    """Replaces tensors and arrays by where their bytes will lie."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.arrays: list[tuple[int, np.ndarray]] = []
        self.nbytes = 0

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Tensor):
            return ("tensor", self._place(bits(obj)), tuple(obj.shape), obj.dtype.name, str(obj.device))
        if type(obj) is np.ndarray and obj.dtype.kind in "biufc":
            array = np.ascontiguousarray(obj)
            return ("array", self._place(array), obj.shape, obj.dtype.str, None)
        return None

    def _place(self, array: np.ndarray) -> int:
        start = self.nbytes
        self.arrays.append((start, array))
        self.nbytes = start + math.ceil(array.nbytes / _ALIGNMENT) * _ALIGNMENT
        return start


class _Unpacker(pickle.Unpickler):
    """Puts tensors and arrays back, copied out of the block."""

    def __init__(self, file: Any, memory: np.ndarray) -> None:
        super().__init__(file)
        self._memory = memory

    def persistent_load(self, pid: Any) -> Any:
        kind, start, shape, name, device = pid
        dtype = dt.dtype_named(name) if kind == "tensor" else None
        storage = dtype.storage if dtype is not None else np.dtype(name)
        count = math.prod(shape) * storage.itemsize
        array = self._memory[start:start + count].view(storage).reshape(shape)
        return array.copy() if dtype is None else upload(array, dtype, Device(device))


class Sender:
    """A worker's blocks of shared memory; each is used again once the receiver has emptied it."""

    def __init__(self) -> None:
        self._blocks: dict[str, SharedMemory] = {}
        self._free: list[str] = []

    def pack(self, value: Any) -> Parcel:
        """``value`` ready to be sent."""
        file = io.BytesIO()
        packer = _Packer(file)
        packer.dump(value)
        if not packer.nbytes:
            return file.getvalue(), None
        block = self._block(packer.nbytes)
        memory = _memory(block)
        for start, array in packer.arrays:
            memory[start:start + array.nbytes] = array.reshape(-1).view(np.uint8)
        return file.getvalue(), block.name

    def _block(self, nbytes: int) -> SharedMemory:
        for name in self._free:
            if self._blocks[name].size >= nbytes:
                self._free.remove(name)
                return self._blocks[name]
        if self._free:  # too small for what comes now
            _discard(self._blocks.pop(self._free.pop()))
        block = SharedMemory(create=True, size=max(nbytes + nbytes // 4, _SMALLEST_BLOCK))
        self._blocks[block.name] = block
        return block

    def release(self, name: str) -> None:
        """The receiver needs the block no more."""
        if name in self._blocks:
            self._free.append(name)

    def close(self) -> None:
        """Give all blocks back to the system."""
        for block in self._blocks.values():
            _discard(block)
        self._blocks.clear()


def unpack(parcel: Parcel) -> Any:
    """What was sent, with tensors on their devices."""
    data, name = parcel
    if name is None:
        return _Unpacker(io.BytesIO(data), np.empty(0, np.uint8)).load()
    block = SharedMemory(name)
    memory = _memory(block)
    try:
        return _Unpacker(io.BytesIO(data), memory).load()
    finally:
        del memory
        _close(block)


def _memory(block: SharedMemory) -> np.ndarray:
    assert block.buf is not None  # until it is closed
    return np.frombuffer(block.buf, np.uint8)


def _close(block: SharedMemory) -> None:
    try:
        block.close()
    except BufferError:  # an error's traceback still refers to the memory
        pass


def _discard(block: SharedMemory) -> None:
    _close(block)
    try:
        block.unlink()
    except FileNotFoundError:
        pass
