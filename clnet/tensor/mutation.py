"""In-place methods that are not an operator's in-place form."""
from __future__ import annotations

import math
from typing import Any

from ..autograd import graph
from ..core import dtypes as dt
from ..core import layout as lay
from ..ops.comparison import copy
from ..ops.creation import fill as fill_value
from .attach import attach
from .methods import meets, write
from .tensor import Tensor


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write ``src``, broadcast and converted, over this tensor."""
    graph.check_writable(self)
    if not isinstance(src, Tensor):
        return fill_(self, src)
    if src.device is not self.device:
        src = src.to(self.device)
    if src is self:
        return self
    if src.shape != self.shape:
        meets(src, self)
        try:
            src = src.expand(self.shape)
        except RuntimeError:
            raise RuntimeError(f"copy_: output with shape {list(self.shape)} can't take a source of "
                               f"shape {list(src.shape)}") from None
    write(copy, (src,), {"dtype": self.dtype}, self)
    return self


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write a number (or 0-d tensor) over every element."""
    graph.check_writable(self)
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with "
                               f"{value.ndim} dimensions.")
        return copy_(self, value)
    if not dt.holds(self.dtype, value):
        raise RuntimeError(f"value cannot be converted to type {self.dtype} without overflow")
    write(fill_value, (value,), {}, _unexpanded(self))
    return self


def _unexpanded(x: Tensor) -> Tensor:
    """A view of each element once: writing one value to elements that share a place is no conflict."""
    for d, (n, stride) in enumerate(zip(x.shape, x.stride())):
        if stride == 0 and n > 1:
            x = x.narrow(d, 0, 1)
    return x


def zero_(self: Tensor) -> Tensor:
    """Write zeros."""
    return fill_(self, 0)


def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Give the tensor another shape, row-major from its first element on.

    The elements that the memory holds stay; where it is too small they move to new memory, whose
    further elements are not initialised.

    Raises:
        RuntimeError: the tensor requires grad, or a negative size.
    """
    shape = lay.size_of(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"requested resize to {list(shape)}, but sizes must not be negative")
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    layout = lay.dense(shape, self.dtype)
    if layout is self.layout:
        return self
    room = self.storage.nbytes // self.itemsize - self.storage_offset()
    if layout.numel <= room:
        self.layout = layout
        return self
    grown = Tensor.allocate(self.device, layout)
    if room > 0:
        kept = lay.dense((room,), self.dtype)
        copy_(Tensor.over(grown.storage, grown.offset, kept), Tensor.over(self.storage, self.offset, kept))
    self.rebind(grown)
    return self


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """``resize_`` to another tensor's shape."""
    return resize_(self, tuple(the_template.shape), memory_format=memory_format)


def _resized(self: Tensor, *size: Any) -> Tensor:
    """The old name of a resize outside the graph: only to the shape that it has.

    Raises:
        RuntimeError: another number of elements.
    """
    shape = lay.size_of(size)
    if math.prod(shape) != self.numel():
        raise RuntimeError(f"requested resize to {list(shape)}, but the given tensor has a size of "
                           f"{list(self.shape)}. autograd's resize can only change the shape of a given tensor, "
                           "while preserving the number of elements.")
    return self.view(shape)


def apply_(self: Tensor, callable: Any) -> Tensor:
    """Write a Python function's value of each element over it, on the host."""
    return _of_values(self, [callable(v) for v in self.tolist_flat()])


def map_(self: Tensor, tensor: Tensor, callable: Any) -> Tensor:
    """Write ``callable(element, other element)`` over each element, on the host."""
    other = tensor.expand(self.shape)
    return _of_values(self, [callable(a, b) for a, b in zip(self.tolist_flat(), other.tolist_flat())])


def _of_values(x: Tensor, values: list[Any]) -> Tensor:
    return copy_(x, x.new_tensor(values).reshape(x.shape))


def set_(self: Tensor, source: Tensor) -> Tensor:
    """Become another handle on the source's memory."""
    self.rebind(source)
    return self


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor of the input's shape and dtype with a number (or 0-d tensor) everywhere."""
    return fill_(input.new_empty(tuple(input.shape)), value)


# What the module table offers under these names.
FUNCTIONS = (fill, fill_, zero_, resize_as_)


def install() -> None:
    """Give the tensor class the methods of this module."""
    for f in (copy_, fill_, zero_, resize_, resize_as_, set_, apply_, map_):
        setattr(Tensor, f.__name__, f)
    attach(Tensor, resize=_resized, resize_as=lambda self, tensor: _resized(self, tuple(tensor.shape)))
