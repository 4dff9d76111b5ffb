"""Fixtures and kernels of the device tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clnet.core.errors import fault_code
from clnet.core.program import KernelSource
from clnet.device import Device, current_device

ROOT = Path(__file__).parents[2]

AXPY = KernelSource(
    entry="axpy",
    source="""
__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void axpy(__global const float *a, uint a_offset, __global float *b, uint b_offset,
                   uint n, float scale)
{
    for (uint i = get_global_id(0); i < n; i += get_global_size(0))
        b[b_offset + i] += scale * a[a_offset + i];
}
""",
    local_size=(1,),
    arg_types=(None, "uint32", None, "uint32", "uint32", "float32"),
)

FAULTY = KernelSource(
    entry="faulty",
    source=f"""
__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void faulty(long value, __global int *word)
{{
    if (value < 0 && atomic_cmpxchg(word, 0, {fault_code("faulty_op", "index")}) == 0)
        ((__global long *)word)[1] = value;
}}
""",
    local_size=(1,),
    arg_types=("int64",),
    faults=True,
)


@pytest.fixture(scope="session")
def device() -> Device:
    return current_device()


@pytest.fixture(scope="session")
def axpy(device):
    return device.build([AXPY])[0]


@pytest.fixture(scope="session")
def faulty(device):
    return device.build([FAULTY])[0]


@pytest.fixture
def run_python(tmp_path, device):
    """Run a program in another process with its own caches; its standard output."""

    def run(program: str, expect: int = 0, **environment: str) -> str:
        settings = {
            "CLNET_DEVICE": str(device),
            "CLNET_CACHE_DIR": str(tmp_path / "cache"),
            "POCL_CACHE_DIR": str(tmp_path / "pocl"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
        }
        (tmp_path / "pocl").mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True,
            env=os.environ | settings | environment, timeout=120, check=False)
        assert done.returncode == expect, done.stderr
        return done.stdout + done.stderr

    return run
