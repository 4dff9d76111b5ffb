"""Tensors from nothing: data and constants."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from ..core import memory_format as formats
from ..core.dtypes import DType
from ..core.layout import Layout, Size
from ..device import Device, current_device
from . import interchange
from .attach import attach
from .tensor import Tensor


def _device(device: Any) -> Device:
    return current_device() if device is None else Device(device)


def _finish(t: Tensor, requires_grad: bool) -> Tensor:
    return t.requires_grad_() if requires_grad else t


@dt.taking_python_types
def tensor(data: Any, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False,
           pin_memory: bool = False) -> Tensor:
    """A new tensor that copies ``data`` (numbers, nested sequences, arrays, a tensor).

    Raises:
        ValueError: sequences of unequal length.  TypeError: not numbers.
    """
    if isinstance(data, Tensor):
        t = data.detach().clone()
        return _finish(t.to(device, dtype) if device is not None or dtype is not None else t, requires_grad)
    bits, found = interchange.as_bits(data, dtype)
    return _finish(interchange.upload(bits, found, _device(device)), requires_grad)


@dt.taking_python_types
def as_tensor(data: Any, dtype: DType | None = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without a copy where that is possible."""
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    if isinstance(data, np.ndarray) and data.flags.writeable:
        return interchange.from_numpy(data).to(dtype=dtype, device=device or current_device())
    return tensor(data, dtype=dtype, device=device)


@dt.taking_python_types
def asarray(obj: Any, *, dtype: DType | None = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool = False) -> Tensor:
    """``obj`` (a tensor, array, buffer or numbers) as a tensor; copied if ``copy``, shared if it can be else.

    Raises:
        ValueError: ``copy=False``, but the memory can't be shared.
    """
    if not isinstance(obj, (Tensor, np.ndarray)):
        if copy is False:
            raise ValueError("asarray: can't alias arbitrary sequences, numbers or other objects")
        return tensor(obj, dtype=dtype, device=device, requires_grad=requires_grad)
    t = as_tensor(obj, dtype, device)
    return _finish(t.detach().clone() if copy and (t is obj or isinstance(obj, np.ndarray)) else t, requires_grad)


@dt.taking_python_types
def frombuffer(buffer: Any, *, dtype: DType, count: int = -1, offset: int = 0,
               requires_grad: bool = False) -> Tensor:
    """A 1-d tensor on the memory of an object with the buffer protocol (a copy where it is read-only).

    Args:
        count: elements to take, -1 for all; offset: bytes to skip first.

    Raises:
        ValueError: the buffer is empty or too short, or does not hold whole elements.
    """
    length, size = memoryview(buffer).nbytes, dtype.itemsize
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
                         f"({length} bytes) minus 1")
    if count < 0 and (length - offset) % size:
        raise ValueError(f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a "
                         f"multiple of element size ({size})")
    taken = count if count > 0 else (length - offset) // size
    if offset + taken * size > length:
        raise ValueError(f"requested buffer length ({taken} * {size} bytes) after offset ({offset} bytes) must "
                         f"not be greater than actual buffer length ({length} bytes)")
    array = np.frombuffer(buffer, dtype.storage, taken, offset)
    if dtype is dt.bfloat16 or not array.flags.writeable:
        return _finish(interchange.upload(array, dtype, current_device()), requires_grad)
    return _finish(interchange.from_numpy(array), requires_grad)


