"""What planners' operators compute, in NumPy: the host interpreter's forward."""
from . import creation, index, matmul, random, reduction, rowwise, scan, scatter, sort
from .table import statements

__all__ = ["creation", "index", "matmul", "random", "reduction", "rowwise", "scan", "scatter", "sort",
           "statements"]
