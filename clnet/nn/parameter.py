"""Tensors that modules register by assignment: parameters and buffers."""
from __future__ import annotations

from typing import Any, TypeGuard

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
                self.detach().clone(), self.requires_grad)
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
                self.detach().clone(), persistent=self.persistent)
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        return rebuild_buffer, (self.data, self.persistent)


def rebuild_buffer(data: Tensor, persistent: bool) -> Buffer:
    """The buffer that was pickled."""
    return Buffer(data, persistent=persistent)


class _Uninitialized(Tensor):
    """A tensor without memory until its shape is known."""

    becomes: type
    made: dict[str, Any]

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Get memory of that shape, contents undefined, and become an ordinary parameter or buffer."""
        options = {"device": device or self.made["device"], "dtype": dtype or self.made["dtype"]}
        self.rebind(empty(shape, **options))
        del self.made
        self.__class__ = self.becomes

    @property
    def shape(self) -> Any:
        raise RuntimeError("Can't access the shape of an uninitialized parameter or buffer. This error usually "
                           "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
                           "initialized one. Call `forward` to initialize the parameters before accessing their "
                           "attributes.")

    def detach(self) -> Any:
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        found = memo.get(id(self))
        if found is None:
            kind: Any = type(self)
            found = memo[id(self)] = kind(self.requires_grad, **self.made)
        return found


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape the first input of its module tells."""

    becomes = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None,
                dtype: Any = None) -> UninitializedParameter:
        t = _handle(cls, empty(0, device=device, dtype=dtype))
        t.made = {"device": device, "dtype": dtype}
        t.requires_grad_(requires_grad)
        return t


class UninitializedBuffer(_Uninitialized):
    """A buffer whose shape the first input of its module tells."""

    becomes = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None,
                persistent: bool = True) -> UninitializedBuffer:
        t = _handle(cls, empty(0, device=device, dtype=dtype))
        t.made = {"device": device, "dtype": dtype}
        t.requires_grad_(requires_grad)
        return t


def is_lazy(x: Any) -> TypeGuard[_Uninitialized]:
    """Whether a parameter or buffer still waits for its shape."""
    return isinstance(x, _Uninitialized)
