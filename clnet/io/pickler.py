"""Pickles that name tensors as PyTorch does."""
from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import IO, Any, ClassVar

from ..core.dtypes import DType
from ..core.layout import Size
from ..device import Device
from ..nn.parameter import Parameter
from ..tensor import Tensor
from ..tensor.storage import Storage
from .torch_names import STORAGE_NAMES


class _Global:
    """Something of a module that need not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *args: Any) -> Any:
        """The pickle module wants the functions it writes to be callable."""
        raise TypeError(f"{self.module}.{self.name} is only a name here")


class _StorageOf:
    """A tensor's storage, to be written as a record of its own."""

    def __init__(self, tensor: Tensor) -> None:
        self.storage, self.dtype = tensor.storage, tensor.dtype


class CheckpointPickler(pickle._Pickler):
    """Pickles an object; ``storages`` then holds what its tensors refer to, by record number.

    The pickle module's Python implementation is needed: the other one imports every global that it
    writes, and PyTorch's need not be installed.
    """

    # What the base class has and its stubs leave out.
    write: Any
    save: Any
    memoize: Any
    dispatch: ClassVar[Any] = dict(pickle._Pickler.dispatch)

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        super().__init__(file, protocol)
        self.storages: list[Storage] = []
        self._keys: dict[int, int] = {}
        self._dtypes: dict[int, DType] = {}
        self._globals: dict[tuple[str, str], _Global] = {}

    def _global(self, module: str, name: str) -> _Global:
        return self._globals.setdefault((module, name), _Global(module, name))

    def _write_global(self, value: _Global) -> None:
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode("ascii"))
        self.memoize(value)

    dispatch[_Global] = _write_global

    def persistent_id(self, value: Any) -> Any:
        """PyTorch's reference to a storage record; None for everything else."""
        if not isinstance(value, _StorageOf):
            return None
        storage, dtype = value.storage, value.dtype
        key = self._keys.get(id(storage))
        if key is None:
            key = self._keys[id(storage)] = len(self.storages)
            self._dtypes[key] = dtype
            self.storages.append(storage)
        elif self._dtypes[key] is not dtype:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as "
                               "different types")
        name = STORAGE_NAMES.get(dtype)
        kind = self._global("torch", name) if name else self._global("torch.storage", "UntypedStorage")
        size = storage.nbytes // dtype.itemsize if name else storage.nbytes
        return "storage", kind, str(key), location(storage.device), size

    def reducer_override(self, value: Any) -> Any:
        """How tensors and what describes them are taken apart."""
        if isinstance(value, Parameter):
            parts: tuple[Any, ...] = (value.detach(), value.requires_grad, OrderedDict())
            return self._global("torch._utils", "_rebuild_parameter"), parts
        if isinstance(value, Tensor):
            parts = (_StorageOf(value), value.storage_offset(), tuple(value.shape), tuple(value.stride()),
                     value.requires_grad, OrderedDict())
            if value.dtype in STORAGE_NAMES:
                return self._global("torch._utils", "_rebuild_tensor_v2"), parts
            return self._global("torch._utils", "_rebuild_tensor_v3"), (*parts, value.dtype)
        if isinstance(value, Size):
            return self._global("torch", "Size"), (tuple(value),)
        if isinstance(value, Device):
            return self._global("torch", "device"), (location(value),)
        return NotImplemented

    def _write_dtype(self, value: DType) -> None:
        self.save(self._global("torch", value.name))

    dispatch[DType] = _write_dtype


def location(device: Device) -> str:
    """The device as PyTorch names it in files."""
    return "cpu" if device.type == "cpu" else f"cuda:{device.index or 0}"
