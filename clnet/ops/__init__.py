"""The operators, one record each; importing the families registers them."""
from . import activation, arithmetic, closeness, class_loss, comparison, conv, creation, index, join, loss, matmul, reduction, rowwise, view

__all__ = ["activation", "arithmetic", "closeness", "class_loss", "comparison", "conv", "creation", "index", "join", "loss", "matmul", "reduction", "rowwise", "view"]
