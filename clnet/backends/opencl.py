"""OpenCL, as ``torch.backends`` asks for it."""
from __future__ import annotations


def is_available() -> bool:
    """True: it is what clnet computes with."""
    return True


def is_built() -> bool:
    """The same."""
    return True
