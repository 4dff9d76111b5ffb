"""Tensors and what runs them."""
<<<<<<< HEAD
from . import (
    assembly,
    complex,
    creation,
    indexing,
    interchange,
    methods,
    mutation,
    printing,
    queries,
    random,
    windows,
)
=======
from . import assembly, complex, creation, indexing, interchange, methods, mutation, printing, queries, random, ranges
>>>>>>> eb6fba1 (Add tensors by strides, ranges on the device, memory formats, geometry in place, and PyTorch's questions about tensors)
from .eager import EagerInterpreter
from .methods import exported
from .tensor import Tensor

__all__ = ["EagerInterpreter", "Tensor", "assembly", "complex", "creation", "exported", "indexing", "interchange",
<<<<<<< HEAD
           "methods", "mutation", "printing", "queries", "random", "windows"]
=======
           "methods", "mutation", "printing", "queries", "random", "ranges"]
>>>>>>> eb6fba1 (Add tensors by strides, ranges on the device, memory formats, geometry in place, and PyTorch's questions about tensors)
