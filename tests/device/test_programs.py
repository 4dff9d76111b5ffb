import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from clnet.core.errors import BuildError
from clnet.core.program import KernelSource
from clnet.device import build_stats

USE_AXPY = """
import time
import numpy as np
from clnet.device import build_stats, current_device
from conftest import AXPY
device = current_device()
start = time.perf_counter()
(axpy,) = device.build([AXPY])
block = device.allocate(64)
device.upload(block, 0, np.ones(16, np.float32))
place = block.offset // 4
axpy.launch((1,), (block.buffer, place, block.buffer, place, 16, 2.0))
out = np.empty(16, np.float32)
device.download(block, 0, out)
seconds = time.perf_counter() - start
assert (out == 3).all()
stats = build_stats()
print("counts", int(stats["kernels_from_source"]), int(stats["kernels_from_disk"]), seconds)
"""


def counts(output):
    match = re.search(r"counts (\d+) (\d+) (\S+)", output)
    return int(match[1]), int(match[2]), float(match[3])


def entries(tmp_path):
    return sorted((tmp_path / "cache" / "programs").rglob("*.clbin"))


def test_several_kernels_share_a_program_and_a_prelude(device):
    prelude = "#define FACTOR 3\nstatic uint scaled(uint x) { return FACTOR * x; }"
    sources = [
        KernelSource(
            f"prelude_{n}",
            f"""__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void prelude_{n}(__global uint *out, uint at) {{ out[at] = scaled({n}); }}""",
            (1,), (None, "uint32"))
        for n in range(3)
    ]
    kernels = device.build(sources, prelude)
    assert [kernel.entry for kernel in kernels] == ["prelude_0", "prelude_1", "prelude_2"]
    block = device.allocate(64)
    for n, kernel in enumerate(kernels):
        kernel.launch((1,), (block.buffer, block.offset // 4 + n))
    out = np.empty(3, np.uint32)
    device.download(block, 0, out)
    assert out.tolist() == [0, 3, 6]
    assert device.build([]) == []


def test_a_build_failure_says_everything(device):
    source = KernelSource("broken_kernel", "__kernel void broken_kernel() { undeclared = 1; }",
                          (1,), ())
    with pytest.raises(BuildError) as caught:
        device.build([source])
    text = str(caught.value)
    assert "broken_kernel" in text
    assert device.caps.name in text
    assert "undeclared" in text
    saved = Path(text.rsplit("saved as ", 1)[1].split()[0])
    assert source.source in saved.read_text()
    saved.unlink()


def test_a_wrong_argument_count_is_found_at_the_build(device):
    source = KernelSource("two", "__kernel void two(uint a, uint b) {}", (1,), ("uint32",))
    with pytest.raises(BuildError, match="takes 2 arguments, its KernelSource declares 1"):
        device.build([source])


def test_compiler_notes_are_no_warnings(device):
    source = KernelSource(
        "noted", "#warning look here\n__kernel void noted(uint n) { uint unused; }", (1,),
        ("uint32",))
    before = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        device.build([source])
    assert list(warnings.filters) == before


def test_counts(device):
    before = build_stats()
    device.build([KernelSource("counted", "__kernel void counted(uint n) {}", (1,), ("uint32",))])
    after = build_stats()
    built = sum(after[key] - before[key] for key in ("kernels_from_source", "kernels_from_disk"))
    assert built == 1
    assert after["seconds"] > before["seconds"]


def test_a_second_process_builds_nothing(run_python, tmp_path):
    assert counts(run_python(USE_AXPY))[:2] == (2, 0)
    assert len(entries(tmp_path)) == 2
    assert counts(run_python(USE_AXPY))[:2] == (0, 2)


def test_entries_are_complete_without_pocl_s_own_cache(run_python, tmp_path, device):
    if "Portable" not in device.caps.platform:
        pytest.skip("about PoCL")
    cold = counts(run_python(USE_AXPY))
    # An empty cache of PoCL's: what it compiles at a first launch must come from the entry.
    seconds = []
    for attempt in range(3):  # the machine may be busy with something else
        other = tmp_path / f"another-pocl-cache-{attempt}"
        other.mkdir()
        warm = counts(run_python(USE_AXPY, POCL_CACHE_DIR=str(other)))
        assert warm[:2] == (0, 2)
        seconds.append(warm[2])
    assert min(seconds) < cold[2] / 4


def test_damaged_entries_are_built_again(run_python, tmp_path):
    run_python(USE_AXPY)
    for path in entries(tmp_path):
        data = bytearray(path.read_bytes())
        data[-100] ^= 0xFF
        path.write_bytes(data)
    assert counts(run_python(USE_AXPY))[:2] == (2, 0)
    assert counts(run_python(USE_AXPY))[:2] == (0, 2)


def test_a_binary_that_the_driver_refuses_is_built_again(run_python, tmp_path, device):
    run_python(USE_AXPY)
    program = f"""
from pathlib import Path
from clnet.device.diskcache import DiskCache
folder = Path({str(tmp_path / "cache" / "programs")!r})
cache = DiskCache(folder)
for path in folder.rglob("*.clbin"):
    cache.store(path.stem, b"no program at all", {{}})
"""
    run_python(program)
    assert counts(run_python(USE_AXPY))[:2] == (2, 0)


def test_an_unwritable_cache_warns_and_works(run_python, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    program = "import warnings\nwarnings.simplefilter('default')\n" + USE_AXPY
    out = run_python(program, CLNET_CACHE_DIR=str(blocked))
    assert counts(out)[:2] == (2, 0)
    assert out.count("CLNET_CACHE_DIR") == 1


def test_the_cache_can_be_switched_off(run_python, tmp_path):
    assert counts(run_python(USE_AXPY, CLNET_NO_DISK_CACHE="1"))[:2] == (2, 0)
    assert not entries(tmp_path)


def test_processes_may_build_at_the_same_time(run_python, tmp_path, device):
    run_python("pass")
    program = f"""
import subprocess, sys
children = [subprocess.Popen([sys.executable, "-c", {USE_AXPY!r}]) for _ in range(3)]
assert [child.wait() for child in children] == [0, 0, 0]
"""
    run_python(program)
    assert len(entries(tmp_path)) == 2
    assert not list((tmp_path / "cache").rglob(".new-*"))
    assert counts(run_python(USE_AXPY))[:2] == (0, 2)


def test_building_is_reported_on_request(run_python):
    assert "clnet: built axpy in" in run_python(USE_AXPY, CLNET_VERBOSE="1")


def test_a_process_that_fails_keeps_its_exit_status(run_python):
    run_python(USE_AXPY + "\nraise SystemExit(3)", expect=3)


def test_pyopencl_s_own_cache_stays_off():
    program = """
import os
from clnet.device.driver import cl
assert cl._PYOPENCL_NO_CACHE
assert "PYOPENCL_NO_CACHE" not in os.environ and "OCL_ICD_VENDORS" not in os.environ
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
