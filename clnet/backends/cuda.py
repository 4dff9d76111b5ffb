"""CUDA's switches; matrix products are full float32 unless ``matmul.allow_tf32`` is set."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ..core.precision import Precision


class _Matmul(SimpleNamespace):
    @property
    def allow_tf32(self) -> bool:
        """Whether products of float32 may round their factors to TensorFloat-32."""
        return Precision.matmul != "highest"

    @allow_tf32.setter
    def allow_tf32(self, allowed: bool) -> None:
        Precision.matmul = "high" if allowed else "highest"


matmul = _Matmul(allow_fp16_reduced_precision_reduction=False, allow_bf16_reduced_precision_reduction=False,
                 fp32_precision="ieee")


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
