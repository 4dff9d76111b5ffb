"""The device of tensors without elements: shapes and dtypes are worked out, nothing is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from clnet.core.errors import DeviceError
from clnet.core.program import KernelSource
from clnet.device.block import Bin, Block, Region, Segment, hand_out
from clnet.device.host import host_caps
from clnet.device.runtime import DatalessRuntime, Launchable, Runtime


class MetaRuntime(DatalessRuntime):
    """Takes no memory, and has nothing to read."""

    computes = False

    def __init__(self) -> None:
        caps = dataclasses.replace(host_caps(), name="no memory", vendor="clnet", platform="meta", host_memory=False)
        super().__init__(caps, "meta")

    def allocate(self, nbytes: int) -> Block:
        self._dead.clear()
        return hand_out(Region(None, 0, Bin(0, self._usage, self._dead), Segment(None, nbytes)))

    def download(self, block: Block, byte_offset: int, out: np.ndarray) -> None:
        raise NotImplementedError(
            "Cannot copy out of meta tensor; no data! Modules go from meta to a device by torch.nn.Module.to_empty() "
            "in place of to()")

    def build(self, sources: Sequence[KernelSource], prelude: str = "") -> Sequence[Launchable]:
        raise DeviceError("the meta device runs no kernels")

    def split(self, count: int) -> list[Runtime]:
        raise DeviceError("the meta device cannot be split")
