"""Process-wide switches of PyTorch's that are accepted and change nothing: docs/dropin.md has the table.

Results are deterministic, matrix products full float32, and threads the OpenCL runtime's matter; the
switches keep what they are set to, so that scripts that ask get it back.
"""
from __future__ import annotations

import os

from .core.precision import Precision
from .device import Device, current_device


class _Kept:
    """What the switches were set to."""

    threads: int | None = None
    interop_threads = 1
    deterministic = False
    warn_only = False
    warn_always = False


def set_num_threads(num: int) -> None:
    """Accepted: the OpenCL runtime chooses its threads (docs/devices.md says how to limit them).

    Raises:
        RuntimeError: not positive.
    """
    if num <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    _Kept.threads = num


def get_num_threads() -> int:
    """What ``set_num_threads`` was given; by default the number of processors."""
    return _Kept.threads or os.cpu_count() or 1


def set_num_interop_threads(num: int) -> None:
    """Accepted.

    Raises:
        RuntimeError: not positive.
    """
    if num <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _Kept.interop_threads = num


def get_num_interop_threads() -> int:
    """What ``set_num_interop_threads`` was given, or 1."""
    return _Kept.interop_threads


def set_float32_matmul_precision(precision: str) -> None:
    """Below "highest", devices with a unit for it multiply float32 rounded to TensorFloat-32 (10 bits of fraction).

    Raises:
        RuntimeError: not "highest", "high" or "medium".
    """
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"{precision!r} is not one of 'highest', 'high', 'medium'")
    Precision.matmul = precision


def get_float32_matmul_precision() -> str:
    """What ``set_float32_matmul_precision`` was given."""
    return Precision.matmul


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every operator is deterministic."""
    _Kept.deterministic, _Kept.warn_only = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What ``use_deterministic_algorithms`` was given."""
    return _Kept.deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Its ``warn_only``."""
    return _Kept.deterministic and _Kept.warn_only


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """``use_deterministic_algorithms`` by number or name.

    Raises:
        RuntimeError: an unknown mode.
    """
    modes: tuple[int | str, ...] = ("default", "warn", "error")
    if debug_mode not in (*modes, 0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, 2 or one of {modes}, got {debug_mode!r}")
    level = modes.index(debug_mode) if isinstance(debug_mode, str) else debug_mode
    use_deterministic_algorithms(level > 0, warn_only=level == 1)


def get_deterministic_debug_mode() -> int:
    """0: not asked for; 1: warnings; 2: errors."""
    return 0 if not _Kept.deterministic else 1 if _Kept.warn_only else 2


def set_flush_denormal(mode: bool) -> bool:
    """False: OpenCL cannot be told."""
    return False


def set_warn_always(b: bool, /) -> None:
    """Accepted: Python's filters decide on warnings."""
    _Kept.warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """What ``set_warn_always`` was given."""
    return _Kept.warn_always


def get_default_device() -> Device:
    """The device that tensors are made on."""
    return current_device()
