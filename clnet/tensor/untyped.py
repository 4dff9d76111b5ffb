"""What ``Tensor.untyped_storage`` shows of the memory behind a tensor."""
from __future__ import annotations

from typing import Any

from ..device import Device
from .storage import Storage


class UntypedStorage:
    """A look at a storage: where it is and how long. Its bytes are read and written through tensors."""

    __slots__ = ("_storage",)

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def device(self) -> Device:
        """Where it lives."""
        return self._storage.device

    def data_ptr(self) -> int:
        """An address-like number, equal for tensors that share the storage."""
        return id(self._storage.block) + self._storage.start

    def nbytes(self) -> int:
        """Its length in bytes."""
        return self._storage.nbytes

    size = __len__ = nbytes

    def resize_(self, size: int) -> Any:
        """Refused."""
        raise NotImplementedError("UntypedStorage.resize_: storages keep their size; make a new tensor instead")
