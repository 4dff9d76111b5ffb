import copy
import pickle
import threading

import numpy as np
import pytest

from clnet.core.config import settings
from clnet.core.errors import DeviceError
from clnet.device import Device, current_device, devices, set_default_device
from clnet.device.catalog import installation_advice


def test_one_object_per_device(device):
    assert Device(device) is device
    assert Device(str(device)) is device
    assert Device() is device
    assert Device(None) is device
    assert device in devices()
    assert len({str(one) for one in devices()}) == len(devices())


def test_numbers_in_the_list_of_all_devices():
    assert [Device(f"cl:{n}") for n in range(len(devices()))] == devices()
    assert Device("cl") is devices()[0]


def test_cpu_devices():
    cpus = [one for one in devices() if one.type == "cpu"]
    if not cpus:
        pytest.skip("no CPU device")
    first = Device("cpu")
    assert first is cpus[0] is Device("cpu:0") is Device("cpu", 0)
    assert str(first) == "cpu"
    assert first.index is None
    assert repr(first) == "device(type='cpu')"
    for number, other in enumerate(cpus[1:], 1):
        assert Device("cpu", number) is other
        assert str(other) == f"cpu:{number}"
        assert repr(other) == f"device(type='cpu', index={number})"
    families = [one.caps.platform.split()[0] for one in cpus]
    if "Intel(R)" in families and "Portable" in families:
        # The chosen runtime is what "cpu" means; without a choice, Intel's.
        first = "Portable" if settings().device.startswith("pocl") else "Intel(R)"
        assert families[0] == first


def test_gpus_go_by_the_name_of_cuda():
    gpus = [one for one in devices() if one.type == "cuda"]
    if not gpus:
        for spec in ("cuda", "cuda:0", "gpu", 0):
            with pytest.raises(RuntimeError, match="Available"):
                Device(spec)
        return
    assert Device("cuda") is Device("gpu:0") is Device(0) is gpus[0]
    assert str(gpus[0]) == "cuda:0"


@pytest.mark.parametrize("spec", ["tpu", "cpu:x", "cpu:99", "cl:99", "", "null:abacus", "cl:0/7"])
def test_a_device_that_is_not_there(spec):
    with pytest.raises(DeviceError):
        Device(spec)


def test_the_error_lists_what_is_there(device):
    with pytest.raises(RuntimeError, match="Available") as caught:
        Device("cl:99")
    assert device.caps.name in str(caught.value)


def test_what_is_no_spec():
    for arguments in ((1.5,), ("cpu:0", 1), ([],)):
        with pytest.raises(TypeError):
            Device(*arguments)


def test_copies_and_pickles_are_the_same_object(device):
    assert copy.copy(device) is copy.deepcopy(device) is device
    assert pickle.loads(pickle.dumps(device)) is device
    assert {device: 1}[Device(str(device))] == 1


def test_a_device_is_a_context(device):
    null = Device("null:a770")
    with null as entered:
        assert entered is current_device() is null
        with device:
            assert current_device() is device
        assert current_device() is null
        seen = []
        thread = threading.Thread(target=lambda: seen.append(current_device()))
        thread.start()
        thread.join()
        assert seen == [device]
    assert current_device() is device


def test_the_default_can_be_set(device):
    null = Device("null")
    set_default_device("null")
    try:
        assert current_device() is null
    finally:
        set_default_device(None)
    assert current_device() is device


def test_capabilities_are_plausible(device):
    caps = device.caps
    assert caps.version >= (1, 2)
    assert caps.c_version >= (1, 2)
    assert caps.base_align >= 64
    assert caps.max_mem_alloc_size <= caps.global_mem_size
    assert caps.plan_class in ("cpu", "gpu")
    if "oclgrind" not in caps.name.lower() and caps.device_type == "cpu":
        assert caps.host_memory
        assert caps.float_vector_width >= 4
    assert caps.fp64 == ("cl_khr_fp64" in caps.extensions)


def test_split():
    whole = next((one for one in devices() if one.type == "cpu" and one.caps.units > 1),
                 None)
    if whole is None:
        pytest.skip("no CPU device with two units")
    parts = whole.split(2)
    number = devices().index(whole)
    assert [str(part) for part in parts] == [f"cl:{number}/0", f"cl:{number}/1"]
    assert [part.caps.units for part in parts] == [whole.caps.units // 2] * 2
    assert whole.split(2) == parts
    assert Device(str(parts[1])) is parts[1]
    assert pickle.loads(pickle.dumps(parts[1])) is parts[1]
    assert parts[0].type == "cpu"
    assert len({*parts, whole}) == 3
    with pytest.raises(DeviceError, match="split"):
        whole.split(10_000)
    with pytest.raises(DeviceError, match="split"):
        whole.split(0)


def test_parts_compute(device, axpy):
    if device.type != "cpu" or device.caps.units < 2:
        pytest.skip("needs a CPU device with two units")
    for part in device.split(2):
        (kernel,) = part.build([axpy.source])
        block = part.allocate(64)
        part.upload(block, 0, np.ones(16, np.float32))
        place = block.offset // 4
        kernel.launch((1,), (block.buffer, place, block.buffer, place, 16, 4))
        out = np.empty(16, np.float32)
        part.download(block, 0, out)
        assert (out == 5).all()


def test_the_environment_chooses_the_default(run_python):
    assert run_python(
        "from clnet.device import current_device; print(current_device())",
        CLNET_DEVICE="null:videocore").strip() == "null:videocore"


def test_plan_class_can_be_forced(run_python):
    assert run_python(
        "from clnet.device import current_device; print(current_device().caps.plan_class)",
        CLNET_PLAN_CLASS="gpu").strip() == "gpu"


def test_importing_loads_no_opencl(run_python):
    run_python("""
import sys
from clnet.device import Device
assert "pyopencl" not in sys.modules
Device("null")
assert "pyopencl" not in sys.modules
""")


def test_without_any_device_the_error_says_what_to_install(run_python, tmp_path):
    empty = tmp_path / "no-vendors"
    empty.mkdir()
    out = run_python("""
from clnet.device import current_device, devices
try:
    current_device()
except RuntimeError as error:
    print(error)
print(devices())
""", CLNET_DEVICE="", OCL_ICD_VENDORS=str(empty))
    assert "pocl-opencl-icd" in out
    assert out.strip().endswith("[]")
    assert "pocl-opencl-icd" in installation_advice()


def test_a_broken_platform_is_left_out_with_a_warning(run_python):
    out = run_python("""
import warnings
from clnet.device import devices
from clnet.device.opencl import OpenCLRuntime
works = OpenCLRuntime._probe
first = []

def probe(self):
    if not first or first[0] is self.device:
        first.append(self.device)
        raise RuntimeError("unknown target CPU")
    return works(self)

OpenCLRuntime._probe = probe
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = devices()
for one in caught:
    print("warning:", one.message)
print("found", len(found))
""")
    total = len(devices())
    assert out.count("does not work and is left out") == 1
    assert "unknown target CPU" in out
    assert f"found {total - 1}" in out
