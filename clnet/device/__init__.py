"""Devices, their memory and their queues: the only package that knows OpenCL's API."""

from clnet.device.block import Block
from clnet.device.device import (
    Device,
    build_stats,
    current_device,
    devices,
    empty_cache,
    leave_opencl,
    memory_stats,
    opened_devices,
    reset_peak_memory_stats,
    set_default_device,
    synchronize,
)
from clnet.device.fork import in_forked_child

__all__ = [
    "Block",
    "Device",
    "build_stats",
    "current_device",
    "devices",
    "empty_cache",
    "in_forked_child",
    "leave_opencl",
    "memory_stats",
    "opened_devices",
    "reset_peak_memory_stats",
    "set_default_device",
    "synchronize",
]
