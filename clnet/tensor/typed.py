"""PyTorch's old tensor types: ``FloatTensor(2, 3)``, ``isinstance(t, LongTensor)``, ``t.type(ByteTensor)``."""
from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core.dtypes import DType
from ..device import Device, set_default_device
from . import creation
from .attach import attach
from .queries import TYPE_NAMES, type_name
from .tensor import Tensor


def _made(args: tuple[Any, ...], dtype: DType, device: Any) -> Tensor:
    data = args[0] if len(args) == 1 else None
    if isinstance(data, Tensor):
        return data.to(device, dtype) if data.dtype is not dtype or device is not None else data.alias()
    if data is not None and not isinstance(data, (int, tuple)) or type(data) is tuple:
        return creation.tensor(data, dtype=dtype, device=device)
    sizes = tuple(data) if isinstance(data, tuple) else args if args else (0,)
    return creation.empty(*sizes, dtype=dtype, device=device)


def _construct(cls: type[Tensor], *args: Any, data: Any = None, device: Any = None) -> Tensor:
    """``Tensor(2, 3)``: undefined contents; ``Tensor([1, 2])``: these numbers; both of the default dtype."""
    made = _made(args if data is None else (data,), dt.get_default_dtype(), device)
    if cls is not Tensor:
        made, source = object.__new__(cls), made
        made.storage, made.offset, made.layout = source.storage, source.offset, source.layout
        made.meta, made.tracked = None, False
    return made


class TensorType(type):
    """The type of tensors of one dtype, on GPUs or not: it makes them and tells them apart."""

    dtype: DType
    is_cuda: bool

    def __new__(cls, name: str, dtype: DType, is_cuda: bool) -> TensorType:
        module = "clnet.cuda" if is_cuda else "clnet"
        made = super().__new__(cls, name, (), {
            "__module__": module, "__doc__": f"Tensors of {dtype.name}{' on GPUs' if is_cuda else ''}.",
            "dtype": dtype, "is_cuda": is_cuda, "is_sparse": False})
        return made

    def __init__(self, name: str, dtype: DType, is_cuda: bool) -> None:
        super().__init__(name, (), {})

    def __call__(self, *args: Any, device: Any = None) -> Tensor:
        """A tensor of given sizes with undefined contents, or with the numbers of a sequence."""
        return _made(args, self.dtype, "cuda" if device is None and self.is_cuda else device)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is self.dtype and bool(
            instance.is_cuda) == self.is_cuda


PLAIN = {name: TensorType(name, dtype, False) for dtype, name in TYPE_NAMES.items()}
CUDA = {name: TensorType(name, dtype, True) for dtype, name in TYPE_NAMES.items()}


def type_named(name: str) -> TensorType:
    """The type that "torch.FloatTensor" or "torch.cuda.FloatTensor" names.

    Raises:
        ValueError: there is none.
    """
    home, _, kind = name.rpartition(".")
    found = (CUDA if home.endswith("cuda") else PLAIN).get(kind)
    if found is None or home not in ("torch", "torch.cuda", "clnet", "clnet.cuda"):
        raise ValueError(f"invalid type: '{name}'")
    return found


def set_default_tensor_type(t: Any, /) -> None:
    """Make a tensor type's dtype the default, and for a type of GPU tensors the GPU.

    Raises:
        TypeError: not a floating-point type.
    """
    kind = type_named(t) if isinstance(t, str) else t
    if not isinstance(kind, TensorType) or not kind.dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    dt.set_default_dtype(kind.dtype)
    if kind.is_cuda:
        set_default_device(Device("cuda"))


def as_type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """``type()``: the type's name; ``type(dtype)``: the tensor converted to a dtype, a tensor type, or the
    type of that name.

    Raises:
        ValueError: no tensor type has the name.
    """
    if dtype is None:
        return type_name(self)
    kind = type_named(dtype) if isinstance(dtype, str) else dtype
    if isinstance(kind, TensorType):
        return self.to("cuda", kind.dtype) if kind.is_cuda and not self.is_cuda else (
            self.to(kind.dtype))
    return self.to(kind)


def _itself(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Accepted: the tensor itself."""
    return self


def _nothing(self: Tensor, *args: Any, **kwargs: Any) -> None:
    """Accepted: the queue is in order."""


FUNCTIONS = (set_default_tensor_type,)


def install() -> None:
    """Give the tensor class ``type``, and what is accepted about memory."""
    setattr(Tensor, "__new__", staticmethod(_construct))
    attach(Tensor, type=as_type, pin_memory=_itself, share_memory_=_itself, record_stream=_nothing)
