"""Between tensors and the host: NumPy, Python values, DLPack, other devices."""
from __future__ import annotations

import warnings
import weakref
from typing import Any

import numpy as np

from ..autograd.function import record_custom
from ..codegen.expr import from_storage, to_storage
from ..core import dtypes as dt
from ..core import layout as lay
from ..core import memory_format as formats
from ..core.dtypes import DType
from ..device import Device, current_device
from ..ops.comparison import copy
from ..ops.view import clone
from .attach import attach
from .storage import Borrowed, Storage
from .tensor import Tensor


def bits(x: Tensor) -> np.ndarray:
    """The elements' storage bits as a new array on the host (waits for the device)."""
    if not x.layout.contiguous:
        x = contiguous(x.detach())
    out = np.empty(tuple(x.shape), x.dtype.storage)
    if out.size:
        x.device.download(x.storage.block, _byte_offset(x), out)
    return out


def _seen(x: Tensor) -> np.ndarray:
    """``bits``, in the device's own memory where the host sees that."""
    view = x.device.host_view(x.storage.block) if x.layout.contiguous else None
    if view is None:
        return bits(x)
    x.device.synchronize()
    start = _byte_offset(x)
    return view[start:start + x.nbytes].view(x.dtype.storage).reshape(tuple(x.shape))


