"""clnet under PyTorch's name: ``as_torch`` inside a program, ``clnet run`` for scripts."""
from .finder import as_torch
from .runner import run

__all__ = ["as_torch", "run"]
