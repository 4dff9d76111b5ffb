"""The operators, one record each; importing the families registers them."""
from . import (
    activation,
    arithmetic,
    class_loss,
    closeness,
    comparison,
    conv,
    creation,
    elementary,
    gather,
    index,
    join,
    loss,
    matmul,
    norms,
    pool,
    random,
    reduction,
    rowwise,
    scan,
    scatter,
    sort,
    view,
)

__all__ = ["activation", "arithmetic", "class_loss", "closeness", "comparison", "conv", "creation",
           "elementary", "gather", "index", "join", "loss", "matmul", "norms", "pool", "random",
           "reduction", "rowwise", "scan", "scatter", "sort", "view"]
