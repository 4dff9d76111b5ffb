"""What a device can do, as plain data: every plan is made from this record alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

POCL = "Portable Computing Language"
"""The platform name of PoCL, where a plan or a wait depends on it."""


@dataclass(frozen=True)
class DeviceCaps:
    """Capabilities of one device, as it reports them. Sizes are in bytes."""

    name: str
    vendor: str
    platform: str
    driver_version: str
    version: tuple[int, int]
    """OpenCL version of the device."""
    c_version: tuple[int, int]
    """Highest OpenCL C version its compiler takes."""
    device_type: str
    """"cpu", "gpu" or "accelerator"."""
    units: int
    max_work_group_size: int
    max_work_item_sizes: tuple[int, ...]
    local_mem_size: int
    global_mem_size: int
    max_mem_alloc_size: int
    base_align: int
    """Alignment of buffers, in bytes."""
    float_vector_width: int
    """Preferred width of float vectors, in elements."""
    fp16: bool
    fp64: bool
    subgroups: bool
    subgroup_size: int
    """Usual number of work-items in a subgroup; 0 where unknown or there are none."""
    int_dot: bool
    """Packed 8-bit dot products (cl_khr_integer_dot_product)."""
    extensions: frozenset[str]
    host_memory: bool
    """Kernels and the host see the same memory without copies; found out by a probe."""
    plan_class: str
    """"cpu" (one work-item per tile, wide vectors) or "gpu" (coalesced, local memory)."""
    matrix_unit: str = ""
    """Instructions that multiply matrices held by a subgroup: "mma" (NVIDIA's, through PTX), "dpas"
    (cl_intel_subgroup_matrix_multiply_accumulate) or "" for none."""
    matrix_lanes: int = 0
    """Size of the subgroups that those instructions take."""

    def with_plan_class(self, plan_class: str) -> DeviceCaps:
        """The same device planned for as "cpu" or "gpu". Raises ValueError for other names."""
        if plan_class not in ("cpu", "gpu"):
            raise ValueError(f"plan_class must be 'cpu' or 'gpu', not {plan_class!r}")
        return dataclasses.replace(self, plan_class=plan_class)

    @property
    def c_standard(self) -> str:
        """The -cl-std value kernels are compiled with: CL1.2, CL2.0 or CL3.0."""
        if self.c_version >= (3, 0):
            return "CL3.0"
        if self.c_version >= (2, 0):
            return "CL2.0"
        return "CL1.2"
