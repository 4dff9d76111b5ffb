"""Host memory that OpenCL buffers can lie in."""

from __future__ import annotations

import contextlib
import mmap
import sys
from pathlib import Path

import numpy as np

PAGE = mmap.PAGESIZE
HUGE_PAGE = 2 << 20
"""Bytes from which on the system is asked for its large pages, which streaming kernels like."""
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


class HostWindow:
    """Exposes `nbytes` bytes at `address` to numpy, keeping `owner` alive with the array."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, address: int, nbytes: int, owner: object) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3, "shape": (nbytes,), "typestr": "|u1", "data": (address, False),
        }


def window(address: int, nbytes: int, owner: object) -> np.ndarray:
    """A writable uint8 array over foreign memory."""
    if nbytes == 0:
        return np.empty(0, np.uint8)
    return np.asarray(HostWindow(address, nbytes, owner))


def allocate_pages(nbytes: int) -> np.ndarray:
    """`nbytes` zeroed bytes, page-aligned. Raises MemoryError when the system has none left."""
    length = -(-nbytes // PAGE) * PAGE
    try:
        pages = _map(length)
    except OSError as error:
        raise MemoryError(str(error)) from None
    return np.frombuffer(pages, np.uint8)[:nbytes]


if sys.platform == "linux":
    def _map(length: int) -> mmap.mmap:
        # Private: a forked child keeps what the parent had, whatever the parent does next.
        pages = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if length >= HUGE_PAGE:
            with contextlib.suppress(OSError):  # a kernel may be built without
                pages.madvise(mmap.MADV_HUGEPAGE)
        return pages
else:
    def _map(length: int) -> mmap.mmap:
        return mmap.mmap(-1, length)


def available() -> int | None:
    """Bytes that this process could still take before the system runs short; None: unknown."""
    candidates = [found for found in (_meminfo_available(), _cgroup_available()) if found]
    return min(candidates, default=None)


def _meminfo_available() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _cgroup_available() -> int | None:
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        # Cached files count as used, but the kernel drops them when memory is wanted.
        return max(limit - used + int(stat.get("inactive_file", 0)), 1)
    except (OSError, ValueError):  # no such file, or the limit is "max"
        return None
