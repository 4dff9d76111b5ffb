"""Reading PyTorch's pickles: restricted to data, or in full."""
from __future__ import annotations

import importlib
import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import IO, Any, ClassVar

import numpy as np

from ..core import layout as lay
from ..core.dtypes import DType
from ..core.layout import Layout, Size
from ..device import Device
from ..nn.parameter import Parameter
from ..ops.arithmetic import neg
from ..ops.complex import conj
from ..tensor import Tensor
from ..tensor.pickling import rebuild_tensor
from ..tensor.storage import Storage
from .archive import CheckpointError
from .torch_names import DTYPES, STORAGE_CLASSES

# A number larger than any tensor's size or offset: what a damaged file may hold beyond it is refused.
_LIMIT = 1 << 62


class StorageKind:
    """PyTorch's storage class of one element type."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype


class LoadedStorage:
    """A storage record that was read, with the type its elements were written as."""

    def __init__(self, storage: Storage, dtype: DType) -> None:
        self.storage, self.dtype = storage, dtype


def byteswapped(array: np.ndarray, dtype: DType) -> np.ndarray:
    """Bytes of elements in the other byte order."""
    width = dtype.itemsize // (2 if dtype.is_complex else 1)
    return array.reshape(-1, width)[:, ::-1].reshape(-1)


def _tensor(given: LoadedStorage, offset: int, size: Any, stride: Any, requires_grad: bool = False,
            hooks: Any = None, metadata: Any = None) -> Tensor:
    """The tensor of a file.

    Raises:
        CheckpointError: it would reach outside its storage.
    """
    shape, strides = tuple(size), tuple(stride)
    if not isinstance(given, LoadedStorage) or len(shape) != len(strides) or any(
            type(n) is not int or not 0 <= n < _LIMIT for n in (offset, *shape, *strides)):
        raise CheckpointError(f"a tensor of shape {shape}, strides {strides} and offset {offset!r} can't be")
    layout: Layout = lay.make(shape, strides, given.dtype)
    if layout.numel and (offset + layout.extent()) * given.dtype.itemsize > given.storage.nbytes:
        raise CheckpointError(f"a tensor of shape {shape}, strides {strides} and offset {offset} reaches "
                              f"outside its storage of {given.storage.nbytes} bytes")
    made = rebuild_tensor(given.storage, offset, shape, strides, given.dtype, False)
    # PyTorch notes a conjugation or a change of sign that it has put off.
    if metadata and metadata.get("conj"):
        made = conj(made)
    if metadata and metadata.get("neg"):
        made = neg(made)
    return made.requires_grad_() if requires_grad and given.dtype.is_inexact else made


def _typed_tensor(given: LoadedStorage, offset: int, size: Any, stride: Any, requires_grad: bool, hooks: Any,
                  dtype: DType, metadata: Any = None) -> Tensor:
    """A tensor whose type is told with it, for its storage has none."""
    if not isinstance(given, LoadedStorage) or not isinstance(dtype, DType):
        raise CheckpointError(f"a tensor of {dtype!r} can't be")
    return _tensor(LoadedStorage(given.storage, dtype), offset, size, stride, requires_grad, hooks, metadata)


def _parameter(data: Tensor, requires_grad: bool = True, hooks: Any = None) -> Parameter:
    return Parameter(data, bool(requires_grad))


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, as pickles of protocol 2 spell them."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


def _bytearray(data: bytes | str = b"", encoding: str = "latin1") -> bytearray:
    """A bytearray of given contents; a mere length could ask for any amount of memory."""
    if not isinstance(data, (bytes, str)):
        raise pickle.UnpicklingError(f"a bytearray of {data!r}")
    return bytearray(_encode(data, encoding) if isinstance(data, str) else data)


def _device(kind: str, index: int | None = None) -> Device:
    return Device(kind) if index is None else Device(kind, index)


_TENSOR_PARTS: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _typed_tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.nn.parameter", "Parameter"): _parameter,
    ("torch", "Size"): Size,
    ("torch", "device"): _device,
    ("torch", "UntypedStorage"): StorageKind(DTYPES["uint8"]),
    ("torch.storage", "UntypedStorage"): StorageKind(DTYPES["uint8"]),
    **{("torch", name): StorageKind(dtype) for name, dtype in STORAGE_CLASSES.items()},
    **{("torch", name): dtype for name, dtype in DTYPES.items()},
}
_PLAIN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("collections", "Counter"): Counter,
    ("_codecs", "encode"): _encode,
    **{(module, cls.__name__): cls for module in ("builtins", "__builtin__")
       for cls in (set, frozenset, complex, list, dict, int, float, str, tuple, bool)},
    **{(module, "bytearray"): _bytearray for module in ("builtins", "__builtin__")},
}


class DataUnpickler(pickle._Unpickler):
    """Builds tensors, containers and plain values; refuses every other name.

    The pickle module's Python implementation is needed to restrict BUILD too, which could set any
    attribute of a tensor.
    """

    stack: list[Any]  # the base class has it, and its stubs leave it out
    dispatch: ClassVar[Any] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: IO[bytes], storage_of: Callable[..., LoadedStorage],
                 encoding: str = "utf-8") -> None:
        super().__init__(file, encoding=encoding)
        self._storage_of = storage_of

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the pickle stands for.

        Raises:
            UnpicklingError: it is not one that data needs.
        """
        key = (module, name)
        if key in _TENSOR_PARTS:
            return _TENSOR_PARTS[key]
        if key in _PLAIN:
            return _PLAIN[key]
        raise pickle.UnpicklingError(
            f"Weights only load failed: the file refers to {module}.{name}, which is not among the tensors, "
            "containers and plain values that load() builds. If you trust where the file comes from, call "
            "load() with weights_only=False, which can run code out of the file.")

    def persistent_load(self, reference: Any) -> LoadedStorage:
        """A storage by PyTorch's reference."""
        return load_storage(reference, self._storage_of)

    def load_build(self) -> None:
        """Attributes of an OrderedDict (a state_dict's metadata), whether a parameter is trained; no others."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Parameter) and isinstance(state, tuple) and len(state) == 3:
            target.requires_grad_(bool(state[0]))  # as PyTorch wrote them before 0.4
            return
        if type(target) is not OrderedDict or not isinstance(state, dict):
            raise pickle.UnpicklingError(f"Weights only load failed: the file sets attributes of a "
                                         f"{type(target).__name__}; weights_only=False would allow it")
        target.__dict__.update(state)

    dispatch[pickle.BUILD[0]] = load_build


class FullUnpickler(pickle.Unpickler):
    """Builds everything, calling whatever the file names; PyTorch's modules are taken from clnet."""

    def __init__(self, file: IO[bytes], storage_of: Callable[..., LoadedStorage],
                 **options: Any) -> None:
        super().__init__(file, **options)
        self._storage_of = storage_of

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the pickle stands for (AttributeError or ImportError if nothing here)."""
        key = (module, name)
        if key in _TENSOR_PARTS:
            return _TENSOR_PARTS[key]
        if module == "torch" or module.startswith("torch."):
            return getattr(importlib.import_module("clnet" + module[len("torch"):]), name)
        return super().find_class(module, name)

    def persistent_load(self, reference: Any) -> LoadedStorage:
        """A storage by PyTorch's reference."""
        return load_storage(reference, self._storage_of)


def load_storage(reference: Any, storage_of: Callable[..., LoadedStorage]) -> Any:
    """The storage of a reference ("storage", class, record, location, elements), or a class.

    Raises:
        CheckpointError: a reference of another form.
    """
    match reference:
        case ("storage", StorageKind() as kind, str() as key, str() as place, int() as count, *view):
            return storage_of(kind, key, place, count, *view)
        case ("module", type() as cls, *_):  # with its source, in the format from before version 1.6
            return cls
    raise CheckpointError(f"the reference {reference!r} names no storage")