@dt.taking_python_types
def empty(*sizes: Any, size: Any = None, dtype: DType | None = None, device: Any = None,
          requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
          memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """A tensor with whatever the memory held."""
    shape = _shape(sizes, size)
    if out is not None:
        return out.resize_(shape)
    made = _arranged(shape, dtype or dt.get_default_dtype(), memory_format)
    return _finish(Tensor.allocate(_device(device), made), requires_grad)


def _arranged(shape: tuple[int, ...], dtype: DType, memory_format: Any) -> Layout:
    """A dense layout in a memory format."""
    if memory_format is None or memory_format is formats.contiguous_format:
        return lay.dense(shape, dtype)
    return _ordered(shape, formats.order_of(memory_format, len(shape)), dtype)


def _ordered(shape: tuple[int, ...], order: Any, dtype: DType) -> Layout:
    """A dense layout whose dimensions lie in ``order``, the slowest first."""
    strides, step = [0] * len(shape), 1
    for d in reversed(order):
        strides[d] = step
        step *= max(shape[d], 1)
    return lay.make(shape, strides, dtype)


@dt.taking_python_types
def empty_strided(size: Any, stride: Any, *, dtype: DType | None = None, device: Any = None,
                  requires_grad: bool = False, layout: Any = None, pin_memory: bool = False) -> Tensor:
    """Uninitialised, with the given strides.

    Raises:
        RuntimeError: lengths that differ, or negative sizes or strides.
    """
    shape, steps = _shape((tuple(size),)), tuple(stride)
    if len(shape) != len(steps):
        raise RuntimeError(f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides "
                           f"({len(steps)})")
    if any(s < 0 for s in steps):
        raise RuntimeError(f"empty_strided: negative strides are not supported, got {list(steps)}")
    made = lay.make(shape, steps, dtype or dt.get_default_dtype())
    flat = Tensor.allocate(_device(device), lay.dense((made.extent(),), made.dtype))
    return _finish(Tensor.over(flat.storage, flat.offset, made), requires_grad)


@dt.taking_python_types
def empty_permuted(size: Any, physical_layout: Any, *, dtype: DType | None = None, device: Any = None,
                   requires_grad: bool = False, layout: Any = None, pin_memory: bool = False) -> Tensor:
    """Uninitialised, dense, with dimensions in memory in the order ``physical_layout``, the slowest first.

    Raises:
        RuntimeError: not an order of the dimensions.
    """
    shape, order = _shape((tuple(size),)), tuple(physical_layout)
    if len(order) != len(shape):
        raise RuntimeError("Number of dimensions in size does not match the length of the physical_layout; i.e. "
                           f"len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}")
    if any(not 0 <= d < len(shape) for d in order):
        raise RuntimeError(f"Dimension out of range (expected to be in range [0, {len(shape) - 1}])")
    if len(set(order)) != len(order):
        raise RuntimeError("Duplicate dim not allowed")
    made = _ordered(shape, order, dtype or dt.get_default_dtype())
    return _finish(Tensor.allocate(_device(device), made), requires_grad)


def _shape(sizes: Any, size: Any = None) -> tuple[int, ...]:
    shape = lay.size_of(sizes if size is None else (size,))
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


@dt.taking_python_types
def full(size: Any, fill_value: Any, *, dtype: DType | None = None, device: Any = None,
         requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
         out: Tensor | None = None) -> Tensor:
    """A tensor with every element ``fill_value``; the value's kind is the default dtype."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if out is not None:
        return out.resize_(_shape((size,))).fill_(value)
    if not dt.holds(dtype or dt.scalar_dtype(value), value):
        raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
    t = empty(size, dtype=dtype or dt.scalar_dtype(value), device=device)
    return _finish(t.fill_(value), requires_grad)


@dt.taking_python_types
def zeros(*sizes: Any, size: Any = None, dtype: DType | None = None, device: Any = None, requires_grad: bool = False,
          layout: Any = None, pin_memory: bool = False, out: Tensor | None = None) -> Tensor:
    """A tensor of zeros."""
    return full(_shape(sizes, size), 0, dtype=dtype or dt.get_default_dtype(), device=device,
                requires_grad=requires_grad, out=out)


@dt.taking_python_types
def ones(*sizes: Any, size: Any = None, dtype: DType | None = None, device: Any = None, requires_grad: bool = False,
         layout: Any = None, pin_memory: bool = False, out: Tensor | None = None) -> Tensor:
    """A tensor of ones."""
    return full(_shape(sizes, size), 1, dtype=dtype or dt.get_default_dtype(), device=device,
                requires_grad=requires_grad, out=out)


@dt.taking_python_types
def empty_like(input: Tensor, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None, **ignored: Any) -> Tensor:
    """Uninitialised, shaped and (without another ``memory_format``) arranged like ``input``."""
    kept = memory_format is None or memory_format is formats.preserve_format
    made = lay.like(input.layout, dtype or input.dtype) if kept else _arranged(
        tuple(input.shape), dtype or input.dtype, memory_format)
    return _finish(Tensor.allocate(Device(device) if device is not None else input.device, made), requires_grad)


@dt.taking_python_types
def full_like(input: Tensor, fill_value: Any, *, dtype: DType | None = None, device: Any = None,
              requires_grad: bool = False, **options: Any) -> Tensor:
    """Shaped like ``input``, every element ``fill_value``."""
    t = empty_like(input, dtype=dtype, device=device, **options)
    return _finish(t.fill_(fill_value), requires_grad)


@dt.taking_python_types
def zeros_like(input: Tensor, **options: Any) -> Tensor:
    """Zeros shaped like ``input``."""
    return full_like(input, 0, **options)


@dt.taking_python_types
def ones_like(input: Tensor, **options: Any) -> Tensor:
    """Ones shaped like ``input``."""
    return full_like(input, 1, **options)


@dt.taking_python_types
def eye(n: int, m: int | None = None, *, dtype: DType | None = None, device: Any = None,
        requires_grad: bool = False, **ignored: Any) -> Tensor:
    """The identity matrix, n by m.

    Raises:
        RuntimeError: a negative size.
    """
    if n < 0 or (m or 0) < 0:
        raise RuntimeError(f"{'n' if n < 0 else 'm'} must be greater or equal to 0, got {n if n < 0 else m}")
    t = zeros(n, n if m is None else m, dtype=dtype, device=device)
    t.diagonal().fill_(1)
    return _finish(t, requires_grad)


@dt.taking_python_types
def scalar_tensor(s: Any, *, dtype: DType | None = None, device: Any = None, **ignored: Any) -> Tensor:
    """A 0-d tensor of the default floating type."""
    return full((), s, dtype=dtype or dt.get_default_dtype(), device=device)


def new(self: Tensor, *data: Any) -> Tensor:
    """The old constructor: of the tensor's type, from a sequence or with the given sizes."""
    if len(data) == 1 and isinstance(data[0], (list, tuple, np.ndarray, Tensor)) and not isinstance(data[0], Size):
        return tensor(data[0], dtype=self.dtype, device=self.device)
    return empty(*(data or (0,)), dtype=self.dtype, device=self.device)


# What the module table offers under these names.
FUNCTIONS = (tensor, as_tensor, asarray, frombuffer, empty, empty_strided, empty_permuted, full, zeros, ones,
             empty_like, full_like, zeros_like, ones_like, eye, scalar_tensor)


def install() -> None:
    """The ``new_*`` methods, which inherit dtype and device."""
    def inherit(make: Any) -> Any:
        def method(self: Tensor, *args: Any, dtype: DType | None = None, device: Any = None,
                   **options: Any) -> Tensor:
            return make(*args, dtype=dtype or self.dtype, device=device or self.device, **options)
        return method

    for name, make in (("new_tensor", tensor), ("new_empty", empty), ("new_full", full),
                       ("new_zeros", zeros), ("new_ones", ones), ("new_empty_strided", empty_strided)):
        setattr(Tensor, name, inherit(make))
    attach(Tensor, zeros_like=zeros_like, ones_like=ones_like, new=new)
