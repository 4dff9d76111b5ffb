"""Tensors and what runs them."""
from . import (
    assembly,
    complex,
    creation,
    foreach,
    indexing,
    interchange,
    methods,
    mutation,
    printing,
    queries,
    random,
    ranges,
    typed,
    windows,
)
from .eager import EagerInterpreter
from .methods import exported
from .tensor import Tensor

__all__ = ["EagerInterpreter", "Tensor", "assembly", "complex", "creation", "exported", "foreach", "indexing",
           "interchange", "methods", "mutation", "printing", "queries", "random", "ranges", "typed", "windows"]
