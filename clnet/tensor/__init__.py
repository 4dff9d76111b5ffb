"""Tensors and what runs them."""
from . import assembly, creation, interchange, methods, mutation
from .eager import EagerInterpreter
from .methods import exported
from .tensor import Tensor

__all__ = ["EagerInterpreter", "Tensor", "assembly", "creation", "exported", "interchange", "methods", "mutation"]
