"""Scans planned for GPUs: work-groups that scan a line, and groups that share one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import clnet
from clnet.core import dtypes as dt
from clnet.device import current_device
from clnet.kernels import scan
from clnet.tensor.runner import Runner
from clnet.tensor.tensor import Tensor

CASES = [("sum", "float32", (3, 1500), 1, False, 1), ("sum", "int64", (2, 1, 3000), 2, True, 2),
         ("max", "float32", (5, 40), 1, False, 1), ("min", "int32", (2600, 2), 0, False, 2)]


@pytest.mark.parametrize(("combine", "dtype", "shape", "dim", "reverse", "launches"), CASES)
def test_scan_in_groups(combine, dtype, shape, dim, reverse, launches):
    values = np.random.default_rng(2).integers(-40, 40, shape).astype(dtype)
    if combine == "max":
        values[1, 17] = values[1, 30] = np.nan
    x = clnet.tensor(values)
    caps = current_device().caps.with_plan_class("gpu")
    if launches == 2:
        caps = dataclasses.replace(caps, units=16, max_work_group_size=32)
    plan = scan.plan("scan", combine, (x.layout,), dim, dt.dtype_named(dtype), reverse, caps)
    assert len(plan.launches) == launches and plan.launches[0].spec.local_size[0] > 1
    got = [Tensor.allocate(x.device, layout) for layout in plan.outputs]
    Runner(plan, x.device)((x,), got)
    walked = np.flip(values, dim) if reverse else values
    accumulate = {"sum": np.add, "max": np.maximum, "min": np.minimum}[combine].accumulate
    expected = accumulate(walked, dim)
    np.testing.assert_array_equal(got[0].numpy(), np.flip(expected, dim) if reverse else expected)
    if len(got) > 1:
        # The index is that of the last element so far which stands for its extreme.
        here = (values == expected) | np.isnan(values)
        places = np.arange(shape[dim]).reshape([-1 if d == dim else 1 for d in range(len(shape))])
        np.testing.assert_array_equal(got[1].numpy(), np.maximum.accumulate(np.where(here, places, -1), dim))
