"""Tensors and what runs them."""
from ..core import dispatch
from . import creation, interchange, methods, mutation
from .eager import EagerInterpreter
from .methods import exported
from .tensor import Tensor

__all__ = ["EagerInterpreter", "Tensor", "creation", "exported", "interchange", "methods", "mutation"]

dispatch.stack.install(EagerInterpreter())
for module in (interchange, creation, mutation, methods):
    module.install()
