"""Kernel source as a value: code generation makes it, a device builds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KernelSource:
    """One OpenCL kernel.

    `source` is complete but for a prelude that several kernels may share. `arg_types` has one
    entry per argument: None for a buffer, else the numpy name of a scalar's dtype ("uint32",
    "int64", "float32"). With `faults`, the kernel takes one more, last argument that is not in
    `arg_types`: `__global int *`, its device's error word. There it records a fault by

        if (atomic_cmpxchg(word, 0, CODE) == 0) ((__global long *)word)[1] = value;

    with CODE from `core.errors.fault_code`; the device raises it at the next synchronisation.
    """

    entry: str
    source: str
    local_size: tuple[int, ...]
    arg_types: tuple[str | None, ...]
    faults: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.local_size) <= 3 or min(self.local_size) < 1:
            raise ValueError(f"{self.entry}: local_size {self.local_size} must be 1 to 3 sizes")
        if self.entry not in self.source:
            raise ValueError(f"{self.entry}: its source defines no kernel of that name")
