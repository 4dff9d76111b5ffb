"""GPU memory under CUDA's names."""
from __future__ import annotations

from typing import Any

from .devices import gpu


def memory_stats(device: Any = None) -> dict[str, int]:
    """Bytes and blocks held, and their peaks."""
    return gpu(device).memory_stats()


def memory_allocated(device: Any = None) -> int:
    """Bytes in tensors."""
    return memory_stats(device)["allocated_bytes.all.current"]


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes in tensors at a time."""
    return memory_stats(device)["allocated_bytes.all.peak"]


def memory_reserved(device: Any = None) -> int:
    """Bytes held from the driver."""
    return memory_stats(device)["reserved_bytes.all.current"]


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes held from the driver at a time."""
    return memory_stats(device)["reserved_bytes.all.peak"]


def reset_peak_memory_stats(device: Any = None) -> None:
    """Start measuring the peaks anew."""
    gpu(device).reset_peak_memory_stats()


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """(bytes free, bytes in all), as far as this process knows: OpenCL does not tell of others."""
    total = gpu(device).caps.global_mem_size
    return max(total - memory_reserved(device), 0), total


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """A table of ``memory_stats``."""
    return "\n".join(f"{name:40} {value:>16,}" for name, value in memory_stats(device).items())


def ipc_collect() -> None:
    """Accepted: no memory is shared between processes."""


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Accepted: OpenCL has no such limit.

    Raises:
        ValueError: not between 0 and 1.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
