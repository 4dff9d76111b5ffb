"""oneDNN, as ``torch.backends`` asks for it."""
from __future__ import annotations

enabled = False


def is_available() -> bool:
    """Never: clnet does not use it."""
    return False


def is_built() -> bool:
    """The same."""
    return False
