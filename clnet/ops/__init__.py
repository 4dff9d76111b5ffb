"""The operators, one record each; importing the families registers them."""
from . import activation, arithmetic, comparison, creation, index, loss, matmul, reduction, rowwise, view

__all__ = ["activation", "arithmetic", "comparison", "creation", "index", "loss", "matmul", "reduction", "rowwise", "view"]
