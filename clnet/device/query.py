"""Reads DeviceCaps from an OpenCL device."""

from __future__ import annotations

import re
from typing import Any

from clnet.core.caps import DeviceCaps
from clnet.device.driver import cl

_INTEL_SUBGROUP = 16
"""All of Intel's devices have it, among others."""


def device_type(device: Any) -> str:
    """"cpu", "gpu" or "accelerator"; a simulator that claims to be all of them is a "cpu"."""
    if device.type & cl.device_type.CPU:
        return "cpu"
    return "gpu" if device.type & cl.device_type.GPU else "accelerator"


def read_caps(device: Any, host_memory: bool) -> DeviceCaps:
    """Everything plans need to know about `device`."""
    extensions = frozenset(device.extensions.split())
    version = _version(device.version)
    kind = device_type(device)
    subgroup_size = _subgroup_size(device, extensions)
    matrix_unit, matrix_lanes = _matrix_unit(device, extensions)
    return DeviceCaps(
        name=device.name.strip("\0 "),
        vendor=device.vendor.strip("\0 "),
        platform=device.platform.name.strip("\0 "),
        driver_version=device.driver_version,
        version=version,
        c_version=_version(device.opencl_c_version),
        device_type=kind,
        units=device.max_compute_units,
        max_work_group_size=device.max_work_group_size,
        max_work_item_sizes=tuple(device.max_work_item_sizes),
        local_mem_size=device.local_mem_size,
        global_mem_size=device.global_mem_size,
        max_mem_alloc_size=device.max_mem_alloc_size,
        base_align=device.mem_base_addr_align // 8,
        float_vector_width=max(device.native_vector_width_float, 1),
        fp16="cl_khr_fp16" in extensions,
        fp64="cl_khr_fp64" in extensions,
        subgroups=_has_subgroups(device, version, extensions),
        subgroup_size=subgroup_size,
        int_dot="cl_khr_integer_dot_product" in extensions,
        extensions=extensions,
        host_memory=host_memory,
        plan_class="cpu" if kind == "cpu" else "gpu",
        matrix_unit=matrix_unit,
        matrix_lanes=matrix_lanes,
    )


def _version(text: str) -> tuple[int, int]:
    """The first number pair of strings such as "OpenCL 3.0 PoCL" and "OpenCL C 1.2"."""
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (1, 0)


def _has_subgroups(
    device: Any, version: tuple[int, int], extensions: frozenset[str]
) -> bool:
    if extensions & {"cl_khr_subgroups", "cl_intel_subgroups"}:
        return True
    if version < (3, 0):
        return False
    try:
        return bool(device.max_num_sub_groups > 0)
    except cl.Error:
        return False


def _subgroup_size(device: Any, extensions: frozenset[str]) -> int:
    try:
        if "cl_intel_required_subgroup_size" in extensions:
            return _INTEL_SUBGROUP
        if "cl_nv_device_attribute_query" in extensions:
            return int(device.warp_size_nv)
        if "cl_amd_device_attribute_query" in extensions:
            return int(device.wavefront_width_amd)
    except cl.Error:
        pass
    return 0


def _matrix_unit(device: Any, extensions: frozenset[str]) -> tuple[str, int]:
    """The matrix instructions that kernels know how to use, and the lanes of theirs."""
    if "cl_intel_subgroup_matrix_multiply_accumulate" in extensions:
        # They take the smallest subgroups that the device has, which no query that pyopencl knows tells.
        if re.search(r"Arc\(TM\) A\d|Data Center GPU Flex", device.name):
            return "dpas", 8
        if re.search(r"Arc\(TM\) (Pro )?B\d|Data Center GPU Max", device.name):
            return "dpas", 16
    if "cl_nv_device_attribute_query" in extensions:
        # mma with bfloat16 and 16 deep came with compute capability 8.0 (PTX ISA 7.0).
        try:
            if device.compute_capability_major_nv >= 8:
                return "mma", 32
        except cl.Error:
            pass
    return "", 0
