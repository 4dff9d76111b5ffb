import numpy as np
import pytest

from clnet.core.errors import BuildError, DeviceError, OutOfMemoryError
from clnet.core.presets import PRESETS
from clnet.core.program import KernelSource
from clnet.device import Device


def kernel_source(local_size=(64,), arg_types=(None, "uint32", "float32")):
    return KernelSource("k", "__kernel void k() {}", local_size, arg_types)


@pytest.fixture
def null():
    device = Device("null:videocore")
    device.runtime.clear()
    return device


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_device(name):
    device = Device(f"null:{name}")
    assert device is Device(f"null:{name}")
    assert str(device) == f"null:{name}"
    assert device.caps == PRESETS[name]
    assert device.type == "cuda"


def test_launches_are_recorded(null):
    source = kernel_source()
    (kernel,) = null.build([source], "// prelude")
    block = null.allocate(1000)
    null.launch(kernel, (128,), (block.buffer, 7, 1.5))
    (launch,) = null.runtime.launches
    assert (launch.entry, launch.source, launch.global_size, launch.local_size) == (
        "k", source, (128,), (64,))
    assert launch.args == (block.buffer, 7, 1.5)
    assert null.runtime.sources == [(source, "// prelude")]


def test_transfers_do_nothing(null):
    block = null.allocate(64)
    null.upload(block, 0, np.ones(16, np.float32))
    null.copy(block, 0, block, 32, 16)
    out = np.ones(16, np.float32)
    null.download(block, 0, out)
    assert (out == 0).all()
    assert null.host_view(block) is None
    assert null.wrap_host(out.ctypes.data, 64, out) is None
    null.synchronize()
    null.empty_cache()


@pytest.mark.parametrize(("global_size", "args", "problem"), [
    ((100,), (1, 1.0), "multiple"), ((0,), (1, 1.0), "multiple"),
    ((64, 1), (1, 1.0), "dimensions"), ((64,), (1,), "arguments"),
    ((64,), (-1, 1.0), "fit"), ((64,), (2**32, 1.0), "fit"), ((64,), (1.5, 1.0), "fit"),
    ((64,), (1, None), "expected float32"),
])
def test_launches_are_checked(null, global_size, args, problem):
    (kernel,) = null.build([kernel_source()])
    block = null.allocate(64)
    with pytest.raises(DeviceError, match=problem):
        kernel.launch(global_size, (block.buffer, *args))
    assert not null.runtime.launches


def test_a_number_is_no_buffer(null):
    (kernel,) = null.build([kernel_source()])
    with pytest.raises(DeviceError, match="expected a buffer"):
        kernel.launch((64,), (3, 1, 1.0))


@pytest.mark.parametrize("local_size", [(512,), (16, 32)])
def test_work_groups_are_checked_at_the_build(null, local_size):
    with pytest.raises(BuildError, match="work-group"):
        null.build([kernel_source(local_size)])


def test_memory_is_limited_as_on_the_device(null):
    with pytest.raises(OutOfMemoryError, match="largest"):
        null.allocate(null.caps.max_mem_alloc_size + 1)
    held = [null.allocate(64 << 20) for _ in range(4)]
    with pytest.raises(OutOfMemoryError, match="4 live blocks"):
        null.allocate(64 << 20)
    held.clear()
    assert null.allocate(64 << 20).nbytes == 64 << 20
    null.empty_cache()
    assert null.memory_stats()["allocated_bytes.all.current"] == 0


def test_it_cannot_be_split(null):
    with pytest.raises(DeviceError, match="split"):
        null.split(2)
