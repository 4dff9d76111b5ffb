"""cuDNN's switches, kept as they are set; convolutions are deterministic in any case."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator

enabled = False
benchmark = False
deterministic = True
allow_tf32 = False
benchmark_limit: int | None = 10


def is_available() -> bool:
    """Never."""
    return False


def version() -> int | None:
    """None: there is no cuDNN."""
    return None


@contextlib.contextmanager
def flags(enabled: bool = False, benchmark: bool = False, benchmark_limit: int = 10, deterministic: bool = False,
          allow_tf32: bool = True, fp32_precision: str = "none") -> Iterator[None]:
    """Accepted: the switches change nothing."""
    yield
