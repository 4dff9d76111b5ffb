"""The pages that are generated are up to date."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.structure.sources import ROOT


def test_the_operator_reference_is_up_to_date():
    done = subprocess.run([sys.executable, "tools/op_reference.py", "--check"], cwd=ROOT, check=False,
                          capture_output=True, text=True, timeout=120,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
