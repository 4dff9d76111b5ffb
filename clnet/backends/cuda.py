"""CUDA's switches, kept as they are set; matrix products are full float32."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

matmul = SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=False,
                         allow_bf16_reduced_precision_reduction=False, fp32_precision="ieee")


def is_built() -> bool:
    """True: "cuda" means the OpenCL GPUs."""
    return True


def _accept(enabled: bool) -> None:
    """Accepted: attention has one implementation."""


def _yes() -> bool:
    return True


enable_flash_sdp = enable_mem_efficient_sdp = enable_math_sdp = enable_cudnn_sdp = _accept
flash_sdp_enabled = mem_efficient_sdp_enabled = math_sdp_enabled = _yes


@contextlib.contextmanager
def sdp_kernel(*args: Any, **kwargs: Any) -> Iterator[None]:
    """Accepted: attention has one implementation."""
    yield
