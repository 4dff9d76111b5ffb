"""At the ends of the types and around zero, kernels give what the NumPy statements give.

The calls are those of ``test_forward``, so that no other kernels are built; what the statements give
for ordinary values, ``test_host`` compares with the references.
"""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import clnet
from clnet.core import dtypes as dt
from clnet.core.op import Op
from clnet.device import Device
from clnet.tensor import interchange
from tests.registry.cases import OPS, Case, forward_cases, leaves, op_name
from tests.registry.test_forward import TOLERANCE, first_difference, run

HOST = Device("host")


def cases(op: Op, full: bool) -> list[Case]:
    """The calls of ``test_forward`` that have data, with extremes among them; float32 stands for float64."""
    return [replace(case, special=True) for case in forward_cases(op, full)
            if case.dtype not in (None, dt.float64) and not (op.family in SUMMED and case.dtype.kind == "int")]


# What sums of infinities and zeros give here hangs on their order, and on what is left out as zero.
ORDERED = {"attention", "conv", "fft", "linalg", "loss"}
# Means whose sums of integers may be wider than the elements.
SUMMED = {"pool"}


@pytest.mark.parametrize(
    "op", [op for op in OPS if op.reference is not None and op.family not in ORDERED], ids=op_name)
def test_values(op, device, full):
    problems = []
    for case in cases(op, full):
        (call, got), (_, want) = run(case, device, zeros=False), run(case, HOST, zeros=False)
        problem = difference(got, want)
        if not problem and not call.unmodified():
            problem = "it changed its operands"
        if problem:
            problems.append(f"{case}: {problem}")
    assert not problems, "\n".join(problems)


def difference(got: Any, want: Any) -> str:
    """Why results, or refusals, differ."""
    if isinstance(want, Exception) or isinstance(got, Exception):
        return "" if type(got) is type(want) else f"got {got!r}, the host {want!r}"
    for x, y in zip(leaves(got), leaves(want), strict=True):
        if isinstance(y, clnet.Tensor):
            if (x.dtype, tuple(x.shape)) != (y.dtype, tuple(y.shape)):
                return f"{x.dtype} {list(x.shape)}, on the host {y.dtype} {list(y.shape)}"
            a, b = interchange.values(x), interchange.values(y)
            tolerance = TOLERANCE.get(y.dtype.to_real(), 0)
            with np.errstate(all="ignore"):
                same = np.isclose(a, b, tolerance, tolerance, equal_nan=True) if tolerance else a == b
            if not np.all(same):
                return first_difference(a, b)
        elif x != y and x == x:
            return f"got {x!r}, the host {y!r}"
    return ""
