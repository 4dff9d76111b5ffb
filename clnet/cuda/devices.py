"""The OpenCL GPUs under CUDA's names."""
from __future__ import annotations

from types import TracebackType
from typing import Any

from ..device import Device, set_default_device
from ..device import current_device as _current
from ..device import devices as _devices


def gpus() -> list[Device]:
    """Every GPU."""
    return [d for d in _devices() if d.type == "cuda"]


def gpu(device: Any = None) -> Device:
    """The GPU meant by a number, a name or a device; by default the current one."""
    if device is not None:
        return Device(f"cuda:{device}" if isinstance(device, int) else device)
    now = _current()
    return now if now.type == "cuda" else Device("cuda")


def is_available() -> bool:
    """Whether there is a GPU."""
    return bool(gpus())


def is_initialized() -> bool:
    """Whether a GPU can be used: there is nothing to initialise."""
    return is_available()


def init() -> None:
    """Accepted: devices open on first use."""


def device_count() -> int:
    """The number of GPUs."""
    return len(gpus())


def current_device() -> int:
    """The number of the current GPU."""
    return gpu().index or 0


def set_device(device: Any) -> None:
    """Make a GPU the default device."""
    set_default_device(gpu(device))


class device:
    """``with cuda.device(0):`` makes a GPU the default; a negative number or None changes nothing."""

    def __init__(self, device: Any) -> None:
        self._gpu = None if device is None or (isinstance(device, int) and device < 0) else gpu(device)

    def __enter__(self) -> None:
        if self._gpu is not None:
            self._gpu.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._gpu is not None:
            self._gpu.__exit__(kind, error, trace)


class device_of(device):
    """The device of a tensor as the default within; nothing if that is not a GPU."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.device if obj.is_cuda else None)


def get_device_name(device: Any = None) -> str:
    """What the GPU calls itself."""
    return gpu(device).caps.name


def get_device_properties(device: Any = None) -> Any:
    """The GPU's capabilities, as the driver reports them."""
    return gpu(device).caps


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The OpenCL version that the GPU offers: there is no CUDA capability to tell."""
    major, minor = gpu(device).caps.version[:2]
    return major, minor


def get_arch_list() -> list[str]:
    """No CUDA architectures are compiled for."""
    return []


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Never: copies between GPUs go through the host."""
    return False


def synchronize(device: Any = None) -> None:
    """Wait for everything launched on the GPU; raises what its kernels recorded."""
    gpu(device).synchronize()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether bfloat16 tensors can be computed with: always, through float32."""
    return including_emulation


def is_tf32_supported() -> bool:
    """Never: matrix products are full float32."""
    return False
