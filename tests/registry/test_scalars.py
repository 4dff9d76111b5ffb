"""Operators on tensors without dimensions: the reference's values and shapes, or PyTorch's refusal."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import clnet
from clnet.core import dtypes as dt
from clnet.core.op import Op
from clnet.tensor import interchange
from tests.registry.cases import OPS, Sample, leaves, op_name, samples
from tests.registry.test_forward import REFUSALS


def without_dimensions(op: Op) -> list[Sample]:
    """The samples whose arrays all have elements, of each the first one."""
    return [sample.map(lambda a: a.reshape(-1)[0:1].reshape(()).copy()) for sample in samples(op)
            if sample.arrays() and all(a.size for a in sample.arrays())]


# Their references address memory themselves, beyond a single element.
ADDRESSED = {"as_strided", "as_strided_copy", "as_strided_scatter"}
CALLED = [op for op in OPS if op.reference is not None and op_name(op) not in ADDRESSED and without_dimensions(op)]


@pytest.mark.parametrize("op", CALLED, ids=op_name)
def test_scalars(op, device):
    for sample in without_dimensions(op):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = [np.asarray(x) for x in leaves([op.reference(*sample.args, **sample.kwargs)])]
        except (ValueError, IndexError, ArithmeticError, TypeError, AttributeError, np.linalg.LinAlgError):
            expected = None  # NumPy has no dimension 0 or -1 of these, PyTorch has
        call = sample.map(lambda a: interchange.upload(a, dt.from_numpy(a.dtype), device))
        try:
            with device, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = list(leaves([op(*call.args, **call.kwargs)]))
                clnet.synchronize(device)
        except (*REFUSALS, IndexError):
            continue
        if expected is None or op_name(op) in UNLIKE:
            continue
        text = f"{sample.args} {sample.kwargs}"
        assert len(got) == len(expected), text
        for x, y in zip(got, expected):
            if isinstance(x, clnet.Tensor):
                assert tuple(x.shape) == y.shape, text
                np.testing.assert_allclose(interchange.values(x), y, 1e-6, 1e-9, err_msg=text)


# NumPy gives these a dimension, or adds none, where PyTorch does otherwise.
UNLIKE = {"masked.cumsum", "masked.cumprod", "linalg.vander"}
