"""Runs a script on oclgrind, an OpenCL runtime that interprets kernels and watches every access."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LIBRARIES = ("/usr/lib/oclgrind/liboclgrind-rt-icd.so", "/usr/local/lib/liboclgrind-rt-icd.so",
             *map(str, Path("/usr/lib").glob("*/oclgrind/liboclgrind-rt-icd.so")))
LIBRARY = next((path for path in LIBRARIES if Path(path).exists()), None)
# It runs on memory of the host's, whose content oclgrind takes for unwritten.
PROBE = re.compile(r"^\s*Kernel: clnet_probe$", re.MULTILINE)


def watch(script: str, folder: Path, plan_class: str) -> tuple[str, list[str]]:
    """What a script beside this file prints, and what oclgrind found.

    oclgrind 21.10 takes lanes 8 to 15 picked out of a float16 (as by .hi) for unwritten: kernels
    halve such vectors through an array. What a kernel wrote into a buffer at the address of one
    released before is at times taken for unwritten too: keep buffers alive to tell these apart.
    """
    log = folder / "oclgrind.log"
    done = subprocess.run(
        [sys.executable, str(HERE / script)], capture_output=True, text=True, timeout=500,
        check=False, cwd=folder, env=os.environ | {
            "CLNET_DEVICE": "oclgrind", "CLNET_ICD_EXTRA": str(LIBRARY), "CLNET_ALLOCATOR": "exact",
            "CLNET_PLAN_CLASS": plan_class, "CLNET_CACHE_DIR": str(folder / "cache"),
            "OCLGRIND_DATA_RACES": "1", "OCLGRIND_UNINITIALIZED": "1",
            "OCLGRIND_LOG": str(log),
            # The optimizer leaves an instruction that the check for unwritten memory does not know.
            "OCLGRIND_BUILD_OPTIONS": "-cl-opt-disable", "PYTHONPATH": str(HERE.parents[1])})
    assert done.returncode == 0, done.stderr
    return done.stdout, [part for part in (log.read_text() if log.exists() else "").split("\n\n")
                         if part.strip() and not PROBE.search(part)]
