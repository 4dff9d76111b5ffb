"""PyTorch's format from before version 1.6: pickles in a row, then the bytes of each storage."""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from ..tensor.storage import Storage
from .archive import CheckpointError
from .unpickler import LoadedStorage, StorageKind, byteswapped

_MAGIC = 0x1950A86A20F9469CFC6C


def is_legacy(file: IO[bytes]) -> bool:
    """Whether a file begins with the format's magic number; it stands at its beginning afterwards."""
    start = file.read(32)
    file.seek(0)
    return start[:1] == b"\x80" and b"\x8a\x0a" + _MAGIC.to_bytes(10, "little") in start


def read(file: IO[bytes], name: str, places: Any, unpickler: Callable[..., Any]) -> Any:
    """The object in a file.

    Raises:
        CheckpointError: it is truncated or damaged.
    """
    storages = _Storages(name, file.seek(0, 2), places)
    file.seek(0)
    for _ in range(3):  # the magic number, a version, the word sizes of the writer
        unpickler(file, storages).load()
    start = file.tell()
    # The object names the storages by which to read them, and is made of them: it is read twice.
    unpickler(file, storages).load()
    keys = unpickler(file, storages).load()
    for key in keys:
        storages.fill(key, file)
    if len(keys) != len(storages.roots):
        raise CheckpointError(f"{name}: {len(storages.roots)} storages are used and {len(keys)} are there")
    file.seek(start)
    return unpickler(file, storages).load()


class _Storages:
    """Storages that tensors are made on before their contents come."""

    def __init__(self, name: str, room: int, places: Any) -> None:
        self._name, self._room, self._places = name, room, places
        self.roots: dict[str, LoadedStorage] = {}

    def __call__(self, kind: StorageKind, key: str, location: str, count: int, view: None) -> LoadedStorage:
        """The storage of a key.

        Raises:
            CheckpointError: it is larger than what the file can hold, or a view of another (before 0.4).
        """
        size = kind.dtype.itemsize
        if key not in self.roots:
            self._room -= count * size
            if count < 0 or self._room < 0 or view is not None:
                raise CheckpointError(f"{self._name}: a storage of {count} elements does not fit into the file, "
                                      "or is a view")
            storage = Storage(self._places.device(location), count * size)
            self.roots[key] = LoadedStorage(self._places.moved(storage, location), kind.dtype)
        return self.roots[key]

    def fill(self, key: str, file: IO[bytes]) -> None:
        """Read the contents of a storage.

        Raises:
            CheckpointError: they are not there, or of another size.
        """
        root = self.roots.get(key)
        count = int.from_bytes(file.read(8), "little")
        if root is None or count * root.dtype.itemsize != root.storage.nbytes:
            raise CheckpointError(f"{self._name}: the storage {key!r} has {count} elements, which is not what its "
                                  "tensors say: the file is truncated or corrupt")
        storage = root.storage
        data = np.frombuffer(file.read(storage.nbytes), np.uint8)
        if data.size != storage.nbytes:
            raise CheckpointError(f"{self._name}: the storage {key!r} ends early: the file is truncated")
        if data.size:
            data = data if sys.byteorder == "little" else byteswapped(data, root.dtype)
            storage.device.upload(storage.block, storage.start - storage.block.offset, data)
