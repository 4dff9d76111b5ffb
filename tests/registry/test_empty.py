"""Operators on tensors without elements: the reference's shapes, or PyTorch's refusal."""

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


def emptied(op: Op) -> list[Sample]:
    """The samples with nothing left along the first, or the last, dimension that all arrays share."""
    found = []
    for sample in samples(op):
        arrays = sample.arrays()
        if not arrays or not all(a.ndim and a.size for a in arrays):
            continue
        if len({a.shape[0] for a in arrays}) == 1:
            found.append(sample.map(lambda a: a[:0].copy()))
        if len({a.shape[-1] for a in arrays}) == 1:
            found.append(sample.map(lambda a: a[..., :0].copy()))
    return found


@pytest.mark.parametrize("op", [op for op in OPS if op.reference is not None and emptied(op)], ids=op_name)
def test_empty(op, device):
    for sample in emptied(op):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = [np.asarray(x) for x in leaves([op.reference(*sample.args, **sample.kwargs)])]
        except (ValueError, IndexError, ArithmeticError, TypeError, np.linalg.LinAlgError):
            expected = None
        call = sample.map(lambda a: interchange.upload(a, dt.from_numpy(a.dtype), device))
        text = f"{[a.shape for a in sample.arrays()]} {sample.kwargs}"
        try:
            with device, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = list(leaves([op(*call.args, **call.kwargs)]))
        except (*REFUSALS, IndexError):
            continue  # nothing to choose from, or sizes that cannot be: NumPy allows more than PyTorch
        if expected is None or op_name(op) in UNLIKE:
            continue
        assert [tuple(x.shape) for x in got if isinstance(x, clnet.Tensor)] == [
            x.shape for x, y in zip(expected, got) if isinstance(y, clnet.Tensor)], text
        for x, y in zip(got, expected):
            if isinstance(x, clnet.Tensor):
                np.testing.assert_allclose(interchange.values(x), y, 1e-6, 1e-9, err_msg=text)


# Their references have no elements to begin with, or no columns.
UNLIKE = {"masked.sum", "masked.prod", "masked.logsumexp", "combinations"}
