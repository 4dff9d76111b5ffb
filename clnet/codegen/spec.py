"""The identity of a kernel: everything its source text depends on besides the device."""
from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """A kernel to be rendered; hashable, so it is the key of the kernel caches.

    Attributes:
        template: stem of the skeleton in ``templates/``.
        name: readable part of the entry point's name.
        params: (key, value) pairs that the skeleton and its preparation read.
        local_size: the fixed work-group size.
        arg_types: None for a buffer, else the NumPy name of the scalar, in order.
        faults: the kernel may record an error found in the data.
    """

    template: str
    name: str
    params: tuple[tuple[str, Hashable], ...]
    local_size: tuple[int, ...]
    arg_types: tuple[str | None, ...]
    faults: str = ""
