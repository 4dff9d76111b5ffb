"""Transposes as attributes, and the methods that change a tensor's own geometry in place."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..autograd import graph
from ..ops import join, shape, strided, view
from .attach import attach
from .tensor import Tensor


def reversed_dims(self: Tensor) -> Tensor:
    """``T``: the dimensions in reverse order."""
    if self.ndim not in (0, 2):
        warnings.warn("The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
                      "deprecated; consider `x.mT` to transpose batches of matrices or "
                      "`x.permute(*range(x.ndim - 1, -1, -1))` to reverse the dimensions", stacklevel=2)
    return view.permute(self, tuple(range(self.ndim - 1, -1, -1)))


def matrix_transpose(self: Tensor) -> Tensor:
    """``mT``: the last two dimensions swapped; a 0-d tensor is itself.

    Raises:
        RuntimeError: a tensor of one dimension.
    """
    if not self.ndim:
        return self
    if self.ndim < 2:
        raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got "
                           f"{self.ndim}-D tensor.")
    return view.transpose(self, -2, -1)


def conjugate_transpose(self: Tensor) -> Tensor:
    """``H``: a matrix transposed, and conjugated if complex.

    Raises:
        RuntimeError: not a matrix.
    """
    if self.ndim not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor."
                           + (" For batches of matrices, consider using tensor.mH" if self.ndim > 2 else ""))
    return shape.adjoint(self) if self.ndim else self


def _become(x: Tensor, seen: Tensor) -> Tensor:
    """Give ``x`` the geometry, and the place in the graph, of a view of it."""
    own, found = x.meta, seen.meta
    x.offset, x.layout = seen.offset, seen.layout
    if found is not None and found.node is not None:
        meta = graph.meta_of(x)
        meta.node, meta.index, meta.version = found.node, found.index, x.storage.version
        x.tracked = True
    if own is not None and own.base is not None and found is not None:
        own.chain = found.chain
    return x


def _in_place(name: str, see: Callable[..., Any]) -> Callable[..., Tensor]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        graph.check_writable(self)
        seen = see(self, *args, **kwargs)
        return self if seen is self else _become(self, seen)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"``{name[:-1]}`` of the tensor itself, which stays on its memory."
    return method


def _written(name: str, make: Callable[..., Any]) -> Callable[..., Tensor]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self.copy_(make(self, *args, **kwargs))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"``{name[:-1]}`` written over the tensor."
    return method


def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number over the main diagonal; ``wrap`` goes on below in a tall matrix after a gap of one row.

    Raises:
        RuntimeError: fewer than two dimensions, or more whose sizes differ.
    """
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    sizes = tuple(self.shape)
    if len(sizes) > 2 and len(set(sizes)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    graph.check_writable(self)
    count, step = min(sizes), sum(self.stride())
    if count:
        strided.as_strided(self, (count,), (step,), self.storage_offset()).fill_(fill_value)
    rows, columns = sizes[0], sizes[1]
    if wrap and len(sizes) == 2 and rows > columns + 1:
        below = (columns + 1) * self.stride(0)
        left = rows - columns - 1
        block = strided.as_strided(self, (left, columns), self.stride(), self.storage_offset() + below)
        fill_diagonal_(block, fill_value, True)
    return self


IN_PLACE = {"squeeze_": view.squeeze, "unsqueeze_": view.unsqueeze, "t_": view.t, "transpose_": view.transpose,
            "swapaxes_": view.swapaxes, "swapdims_": view.transpose, "as_strided_": strided.as_strided}


def install() -> None:
    """Give the tensor class the attributes and methods of this module."""
    for name, get in (("T", reversed_dims), ("mT", matrix_transpose), ("H", conjugate_transpose),
                      ("mH", shape.adjoint)):
        setattr(Tensor, name, property(get))
    for name, see in IN_PLACE.items():
        setattr(Tensor, name, _in_place(name, see))
    attach(Tensor, tril_=_written("tril_", join.tril), triu_=_written("triu_", join.triu),
           fill_diagonal_=fill_diagonal_)
