"""No kernel reads or writes out of bounds, races, or uses memory that nobody wrote."""

from __future__ import annotations

import pytest

from tests.oclgrind.watched import LIBRARY, watch


@pytest.mark.skipif(LIBRARY is None, reason="oclgrind is not installed")
@pytest.mark.parametrize("plan_class", ["cpu", "gpu"])
def test_a_training_step_has_no_finding(tmp_path, plan_class):
    printed, findings = watch("training_step.py", tmp_path, plan_class)
    assert not findings, "\n\n".join(findings[:10])
    first, second = map(float, printed.split()[:2])
    assert second < first


@pytest.mark.skipif(LIBRARY is None, reason="oclgrind is not installed")
def test_kernels_for_gpus_have_no_finding(tmp_path):
    _, findings = watch("gpu_kernels.py", tmp_path, "gpu")
    assert not findings, "\n\n".join(findings[:10])
