"""Orders of a dense tensor's dimensions in memory, under PyTorch's names."""
from __future__ import annotations

from dataclasses import dataclass

from .layout import Layout


@dataclass(frozen=True, eq=False)
class MemoryFormat:
    """An order of dimensions: ``order`` lists them from the slowest; None where it depends on the tensor."""

    name: str
    order: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        return f"clnet.{self.name}"


contiguous_format = MemoryFormat("contiguous_format")
preserve_format = MemoryFormat("preserve_format")
channels_last = MemoryFormat("channels_last", (0, 2, 3, 1))
channels_last_3d = MemoryFormat("channels_last_3d", (0, 2, 3, 4, 1))


@dataclass(frozen=True, eq=False)
class StorageLayout:
    """How a tensor keeps its elements, PyTorch's ``torch.layout``."""

    name: str

    def __repr__(self) -> str:
        return f"clnet.{self.name}"


# The layout that every tensor here has.
strided = StorageLayout("strided")


def order_of(memory_format: MemoryFormat, ndim: int) -> tuple[int, ...]:
    """The dimensions from the slowest to the fastest.

    Raises:
        RuntimeError: the format is for another number of dimensions, or fixes no order.
    """
    if memory_format is contiguous_format:
        return tuple(range(ndim))
    if memory_format.order is None:
        raise RuntimeError(f"{memory_format} does not say in which order dimensions lie")
    if len(memory_format.order) != ndim:
        raise RuntimeError(f"required rank {len(memory_format.order)} tensor to use {memory_format.name} format")
    return memory_format.order


def is_in(layout: Layout, memory_format: MemoryFormat) -> bool:
    """Whether the elements lie without gaps in a format's order."""
    if memory_format is contiguous_format:
        return layout.contiguous
    if memory_format.order is None or len(memory_format.order) != layout.ndim:
        return False
    step = 1
    for d in reversed(memory_format.order):
        if layout.shape[d] != 1:
            if layout.strides[d] != step:
                return False
            step *= layout.shape[d]
    return True
