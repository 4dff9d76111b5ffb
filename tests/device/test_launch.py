import threading

import numpy as np
import pytest

from clnet.core.errors import DeviceError
from clnet.core.events import HUB
from clnet.core.program import KernelSource

SCALARS = {
    "int8": -7, "uint8": 250, "int16": -3000, "uint16": 60000, "int32": -(2**31),
    "uint32": 2**32 - 1, "int64": -(2**63), "uint64": 2**64 - 1, "float32": 1.5,
    "float64": 2.25,
}
C_NAMES = {
    "int8": "char", "uint8": "uchar", "int16": "short", "uint16": "ushort", "int32": "int",
    "uint32": "uint", "int64": "long", "uint64": "ulong", "float32": "float",
    "float64": "double",
}


def test_every_scalar_type_arrives(device):
    names = [name for name in SCALARS if name != "float64" or device.caps.fp64]
    parameters = ", ".join(f"{C_NAMES[name]} v{i}" for i, name in enumerate(names))
    stores = "\n".join(
        f"*(__global {C_NAMES[name]} *)(out + {8 * i}) = v{i};" for i, name in enumerate(names))
    source = KernelSource(
        "scalars",
        f"""__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void scalars(__global uchar *out, {parameters}) {{ {stores} }}""",
        (1,), (None, *names))
    (kernel,) = device.build([source])
    block = device.allocate(4 << 20)  # large: it starts its buffer, as the kernel expects
    assert block.offset == 0
    kernel.launch((1,), (block.buffer, *(SCALARS[name] for name in names)))
    out = np.empty(8 * len(names), np.uint8)
    device.download(block, 0, out)
    for i, name in enumerate(names):
        dtype = np.dtype(name)
        assert out[8 * i:8 * i + dtype.itemsize].view(dtype)[0] == SCALARS[name], name


def test_a_python_int_serves_as_a_float(device, axpy):
    block = device.allocate(64)
    device.upload(block, 0, np.ones(16, np.float32))
    place = block.offset // 4
    axpy.launch((1,), (block.buffer, place, block.buffer, place, 16, 3))
    out = np.empty(16, np.float32)
    device.download(block, 0, out)
    assert (out == 4).all()


def test_faults_are_raised_once_at_synchronisation(device, faulty):
    faulty.launch((1,), (5,))
    device.synchronize()
    faulty.launch((1,), (-5,))
    faulty.launch((1,), (-6,))
    with pytest.raises(IndexError, match="faulty_op: index -5 is out of range"):
        device.synchronize()
    device.synchronize()


def test_faults_are_raised_by_downloads(device, faulty):
    block = device.allocate(64)
    device.upload(block, 0, np.ones(16, np.float32))
    faulty.launch((1,), (-1,))
    out = np.zeros(16, np.float32)
    with pytest.raises(IndexError, match="faulty_op"):
        device.download(block, 0, out)
    device.download(block, 0, out)
    assert (out == 1).all()


def test_sync_mode_raises_at_the_launch(run_python):
    program = """
from conftest import FAULTY
from clnet.device import current_device
(kernel,) = current_device().build([FAULTY])
kernel.launch((1,), (1,))
try:
    kernel.launch((1,), (-1,))
except IndexError as error:
    print(error)
"""
    assert "faulty_op: index -1" in run_python(program, CLNET_SYNC="1")


def test_a_launch_that_fails_names_the_kernel(device, axpy):
    block = device.allocate(64)
    with pytest.raises(DeviceError, match="axpy"):
        axpy.launch((), (block.buffer, 0, block.buffer, 0, 0, 1.0))
    with pytest.raises(ValueError, match="unpack"):
        axpy.launch((1,), (block.buffer, 0))


def test_launch_events(device, axpy):
    seen = []
    block = device.allocate(64)
    unsubscribe = HUB.subscribe(launch=seen.append)
    try:
        axpy.launch((3,), (block.buffer, 0, block.buffer, 0, 0, 1.0))
    finally:
        unsubscribe()
    axpy.launch((3,), (block.buffer, 0, block.buffer, 0, 0, 1.0))
    assert [(one.device, one.entry, one.global_size) for one in seen] == [
        (str(device), "axpy", (3,))]
    device.synchronize()


def test_threads_share_a_kernel(device, axpy):
    """Each thread adds its own vectors; arguments must not mix between threads."""
    if "oclgrind" in device.caps.name.lower():
        pytest.skip("oclgrind's queues do not support threads")
    rounds, size = 200, 64
    results = {}

    def work(number):
        ones, total = device.allocate(4 * size), device.allocate(4 * size)
        device.upload(ones, 0, np.full(size, number, np.float32))
        device.upload(total, 0, np.zeros(size, np.float32))
        for _ in range(rounds):
            axpy.launch(
                (1,),
                (ones.buffer, ones.offset // 4, total.buffer, total.offset // 4, size, 1.0))
        out = np.empty(size, np.float32)
        device.download(total, 0, out)
        results[number] = out

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, out in results.items():
        assert (out == number * rounds).all()
    assert len(results) == 4
