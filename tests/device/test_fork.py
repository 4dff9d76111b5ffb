import pytest

from clnet.device import in_forked_child

SETUP = """
import faulthandler, gc, os, signal, sys, time
import numpy as np
from clnet.device import current_device, devices, in_forked_child
from clnet.core.errors import DeviceError
from conftest import AXPY
faulthandler.enable()
device = current_device()
(kernel,) = device.build([AXPY])
block, large = device.allocate(64), device.allocate(8 << 20)
array = np.ones(16, np.float32)
device.upload(block, 0, array)
wrapped = device.wrap_host(array.ctypes.data, array.nbytes, array)
place = block.offset // 4
arguments = (block.buffer, place, block.buffer, place, 16, 1.0)
kernel.launch((1,), arguments)

def wait_for(child):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert status == 0, status
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGABRT)  # the child's fault handler tells where it stands
    os.waitpid(child, 0)
    raise AssertionError("the child hangs")

def parent_still_works():
    out = np.empty(16, np.float32)
    kernel.launch((1,), arguments)
    device.download(block, 0, out)
    assert (out == 4).all()
"""


def test_this_process_is_no_child():
    assert not in_forked_child()


@pytest.mark.parametrize("leave", ["os._exit(0)", "sys.exit(0)"])
def test_a_child_is_refused_and_ends_well(run_python, leave):
    run_python(SETUP + f"""
child = os.fork()
if child == 0:
    assert in_forked_child()
    for use in (
        lambda: kernel.launch((1,), arguments),
        lambda: device.build([AXPY]),
        lambda: device.split(2),
    ):
        try:
            use()
        except DeviceError as error:
            assert any(word in str(error) for word in ("forked child", "split", "no kernels"))
        else:
            os._exit(1)
    del block, large, wrapped, kernel, arguments, device
    gc.collect()
    {leave}
wait_for(child)
parent_still_works()
""")


def test_a_child_has_the_parent_s_memory_as_its_own(run_python):
    run_python(SETUP + """
if device.caps.host_memory:
    child = os.fork()
    if child == 0:
        out = np.empty(16, np.float32)
        device.download(block, 0, out)
        assert (out == 2).all(), out  # what was launched before the fork is done
        fresh = device.allocate(64)
        device.upload(fresh, 0, np.full(16, 7, np.float32))
        device.copy(fresh, 0, block, 0, 64)
        device.download(block, 0, out)
        assert (out == 7).all()
        device.synchronize()
        device.empty_cache()
        assert devices() == [device]
        os._exit(0)
    wait_for(child)
parent_still_works()
""")


def test_multiprocessing_workers(run_python):
    run_python(SETUP + """
import multiprocessing

def square(number):
    gc.collect()
    return number * number

with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(square, range(10)) == [n * n for n in range(10)]
parent_still_works()
""")


def test_many_children_end(run_python):
    # Finalisers hang in one child of ten forked while kernels run: several are needed to see it.
    run_python(SETUP + """
for _ in range(30):
    kernel.launch((1,), arguments)
    child = os.fork()
    if child == 0:
        sys.exit(0)
    wait_for(child)
device.synchronize()
""")
