"""Capabilities of real devices, from their published limits.

Sources: vendors' specifications and driver reports as collected by opencl.gpuinfo.org. They
serve the null device, on which plans are tested for hardware that is not at hand.
"""

from __future__ import annotations

from clnet.core.caps import DeviceCaps

_GIB = 1 << 30
_BASE = frozenset({
    "cl_khr_byte_addressable_store",
    "cl_khr_global_int32_base_atomics",
    "cl_khr_global_int32_extended_atomics",
    "cl_khr_local_int32_base_atomics",
    "cl_khr_local_int32_extended_atomics",
})

RTX_3060 = DeviceCaps(
    name="NVIDIA GeForce RTX 3060", vendor="NVIDIA Corporation", platform="NVIDIA CUDA",
    driver_version="535.104.05", version=(3, 0), c_version=(1, 2), device_type="gpu",
    units=28, max_work_group_size=1024, max_work_item_sizes=(1024, 1024, 64),
    local_mem_size=48 << 10, global_mem_size=12 * _GIB, max_mem_alloc_size=3 * _GIB,
    base_align=512, float_vector_width=1, fp16=False, fp64=True, subgroups=False,
    subgroup_size=32, int_dot=False,
    extensions=_BASE | {
        "cl_khr_fp64", "cl_khr_int64_base_atomics", "cl_khr_int64_extended_atomics",
        "cl_nv_device_attribute_query", "cl_nv_pragma_unroll",
    },
    host_memory=False, plan_class="gpu", matrix_unit="mma", matrix_lanes=32,
)

RX_6600 = DeviceCaps(
    name="gfx1032", vendor="Advanced Micro Devices, Inc.",
    platform="AMD Accelerated Parallel Processing", driver_version="3590.0 (HSA1.1,LC)",
    version=(2, 0), c_version=(2, 0), device_type="gpu", units=14, max_work_group_size=256,
    max_work_item_sizes=(1024, 1024, 1024), local_mem_size=64 << 10,
    global_mem_size=8 * _GIB, max_mem_alloc_size=7 * _GIB, base_align=128,
    float_vector_width=1, fp16=True, fp64=True, subgroups=True, subgroup_size=32,
    int_dot=False,
    extensions=_BASE | {
        "cl_khr_fp16", "cl_khr_fp64", "cl_khr_int64_base_atomics",
        "cl_khr_int64_extended_atomics", "cl_khr_subgroups", "cl_amd_device_attribute_query",
    },
    host_memory=False, plan_class="gpu",
)

ARC_A770 = DeviceCaps(
    name="Intel(R) Arc(TM) A770 Graphics", vendor="Intel(R) Corporation",
    platform="Intel(R) OpenCL Graphics", driver_version="23.43.27642", version=(3, 0),
    c_version=(3, 0), device_type="gpu", units=512, max_work_group_size=1024,
    max_work_item_sizes=(1024, 1024, 1024), local_mem_size=64 << 10,
    global_mem_size=16 * _GIB, max_mem_alloc_size=4 * _GIB - 4096, base_align=128,
    float_vector_width=1, fp16=True, fp64=False, subgroups=True, subgroup_size=16,
    int_dot=True,
    extensions=_BASE | {
        "cl_khr_fp16", "cl_khr_int64_base_atomics", "cl_khr_int64_extended_atomics",
        "cl_khr_subgroups", "cl_khr_integer_dot_product", "cl_intel_subgroups",
        "cl_intel_required_subgroup_size", "cl_intel_subgroup_matrix_multiply_accumulate",
    },
    host_memory=False, plan_class="gpu", matrix_unit="dpas", matrix_lanes=8,
)

UHD_770 = DeviceCaps(
    name="Intel(R) UHD Graphics 770", vendor="Intel(R) Corporation",
    platform="Intel(R) OpenCL Graphics", driver_version="23.43.27642", version=(3, 0),
    c_version=(3, 0), device_type="gpu", units=32, max_work_group_size=512,
    max_work_item_sizes=(512, 512, 512), local_mem_size=64 << 10,
    global_mem_size=12 * _GIB, max_mem_alloc_size=4 * _GIB - 4096, base_align=128,
    float_vector_width=1, fp16=True, fp64=False, subgroups=True, subgroup_size=16,
    int_dot=True,
    extensions=_BASE | {
        "cl_khr_fp16", "cl_khr_int64_base_atomics", "cl_khr_int64_extended_atomics",
        "cl_khr_subgroups", "cl_khr_integer_dot_product", "cl_intel_subgroups",
        "cl_intel_required_subgroup_size",
    },
    host_memory=False, plan_class="gpu",
)

MALI_G78 = DeviceCaps(
    name="Mali-G78", vendor="ARM", platform="ARM Platform", driver_version="2.1",
    version=(2, 1), c_version=(2, 0), device_type="gpu", units=20, max_work_group_size=512,
    max_work_item_sizes=(512, 512, 512), local_mem_size=32 << 10,
    global_mem_size=8 * _GIB, max_mem_alloc_size=4 * _GIB - 4096, base_align=128,
    float_vector_width=4, fp16=True, fp64=False, subgroups=True, subgroup_size=16,
    int_dot=False,
    extensions=_BASE | {
        "cl_khr_fp16", "cl_khr_int64_base_atomics", "cl_khr_int64_extended_atomics",
        "cl_khr_subgroups", "cl_arm_integer_dot_product_int8",
    },
    host_memory=False, plan_class="gpu",
)

ADRENO_740 = DeviceCaps(
    name="QUALCOMM Adreno(TM) 740", vendor="QUALCOMM", platform="QUALCOMM Snapdragon(TM)",
    driver_version="OpenCL 3.0 QUALCOMM build: commit unknown Compiler E031.41.03",
    version=(3, 0), c_version=(3, 0), device_type="gpu", units=6, max_work_group_size=1024,
    max_work_item_sizes=(1024, 1024, 1024), local_mem_size=32 << 10,
    global_mem_size=7 * _GIB, max_mem_alloc_size=1 * _GIB, base_align=128,
    float_vector_width=1, fp16=True, fp64=False, subgroups=True, subgroup_size=64,
    int_dot=True,
    extensions=_BASE | {
        "cl_khr_fp16", "cl_khr_subgroups", "cl_khr_integer_dot_product",
        "cl_qcom_reqd_sub_group_size",
    },
    host_memory=False, plan_class="gpu",
)

VIDEOCORE = DeviceCaps(
    name="VideoCore IV GPU", vendor="Broadcom", platform="OpenCL for the Raspberry Pi",
    driver_version="0.4.9999", version=(1, 2), c_version=(1, 2), device_type="gpu", units=1,
    max_work_group_size=256, max_work_item_sizes=(256, 256, 256), local_mem_size=16 << 10,
    global_mem_size=256 << 20, max_mem_alloc_size=64 << 20, base_align=64,
    float_vector_width=1, fp16=False, fp64=False, subgroups=False, subgroup_size=0,
    int_dot=False, extensions=_BASE, host_memory=False, plan_class="gpu",
)

PRESETS: dict[str, DeviceCaps] = {
    "rtx3060": RTX_3060,
    "rx6600": RX_6600,
    "a770": ARC_A770,
    "uhd770": UHD_770,
    "mali-g78": MALI_G78,
    "adreno740": ADRENO_740,
    "videocore": VIDEOCORE,
}
"""Presets by the name that `Device("null:NAME")` takes."""
