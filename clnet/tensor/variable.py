"""``Variable``, PyTorch's name of old for tensors that take part in differentiation."""
from __future__ import annotations

from typing import Any

from .. import autograd
from .tensor import Tensor


class _Kind(type):
    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_Kind):
    """``Variable(t)`` is a tensor on the same elements; every tensor is an instance."""

    def __new__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Any:
        return data.detach().requires_grad_() if requires_grad and not data.requires_grad else data


def install() -> None:
    """Give ``autograd`` the class, which it can't define: it knows no tensors."""
    setattr(autograd, "Variable", Variable)
