"""Functions about tensors that compute nothing."""
from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core import layout as lay
from ..core import memory_format as formats
from ..core.dtypes import DType
from .attach import attach
from .tensor import Tensor

# PyTorch's names of tensor types, without the package.
TYPE_NAMES = {dt.float32: "FloatTensor", dt.float64: "DoubleTensor", dt.float16: "HalfTensor",
              dt.bfloat16: "BFloat16Tensor", dt.uint8: "ByteTensor", dt.int8: "CharTensor",
              dt.int16: "ShortTensor", dt.int32: "IntTensor", dt.int64: "LongTensor", dt.bool_: "BoolTensor",
              dt.uint16: "UInt16Tensor", dt.uint32: "UInt32Tensor", dt.uint64: "UInt64Tensor",
              dt.complex64: "ComplexFloatTensor", dt.complex128: "ComplexDoubleTensor"}


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj: Any) -> bool:
    """Whether ``obj`` is a storage object: clnet shows none."""
    return False


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating-point numbers."""
    return input.dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """Whether the elements are complex numbers."""
    return input.dtype.is_complex


def is_signed(input: Tensor) -> bool:
    """Whether the elements' type has negative numbers."""
    return input.dtype.is_signed


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero (waits for the device).

    Raises:
        RuntimeError: there is not exactly one element.
    """
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether the shapes are equal."""
    return input.shape == other.shape


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def get_device(input: Tensor) -> int:
    """The number of the GPU that holds the tensor, -1 for other devices."""
    return input.get_device()


def typename(obj: Any) -> str:
    """The name of a tensor's type, or of any object's class with its module."""
    if isinstance(obj, Tensor):
        return type_name(obj)
    kind = type(obj)
    return f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else kind.__qualname__


def type_name(x: Tensor) -> str:
    """PyTorch's name of the tensor's type, such as "torch.FloatTensor"."""
    return f"torch.{'cuda.' if x.is_cuda else ''}{TYPE_NAMES[x.dtype]}"


def result_type(tensor1: Any, tensor2: Any) -> DType:
    """The dtype that arithmetic on the two (tensors or numbers) has."""
    pair = (tensor1, tensor2)
    return dt.result_type([(t.dtype, t.ndim) for t in pair if isinstance(t, Tensor)],
                          [n for n in pair if not isinstance(n, Tensor)])


def broadcast_shapes(*shapes: Any) -> lay.Size:
    """The common shape of shapes (a number stands for one dimension) by the rules of broadcasting.

    Raises:
        RuntimeError: two sizes of one dimension differ and neither is 1.
    """
    return lay.Size(lay.broadcast_shapes(*((s,) if isinstance(s, int) else tuple(s) for s in shapes)))


def detach(input: Tensor) -> Tensor:
    """The same elements outside the graph."""
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    """Take the tensor out of the graph."""
    return input.detach_()


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same elements of the same memory."""
    return self.storage is tensor.storage and self.offset == tensor.offset and (
        self.shape == tensor.shape and self.stride() == tensor.stride())


def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether the elements lie in row-major order, or in that of a memory format."""
    return self.layout.contiguous if memory_format is None else formats.is_in(self.layout, memory_format)


def dim_order(self: Tensor) -> tuple[int, ...]:
    """The dimensions from the slowest in memory to the fastest."""
    return tuple(sorted(range(self.ndim), key=lambda d: -self.stride(d)))


# What the module table offers under these names.
FUNCTIONS = (is_tensor, is_storage, is_floating_point, is_complex, is_signed, is_inference, is_nonzero,
             is_same_size, numel, get_device, typename, result_type, broadcast_shapes, detach, detach_)


def install() -> None:
    """Give the tensor class the questions of this module."""
    for f in (is_nonzero, is_same_size, is_set_to, is_contiguous, dim_order):
        setattr(Tensor, f.__name__, f)
    attach(Tensor, dense_dim=Tensor.dim, sparse_dim=lambda self: 0,
           to_dense=lambda self, dtype=None, masked_grad=None: self.to(dtype=dtype))
    for name in ("is_shared", "is_pinned", "is_distributed", "is_coalesced"):
        setattr(Tensor, name, lambda self: False)
    for name in ("is_sparse_csr", "is_mkldnn", "is_nested", "is_vulkan", "is_xla", "is_xpu", "is_mps", "is_mtia",
                 "is_ipu", "is_maia"):
        setattr(Tensor, name, False)
