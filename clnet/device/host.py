"""The host as a device: memory without OpenCL, on which operators run by their NumPy statements.

It serves where OpenCL cannot be used, in forked children and in workers that load data, and
stands in as "cpu" where no OpenCL CPU device exists. It is not made to be fast.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence

import numpy as np

from clnet.core.caps import DeviceCaps
from clnet.core.errors import DeviceError, OutOfMemoryError
from clnet.core.program import KernelSource
from clnet.device import hostmem
from clnet.device.block import Bin, Block, Region, Segment, hand_out
from clnet.device.runtime import DriverlessRuntime, Launchable, Runtime

_WIDE = 1 << 62


def host_caps() -> DeviceCaps:
    """The host's capabilities: plans are made for them, for the shapes of their results alone."""
    return DeviceCaps(
        name=f"the host ({sys.platform})", vendor="NumPy", platform="host",
        driver_version=np.__version__, version=(1, 2), c_version=(1, 2), device_type="cpu",
        units=os.cpu_count() or 1, max_work_group_size=1024, max_work_item_sizes=(1024,) * 3,
        local_mem_size=32 << 10, global_mem_size=_WIDE, max_mem_alloc_size=_WIDE, base_align=128,
        float_vector_width=8, fp16=False, fp64=True, subgroups=False, subgroup_size=0,
        int_dot=False, extensions=frozenset(), host_memory=True, plan_class="cpu")


class HostRuntime(DriverlessRuntime):
    """Memory of the process. There is nothing to launch and nothing to wait for."""

    interprets = True

    def allocate(self, nbytes: int) -> Block:
        try:
            memory = hostmem.allocate_pages(max(nbytes, 1)) if nbytes >= hostmem.PAGE else np.zeros(
                max(nbytes, 1), np.uint8)
        except MemoryError as error:
            raise OutOfMemoryError(
                f"{self.name} is out of memory: tried to allocate {nbytes} bytes ({error})") from None
        return self._hand_out(memory, memory)

    def _hand_out(self, memory: np.ndarray, owner: object) -> Block:
        self._dead.clear()
        segment = Segment(None, memory.nbytes, memory.ctypes.data, owner)
        return hand_out(Region(None, 0, Bin(memory.nbytes, self._usage, self._dead), segment))

    def host_view(self, block: Block) -> np.ndarray:
        return hostmem.window(self._address(block), block.nbytes, block)

    def _address(self, block: Block) -> int:
        address = block.region.segment.address
        if not address:
            raise DeviceError(
                f"the memory of {self.name} cannot be read in a forked child process: keep what "
                "workers read on the CPU, or start them with the 'spawn' method")
        return address + block.offset

    def wrap_host(self, address: int, nbytes: int, owner: object) -> tuple[Block, int] | None:
        return self._hand_out(hostmem.window(address, nbytes, owner), owner), 0

    def upload(self, block: Block, byte_offset: int, array: np.ndarray) -> None:
        ctypes.memmove(self._address(block) + byte_offset, array.ctypes.data, array.nbytes)

    def download(self, block: Block, byte_offset: int, out: np.ndarray) -> None:
        ctypes.memmove(out.ctypes.data, self._address(block) + byte_offset, out.nbytes)

    def copy(
        self, source: Block, source_offset: int, target: Block, target_offset: int, nbytes: int
    ) -> None:
        ctypes.memmove(self._address(target) + target_offset,
                       self._address(source) + source_offset, nbytes)

    def build(self, sources: Sequence[KernelSource], prelude: str = "") -> Sequence[Launchable]:
        raise DeviceError(f"{self.name} runs no kernels in this process, which uses no OpenCL")

    def split(self, count: int) -> list[Runtime]:
        raise DeviceError(f"{self.name} cannot be split: it is the host")
