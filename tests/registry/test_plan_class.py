"""Plans made for GPUs give the same results when a CPU runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from clnet.core.op import Op
from clnet.device import current_device
from tests.registry.cases import OPS, op_name
from tests.structure.sources import ROOT

PER_FAMILY = 3


def chosen(full: bool) -> list[Op]:
    """Some operators of every family, spread over it; those with kernels of their own first."""
    families: dict[str, list[Op]] = {}
    for op in OPS:
        if op.reference is not None:
            families.setdefault(op.family, []).append(op)
    picked = []
    for ops in families.values():
        ops = sorted(ops, key=lambda op: op.kind != "planner")
        step = 1 if full else max(1, len(ops) // PER_FAMILY)
        picked += ops[::step] if full else ops[::step][:PER_FAMILY]
    return picked


def test_gpu_plans(full):
    if current_device().caps.plan_class == "gpu":
        pytest.skip("the device is planned for as a GPU anyway")
    tests = [f"tests/registry/{file}[{op_name(op)}]" for op in chosen(full)
             for file in ("test_forward.py::test_forward", "test_derivatives.py::test_derivatives")
             if "derivatives" not in file or op.expression is None or "float" not in op.expression.refuses]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", *tests], cwd=ROOT, capture_output=True,
        text=True, timeout=900, check=False, env=os.environ | {"CLNET_PLAN_CLASS": "gpu"})
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert re.search(rf"\b{len(tests)} passed", done.stdout), done.stdout[-500:]
