"""Checkpoints on disk."""
from .serialization import load, save

__all__ = ["load", "save"]
