"""The host under PyTorch's path."""
from typing import Any

from .device import synchronize as _synchronize


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """``"cpu"``."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Wait for the default device."""
    _synchronize()
