"""``torch.autograd.profiler``: the profiler under its former name and options."""
from __future__ import annotations

import contextlib
from typing import Any

from .averages import Averages
from .profile import ProfilerActivity
from .profile import profile as _profile
from .profile import record_function as record_function


class profile(_profile):  # noqa: N801  (PyTorch's name)
    """Records within a ``with`` block; the device's kernels if ``use_cuda`` or ``use_device`` says so.

    ``enabled=False`` records nothing.
    """

    def __init__(self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None,
                 record_shapes: bool = False, with_flops: bool = False, profile_memory: bool = False,
                 with_stack: bool = False, with_modules: bool = False, use_kineto: bool = False, use_cpu: bool = True
                 ) -> None:
        device = use_cuda or use_device is not None
        super().__init__(activities=[ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * device,
                         record_shapes=record_shapes, with_flops=with_flops, profile_memory=profile_memory,
                         with_stack=with_stack, with_modules=with_modules)
        self.enabled = enabled

    def start(self) -> None:
        if self.enabled:
            super().start()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds on the host."""
        return self.key_averages().self_cpu_time_total

    def table(self, *args: Any, **kwargs: Any) -> str:
        """``key_averages().table``."""
        return self.key_averages().table(*args, **kwargs)

    def total_average(self) -> Any:
        """Everything in one row."""
        return self.key_averages().total_average()

    @property
    def function_events(self) -> Averages:
        """The rows that ``table`` shows."""
        return self.key_averages()


@contextlib.contextmanager
def emit_nvtx(enabled: bool = True, record_shapes: bool = False) -> Any:
    """Accepted: OpenCL has no such marks."""
    yield


__all__ = ["emit_nvtx", "profile", "record_function"]
