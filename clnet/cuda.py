"""``torch.cuda`` over the OpenCL GPUs, so that scripts written for CUDA choose sensibly.

Everything that needs a GPU raises ``DeviceError``, a RuntimeError, where there is none.
"""
from __future__ import annotations

from typing import Any

from .core.errors import OutOfMemoryError as OutOfMemoryError
from .device import Device, set_default_device
from .device import current_device as _current
from .device import devices as _devices
from .device import empty_cache as empty_cache
from .tensor.random import manual_seed as manual_seed

manual_seed_all = manual_seed


def _gpus() -> list[Device]:
    return [d for d in _devices() if d.type == "cuda"]


def _gpu(device: Any = None) -> Device:
    """The GPU meant by a number, a name or a device; by default the current one."""
    if device is not None:
        return Device(f"cuda:{device}" if isinstance(device, int) else device)
    now = _current()
    return now if now.type == "cuda" else Device("cuda")


def is_available() -> bool:
    """Whether there is a GPU."""
    return bool(_gpus())


def device_count() -> int:
    """The number of GPUs."""
    return len(_gpus())


def current_device() -> int:
    """The number of the current GPU."""
    return _gpu().index or 0


def set_device(device: Any) -> None:
    """Make a GPU the default device."""
    set_default_device(_gpu(device))


def device(device: Any) -> Device:
    """A GPU, for ``with cuda.device(0):``."""
    return _gpu(device)


def get_device_name(device: Any = None) -> str:
    """What the GPU calls itself."""
    return _gpu(device).caps.name


def get_device_properties(device: Any = None) -> Any:
    """The GPU's capabilities, as the driver reports them."""
    return _gpu(device).caps


def synchronize(device: Any = None) -> None:
    """Wait for everything launched on the GPU; raises what its kernels recorded."""
    _gpu(device).synchronize()


def memory_stats(device: Any = None) -> dict[str, int]:
    """Bytes and blocks held, and their peaks."""
    return _gpu(device).memory_stats()


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
    _gpu(device).reset_peak_memory_stats()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether bfloat16 tensors can be computed with: always, through float32."""
    return including_emulation
