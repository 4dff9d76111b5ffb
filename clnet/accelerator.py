"""``torch.accelerator``: the OpenCL GPUs, whoever made them, as the accelerators of this machine."""
from __future__ import annotations

from typing import Any

from .cuda.devices import current_device as current_device_index
from .cuda.devices import device as device_index
from .cuda.devices import device_count, is_available, synchronize
from .cuda.devices import set_device as set_device_index
from .cuda.memory import (
    max_memory_allocated,
    max_memory_reserved,
    memory_allocated,
    memory_reserved,
    memory_stats,
    reset_peak_memory_stats,
)
from .cuda.streams import current_stream, set_stream
from .device import Device, empty_cache


def current_accelerator(check_available: bool = False) -> Device | None:
    """The current GPU; None where there is none."""
    return Device(f"cuda:{current_device_index()}") if is_available() else None


# PyTorch's older names.
current_device_idx: Any = current_device_index
set_device_idx: Any = set_device_index

__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
           "device_index", "empty_cache", "is_available", "max_memory_allocated", "max_memory_reserved",
           "memory_allocated", "memory_reserved", "memory_stats", "reset_peak_memory_stats", "set_device_idx",
           "set_device_index", "set_stream", "synchronize"]
