import dataclasses

import pytest

from clnet.core.presets import PRESETS, RTX_3060


def test_plan_class_can_be_forced():
    forced = RTX_3060.with_plan_class("cpu")
    assert forced.plan_class == "cpu"
    assert dataclasses.replace(forced, plan_class="gpu") == RTX_3060
    with pytest.raises(ValueError, match="plan_class"):
        RTX_3060.with_plan_class("tpu")


@pytest.mark.parametrize(("version", "standard"), [
    ((1, 0), "CL1.2"), ((1, 2), "CL1.2"), ((2, 0), "CL2.0"), ((3, 0), "CL3.0"),
    ((3, 1), "CL3.0"),
])
def test_c_standard(version, standard):
    assert dataclasses.replace(RTX_3060, c_version=version).c_standard == standard


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_consistent(name):
    caps = PRESETS[name]
    assert hash(caps) == hash(dataclasses.replace(caps))
    assert caps.fp64 == ("cl_khr_fp64" in caps.extensions)
    assert caps.fp16 == ("cl_khr_fp16" in caps.extensions)
    assert caps.int_dot == ("cl_khr_integer_dot_product" in caps.extensions)
    assert caps.max_mem_alloc_size <= caps.global_mem_size
    assert max(caps.max_work_item_sizes) <= caps.max_work_group_size or caps.vendor.startswith(
        "Advanced")
    assert len(caps.max_work_item_sizes) == 3


def test_the_smallest_preset():
    caps = PRESETS["videocore"]
    assert (caps.fp64, caps.max_work_group_size, caps.version) == (False, 256, (1, 2))
