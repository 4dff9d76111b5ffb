"""No kernel reads or writes out of bounds, races, or uses memory that nobody wrote.

oclgrind is an OpenCL runtime that interprets kernels and watches every access.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIBRARIES = ("/usr/lib/oclgrind/liboclgrind-rt-icd.so", "/usr/local/lib/liboclgrind-rt-icd.so",
             *map(str, Path("/usr/lib").glob("*/oclgrind/liboclgrind-rt-icd.so")))
LIBRARY = next((path for path in LIBRARIES if Path(path).exists()), None)
# It runs on memory of the host's, whose content oclgrind takes for unwritten.
PROBE = re.compile(r"^\s*Kernel: clnet_probe$", re.MULTILINE)


@pytest.mark.skipif(LIBRARY is None, reason="oclgrind is not installed")
@pytest.mark.parametrize("plan_class", ["cpu", "gpu"])
def test_a_training_step_has_no_finding(tmp_path, plan_class):
    """oclgrind 21.10 takes lanes 8 to 15 picked out of a float16 (as by .hi) for unwritten: kernels
    halve such vectors through an array."""
    log = tmp_path / "oclgrind.log"
    done = subprocess.run(
        [sys.executable, str(HERE / "training_step.py")], capture_output=True, text=True, timeout=500,
        check=False, cwd=tmp_path, env=os.environ | {
            "CLNET_DEVICE": "oclgrind", "CLNET_ICD_EXTRA": str(LIBRARY), "CLNET_ALLOCATOR": "exact",
            "CLNET_PLAN_CLASS": plan_class, "CLNET_CACHE_DIR": str(tmp_path / "cache"),
            "OCLGRIND_DATA_RACES": "1", "OCLGRIND_UNINITIALIZED": "1",
            "OCLGRIND_LOG": str(log),
            # The optimizer leaves an instruction that the check for unwritten memory does not know.
            "OCLGRIND_BUILD_OPTIONS": "-cl-opt-disable", "PYTHONPATH": str(HERE.parents[1])})
    assert done.returncode == 0, done.stderr
    findings = [part for part in (log.read_text() if log.exists() else "").split("\n\n")
                if part.strip() and not PROBE.search(part)]
    assert not findings, "\n\n".join(findings[:10])
    first, second = map(float, done.stdout.split()[:2])
    assert second < first
