"""What planners' operators compute, in NumPy: the host interpreter's forward."""
from . import (
    attention,
    conv,
    creation,
    ctc,
    fft,
    fold,
    index,
    loss,
    matmul,
    pool,
    random,
    recurrent,
    reduction,
    resample,
    rowwise,
    scan,
    scatter,
    sort,
    triangular,
    update,
)
from .table import statements

__all__ = ["attention", "conv", "creation", "ctc", "fft", "fold", "index", "loss", "matmul", "pool", "random",
           "recurrent", "reduction", "resample", "rowwise", "scan", "scatter", "sort", "statements", "triangular",
           "update"]
