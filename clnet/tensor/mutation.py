"""In-place methods that are not an operator's in-place form."""
from __future__ import annotations

import math
from typing import Any

from ..autograd import graph
from ..core import layout as lay
from ..ops.comparison import copy
from ..ops.creation import fill
from .methods import write
from .tensor import Tensor


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write ``src``, broadcast and converted, over this tensor."""
    graph.check_writable(self)
    if not isinstance(src, Tensor):
        return fill_(self, src)
    if src.device is not self.device:
        src = src.to(self.device)  # type: ignore[attr-defined]
    if src is self:
        return self
    if src.shape != self.shape:
        try:
            src = src.expand(self.shape)  # type: ignore[attr-defined]
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
    write(fill, (value,), {}, self)
    return self


def zero_(self: Tensor) -> Tensor:
    """Write zeros."""
    return fill_(self, 0)


def resize_(self: Tensor, *size: Any) -> Tensor:
    """Give the tensor another shape, in new memory if the old is too small."""
    shape = lay.size_of(size)
    layout = lay.dense(shape, self.dtype)
    if math.prod(shape) > self.numel():
        self.rebind(Tensor.allocate(self.device, layout))
    else:
        self.layout = layout
    return self


def set_(self: Tensor, source: Tensor) -> Tensor:
    """Become another handle on the source's memory."""
    self.rebind(source)
    return self


def install() -> None:
    """Give the tensor class the methods of this module."""
    for f in (copy_, fill_, zero_, resize_, set_):
        setattr(Tensor, f.__name__, f)
