"""The operators, one record each; importing the families registers them."""
from . import (activation, arithmetic, class_loss, closeness, comparison, conv, creation, index, join, loss,
               matmul, pool, random, reduction, rowwise, scan, view)

__all__ = ["activation", "arithmetic", "class_loss", "closeness", "comparison", "conv", "creation", "index",
           "join", "loss", "matmul", "pool", "random", "reduction", "rowwise", "scan", "view"]
