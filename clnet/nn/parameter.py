"""Tensors that modules register by assignment: parameters and buffers."""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from ..tensor.creation import empty


def _handle(cls: type, data: Tensor) -> Any:
    """A handle of class ``cls`` on the memory of ``data``, outside any graph."""
    t: Any = object.__new__(cls)
    t.meta, t.tracked = None, False
    t.rebind(data)
    return t


class Parameter(Tensor):
    """A tensor that is a leaf of the graph and that assigning to a module registers.

    Args:
        data: what it holds (shared, not copied); None: empty.
        requires_grad: whether it accumulates gradients.

    >>> import clnet
    >>> clnet.nn.Parameter(clnet.zeros(2)).requires_grad
    True
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        made = _handle(cls, empty(0) if data is None else data)
        made.requires_grad_(requires_grad)
        return made

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    __str__ = __repr__

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        found = memo.get(id(self))
        if found is None:
            found = memo[id(self)] = type(self)(
                self.detach().clone(), self.requires_grad)  # type: ignore[attr-defined]
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        return rebuild_parameter, (self.data, self.requires_grad), self.__dict__ or None


def rebuild_parameter(data: Tensor, requires_grad: bool) -> Parameter:
    """The parameter that was pickled."""
    return Parameter(data, requires_grad)


class Buffer(Tensor):
    """A tensor that assigning to a module registers as a buffer.

    Args:
        data: what it holds (shared, not copied); None: empty.
        persistent: whether it is part of the module's ``state_dict``.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        source = empty(0) if data is None else data
        made = _handle(cls, source)
        made.persistent = persistent
        made.requires_grad_(source.requires_grad)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        found = memo.get(id(self))
        if found is None:
            found = memo[id(self)] = type(self)(
                self.detach().clone(), persistent=self.persistent)  # type: ignore[attr-defined]
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        return rebuild_buffer, (self.data, self.persistent)


def rebuild_buffer(data: Tensor, persistent: bool) -> Buffer:
    """The buffer that was pickled."""
    return Buffer(data, persistent=persistent)
