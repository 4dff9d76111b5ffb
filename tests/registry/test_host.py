"""On the device that is the host without OpenCL, operators that it has equal the references."""

from __future__ import annotations

import pytest

from clnet.core import dtypes as dt
from clnet.device import Device
from tests.registry.cases import OPS, Case, op_name, samples
from tests.registry.test_forward import check


@pytest.mark.parametrize("op", [op for op in OPS if op.reference is not None], ids=op_name)
def test_on_the_host(op):
    integral = op.expression is not None and "float" in op.expression.refuses
    for sample in samples(op):
        case = Case(op, sample, dt.int32 if integral else dt.float64, "contiguous")
        outcome = check(case, Device("host"))
        if outcome and "cannot run on host" in outcome:
            pytest.skip("it needs OpenCL")
        assert not outcome, f"{case}: {outcome}"
