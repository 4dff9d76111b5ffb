"""Checkpoints on disk."""
from .checkpoint import Checkpoint
from .serialization import load, save

__all__ = ["Checkpoint", "load", "save"]