def lend(x: Tensor, device: Device) -> Tensor:
    """``x`` for another device to read, outside any graph: where both see the host's memory, in place.

    Waits for the device of ``x`` alone.  Nobody may write to ``x`` until the other device has read it.
    """
    array = _seen(x) if x.numel() and device.runtime.computes else None
    wrapped = None if array is None else device.wrap_host(array.ctypes.data, array.nbytes, array)
    if wrapped is None:
        return _move_bits(x, device)
    storage = Borrowed(device, x.nbytes, wrapped[0], wrapped[0].offset + wrapped[1])
    return Tensor.over(storage, storage.start // x.itemsize, lay.dense(x.shape, x.dtype))


def _byte_offset(x: Tensor) -> int:
    return x.offset * x.itemsize - x.storage.block.offset


def values(x: Tensor) -> np.ndarray:
    """The elements as NumPy numbers (bfloat16 as float32)."""
    return from_storage(bits(x), dt.bfloat16) if x.dtype is dt.bfloat16 else bits(x)


def tolist_flat(self: Tensor) -> list[Any]:
    """The elements as Python numbers in row-major order."""
    return values(self).reshape(-1).tolist()


def tolist(self: Tensor) -> Any:
    """The elements as (nested lists of) Python numbers."""
    return values(self).tolist()


class _HostShare:
    """Owner of an array that looks at a storage's memory: keeps it alive, and known as shared."""

    __slots__ = ("storage", "__weakref__")

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        storage.shares += 1
        storage.device.shares += 1
        weakref.finalize(self, _unshare, storage).atexit = False


def _unshare(storage: Storage) -> None:
    storage.shares -= 1
    storage.device.shares -= 1


def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The elements as a NumPy array; on CPU-class devices it shares memory with the tensor.

    Raises:
        RuntimeError: the tensor requires grad (unless ``force``).
        TypeError: bfloat16, which NumPy lacks.
    """
    if self.requires_grad and not force:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use "
                           "tensor.detach().numpy() instead.")
    if self.dtype is dt.bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    if not self.numel():
        return np.empty(tuple(self.shape), self.dtype.storage)
    block = self.storage.block
    view = self.device.host_view(block)
    if view is None:
        return bits(self)
    self.device.synchronize()
    start = _byte_offset(self)
    itemsize = self.itemsize
    share = _HostShare(self.storage)
    window = _SharedArray(view.ctypes.data + start, tuple(self.shape),
                          tuple(s * itemsize for s in self.layout.strides), self.dtype.storage, share)
    return np.asarray(window)


class _SharedArray:
    """NumPy's view of device memory; the array keeps this object, which keeps the share."""

    def __init__(self, address: int, shape: Any, strides: Any, dtype: np.dtype, share: Any) -> None:
        self.share = share
        self.__array_interface__ = {"version": 3, "shape": shape, "strides": strides,
                                    "typestr": dtype.str, "data": (address, False)}


def upload(array: np.ndarray, dtype: DType, device: Device) -> Tensor:
    """A new tensor of storage bits in ``array``."""
    array = np.ascontiguousarray(array).reshape(array.shape)
    t = Tensor.allocate(device, lay.dense(array.shape, dtype))
    if array.size:
        device.upload(t.storage.block, _byte_offset(t), array)
    return t


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor on the array's own memory where the device can, else a copy.

    Raises:
        TypeError: not an array, or a dtype that tensors don't have.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtype = dt.from_numpy(array.dtype)
    if any(s < 0 for s in array.strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors with "
                         "negative strides are not currently supported. (You can probably work "
                         "around this by making a copy of your array with array.copy().)")
    device = Device("cpu") if current_device().type != "cpu" else current_device()
    aligned = (array.ctypes.data % dtype.itemsize == 0 and array.dtype.isnative
               and all(s % dtype.itemsize == 0 for s in array.strides) and array.flags.writeable)
    if not array.size or not aligned:
        return upload(array, dtype, device)
    strides = tuple(s // dtype.itemsize for s in array.strides)
    layout = lay.make(array.shape, strides, dtype)
    wrapped = device.wrap_host(array.ctypes.data, layout.extent() * dtype.itemsize, array)
    if wrapped is None:
        return upload(array, dtype, device)
    block, start = wrapped
    if start % dtype.itemsize:
        return upload(array, dtype, device)
    storage = Storage(device, layout.extent() * dtype.itemsize, block, block.offset + start)
    storage.shares += 1  # for as long as the storage lives: the array is the user's
    device.shares += 1
    weakref.finalize(storage, _release_share, device).atexit = False
    return Tensor.over(storage, storage.start // dtype.itemsize, layout)


def from_dlpack(source: Any) -> Tensor:
    """A tensor on the host memory that another library's array offers through DLPack."""
    return from_numpy(np.from_dlpack(source))


def to_dlpack(self: Tensor, **options: Any) -> Any:
    """``__dlpack__``: a capsule over the tensor's host memory, or over a copy of it.

    Raises:
        RuntimeError: the tensor requires grad.  TypeError: bfloat16.
    """
    return numpy(self).__dlpack__(**{k: v for k, v in options.items() if k != "stream"})


def dlpack_device(self: Tensor) -> tuple[int, int]:
    """``__dlpack_device__``: host memory, whatever device the tensor is on."""
    return 1, 0


def _release_share(device: Device) -> None:
    device.shares -= 1


def as_bits(data: Any, dtype: DType | None) -> tuple[np.ndarray, DType]:
    """Python data, arrays or nested sequences of tensors as storage bits and their type."""
    if isinstance(data, (list, tuple)) and _holds_tensors(data):
        data = np.array(_unpack(data))
    if isinstance(data, np.ndarray) or isinstance(data, np.generic):
        array = np.asarray(data)
        found = dtype or dt.from_numpy(array.dtype)
        return to_storage(array, found), found
    try:
        array = np.array(data)
    except ValueError as error:
        raise ValueError(f"expected sequences of equal length: {error}") from None
    if array.dtype.kind not in "biufc":
        if array.dtype.kind == "O":
            raise RuntimeError("Overflow when unpacking long, or elements that are not numbers: "
                               f"{type(data).__name__}")
        raise TypeError(f"new(): invalid data type '{array.dtype}'")
    if dtype is dt.uint64 and array.dtype.kind == "f":  # as which NumPy takes integers on both sides of 2**63
        array = np.array(data, object).astype(np.uint64)
    if dtype is None:
        kinds = {"b": dt.bool_, "i": dt.int64, "u": dt.int64, "f": dt.get_default_dtype(),
                 "c": dt.get_default_dtype().to_complex()}
        # Python's integers arrive as int64; another type is that of NumPy's numbers.
        kinds["i"] = dt.from_numpy(array.dtype) if array.dtype.kind == "i" else dt.int64
        dtype = kinds[array.dtype.kind] if array.size or array.dtype.kind != "f" else dt.get_default_dtype()
    if dtype.kind == "int" and array.dtype.kind in "iu" and array.size:
        for value in (int(array.min()), int(array.max())):
            if not dt.holds(dtype, value):
                if dtype is dt.int64:
                    raise ValueError("Overflow when unpacking long long")
                raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
    return to_storage(array, dtype), dtype


def _holds_tensors(data: Any) -> bool:
    return any(isinstance(e, Tensor) or (isinstance(e, (list, tuple)) and _holds_tensors(e)) for e in data)


def _unpack(data: Any) -> Any:
    if isinstance(data, Tensor):
        return values(data)
    return [_unpack(e) for e in data] if isinstance(data, (list, tuple)) else data


def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its elements lie in row-major order (or a memory format's), else a copy that does."""
    if memory_format is None or memory_format is formats.contiguous_format:
        return self if self.layout.contiguous else copy(self, dtype=self.dtype, dense=True)
    if memory_format is formats.preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    return self if formats.is_in(self.layout, memory_format) else clone(self, memory_format=memory_format)


def _parse_to(args: tuple[Any, ...], dtype: Any, device: Any) -> tuple[DType | None, Device | None]:
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, DType) or type(a) is type:
            dtype = a
        elif isinstance(a, (Device, str, int)) and not isinstance(a, bool):
            device = a
    return dt.PYTHON_TYPES.get(dtype, dtype), Device(device) if device is not None else None


def to(self: Tensor, *args: Any, dtype: DType | None = None, device: Any = None,
       non_blocking: bool = False, copy: bool = False, memory_format: Any = None) -> Tensor:
    """The tensor with another dtype and/or on another device; itself if nothing changes."""
    dtype, device = _parse_to(args, dtype, device)
    flags = [a for a in args if isinstance(a, bool)]
    copy = copy or (len(flags) > 1 and flags[1])
    result = self
    if device is not None and device is not self.device:
        result = _Transfer.move(result, device)
    if dtype is not None and dtype is not result.dtype:
        result = _cast(result, dtype)
    if memory_format is not None and memory_format is not formats.preserve_format:
        made = contiguous(result, memory_format)
        return clone(result, memory_format=memory_format) if copy and made is self else made
    return result.clone() if copy and result is self else result


def _cast(x: Tensor, dtype: DType) -> Tensor:
    if x.dtype.is_complex and dtype.kind in ("float", "int"):
        warnings.warn("Casting complex values to real discards the imaginary part", UserWarning, stacklevel=3)
    return copy(x, dtype=dtype)


def _move_bits(x: Tensor, device: Device) -> Tensor:
    if not device.runtime.computes:
        return Tensor.allocate(device, lay.dense(x.shape, x.dtype))
    return upload(_seen(x), x.dtype, device)


class _Transfer:
    """Copies between devices, recorded: the cotangent travels back."""

    @staticmethod
    def move(x: Tensor, device: Device) -> Tensor:
        source = x.device
        result = _move_bits(x, device)
        return record_custom("ToCopy", (x,), result, lambda g: (_Transfer.move(g, source),))


def install() -> None:
    """Give the tensor class the methods of this module."""
    for f in (tolist_flat, tolist, numpy, contiguous, to):
        setattr(Tensor, f.__name__, f)
    for name, target in dt.ALIASES.items():
        setattr(Tensor, name, _caster(target))
    for target in (dt.bfloat16, dt.bool_):
        setattr(Tensor, target.name, _caster(target))
    attach(
        Tensor, char=_caster(dt.int8), byte=_caster(dt.uint8), type_as=lambda self, other: self.to(other),
        cpu=lambda self, memory_format=None: self if self.is_cpu else self.to("cpu"),
        cuda=lambda self, device=None, non_blocking=False: self.to("cuda" if device is None else device),
        __dlpack__=to_dlpack, __dlpack_device__=dlpack_device,
        __array__=lambda self, dtype=None, copy=None: np.asarray(self.numpy(), dtype=dtype))


def _caster(dtype: DType) -> Any:
    def cast(self: Tensor, memory_format: Any = None) -> Tensor:
        return self if self.dtype is dtype else _cast(self, dtype)
    return cast
