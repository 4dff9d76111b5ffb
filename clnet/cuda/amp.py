"""PyTorch's older names of mixed precision: ``torch.amp`` for the type "cuda".

Where there is no GPU, both pass through, as PyTorch's do.
"""
from __future__ import annotations

from typing import Any

from ..amp import GradScaler as _GradScaler
from ..amp import autocast as _autocast
from ..amp import custom_bwd as _custom_bwd
from ..amp import custom_fwd as _custom_fwd
from ..core.dtypes import DType, float16
from .devices import is_available


class autocast(_autocast):
    """``torch.amp.autocast("cuda")``; does nothing where there is no GPU."""

    def __init__(self, enabled: bool = True, dtype: DType = float16, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled and is_available(), cache_enabled)


class GradScaler(_GradScaler):
    """``torch.amp.GradScaler("cuda")``; passes through where there is no GPU."""

    def __init__(self, init_scale: float = 2.0 ** 16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
                 growth_interval: int = 2000, enabled: bool = True) -> None:
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval,
                         enabled and is_available())


def custom_fwd(fwd: Any = None, *, cast_inputs: DType | None = None) -> Any:
    """``torch.amp.custom_fwd`` for "cuda"."""
    return _custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any = None) -> Any:
    """``torch.amp.custom_bwd`` for "cuda"."""
    return _custom_bwd(bwd, device_type="cuda")
