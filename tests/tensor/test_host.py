"""Operators on the host without OpenCL: in forked children, and as the device "host"."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import clnet
from clnet.device import Device, current_device

ROOT = Path(__file__).parents[2]


def in_child(body) -> None:
    """Run `body` in a forked child; its failure is this test's."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            body()
            status = 0
        except BaseException:
            os.write(writer, traceback.format_exc().encode()[-4000:])
        os._exit(status)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as report:
        assert status == 0, report.read()


@pytest.mark.skipif(sys.platform == "win32", reason="has no fork")
def test_a_forked_child_computes_with_the_parent_s_tensors(device_has_host_memory):
    x = clnet.arange(12.0).reshape(3, 4)
    y = x * 2  # may be running when the fork comes

    def body() -> None:
        assert y.tolist() == [[2.0 * i for i in range(4 * r, 4 * r + 4)] for r in range(3)]
        assert clnet.stack([x[1], y[0]]).sum().item() == 4 + 5 + 6 + 7 + 0 + 2 + 4 + 6
        x.add_(1)
        w = clnet.ones(4, requires_grad=True)
        (x @ w).sum().backward()
        assert w.grad.tolist() == x.sum(0).tolist()
        clnet.manual_seed(5)
        draws.append(clnet.rand(3).tolist())
        assert draws[0] == expected

    clnet.manual_seed(5)
    expected = clnet.rand(3).tolist()
    draws: list[list[float]] = []
    in_child(body)
    assert x.tolist()[0] == [0.0, 1.0, 2.0, 3.0]  # the child's writes are its own
    assert (x + 1).sum().item() == 66 + 12


@pytest.fixture
def device_has_host_memory() -> None:
    if not current_device().caps.host_memory:
        pytest.skip("children cannot see this device's memory")


def test_the_host_is_a_device():
    host = Device("host")
    with host:
        x = clnet.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        assert x.device is host
        x.exp().sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.exp([[1, 2], [3, 4]]), rtol=1e-6)
    there = x.detach().to(current_device())
    assert there.device is current_device()
    assert there.to("host").tolist() == x.tolist()
    with pytest.raises(IndexError, match="out of bounds"):
        x[clnet.tensor([5], device=host)]


def test_without_an_opencl_cpu_cpu_is_the_host(tmp_path):
    program = """
import warnings
import clnet
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    x = clnet.ones(3, device="cpu") + 1
    y = clnet.zeros(3, device="cpu")
assert x.tolist() == [2.0] * 3
assert x.device.type == "cpu"
[warning] = caught
assert "NumPy" in str(warning.message) and "install" in str(warning.message).lower(), warning.message
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"OCL_ICD_VENDORS": str(tmp_path), "CLNET_DEVICE": "", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr


def test_a_process_can_leave_opencl():
    program = """
import clnet
from clnet.device import leave_opencl
leave_opencl()
x = clnet.ones(3)
assert x.device.runtime.interprets and (x + 1).tolist() == [2.0] * 3
assert clnet.ones(2, device="cuda").device.type == "cuda"
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120,
                   env=os.environ | {"PYTHONPATH": str(ROOT)})
