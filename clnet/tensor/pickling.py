"""Copying and pickling tensors: the storage goes along whole, so that sharing survives."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import layout as lay
from ..core.dtypes import DType
from ..device import Device
from .attach import attach
from .storage import Storage
from .tensor import Tensor


def storage_bytes(storage: Storage) -> np.ndarray:
    """Everything in a storage as a new array of bytes on the host (waits for the device)."""
    out = np.empty(storage.nbytes, np.uint8)
    if out.size:
        storage.device.download(storage.block, storage.start - storage.block.offset, out)
    return out


def storage_of(data: Any, device: Device) -> Storage:
    """A new storage on ``device`` holding an array's (or buffer's) bytes."""
    array = np.frombuffer(data, np.uint8) if not isinstance(data, np.ndarray) else data
    storage = Storage(device, array.nbytes)
    if array.nbytes:
        device.upload(storage.block, storage.start - storage.block.offset, np.ascontiguousarray(array))
    return storage


def rebuild_storage(data: bytes, device: Device) -> Storage:
    """The storage that was pickled."""
    return storage_of(data, device)


def rebuild_tensor(storage: Storage, offset: int, shape: Any, strides: Any, dtype: DType,
                   requires_grad: bool) -> Tensor:
    """A leaf on ``storage``; ``offset`` counts elements from the storage's first."""
    first = storage.start // dtype.itemsize + offset
    made = Tensor.over(storage, first, lay.make(tuple(shape), tuple(strides), dtype))
    return made.requires_grad_() if requires_grad else made


def _storage_deepcopy(self: Storage, memo: dict[int, Any]) -> Storage:
    made = Storage(self.device, self.nbytes)
    if self.nbytes:
        self.device.copy(self.block, self.start - self.block.offset,
                         made.block, made.start - made.block.offset, self.nbytes)
    memo[id(self)] = made
    return made


def _storage_reduce(self: Storage, protocol: Any) -> Any:
    return rebuild_storage, (storage_bytes(self).tobytes(), self.device)


def _tensor_deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """Raises RuntimeError for a tensor that was computed under autograd, as PyTorch does."""
    found = memo.get(id(self))
    if found is not None:
        return found
    if not self.is_leaf:
        raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the "
                           "deepcopy protocol at the moment.")
    storage = memo.get(id(self.storage))
    if storage is None:
        storage = _storage_deepcopy(self.storage, memo)
    made = rebuild_tensor(storage, self.storage_offset(), self.shape, self.layout.strides, self.dtype,
                          self.requires_grad)
    memo[id(self)] = made
    if self.grad is not None:
        made.grad = _tensor_deepcopy(self.grad, memo)
    return made


def _tensor_reduce(self: Tensor, protocol: Any) -> Any:
    return rebuild_tensor, (self.storage, self.storage_offset(), tuple(self.shape), self.layout.strides,
                            self.dtype, self.requires_grad)


def install() -> None:
    """Give tensors and storages ``copy.deepcopy`` and pickling."""
    attach(Storage, __deepcopy__=_storage_deepcopy, __reduce_ex__=_storage_reduce)
    attach(Tensor, __deepcopy__=_tensor_deepcopy, __reduce_ex__=_tensor_reduce)
