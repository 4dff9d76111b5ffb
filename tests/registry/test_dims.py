"""Dimensions out of range are refused with IndexError, whatever the operator."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

from clnet.core import dtypes as dt
from clnet.core.op import Op
from clnet.tensor import interchange
from tests.registry.cases import OPS, Sample, op_name, samples

NAMES = ("dim", "dims", "dim0", "dim1", "dim2", "axis", "dimension", "start_dim", "end_dim", "destination")
# The new dimension may also lie behind the last.
EXTENDING = {"stack", "unsqueeze", "diag_embed", "select_backward", "unsqueeze_copy"}
# They take all dimensions at once.
PERMUTING = {"permute", "permute_copy"}
# Its dims are numbers of copies.
COPYING = {"tile"}


def arguments(op: Op) -> list[str]:
    """The names of an operator's dimensions."""
    return [n for n in op.signature.parameters if n in NAMES]


def given(op: Op, name: str) -> Sample | None:
    """A sample that gives the dimension, or the first one."""
    found = [s for s in samples(op) if s.arrays() and s.arrays()[0].ndim and s.arrays()[0].size]
    for s in found:
        bound = op.signature.bind(*s.args, **s.kwargs).arguments
        if bound.get(name) is not None:
            return s
    return found[0] if found else None


def with_dim(op: Op, sample: Sample, name: str, dim: int) -> inspect.BoundArguments:
    """The sample's arguments with another dimension, in the form that it had."""
    if op.name in PERMUTING:
        x = sample.args[0]
        return op.signature.bind(x, (dim, *range(1, x.ndim)))
    bound = op.signature.bind(*sample.args, **sample.kwargs)
    old: Any = bound.arguments.get(name)
    if isinstance(old, (tuple, list)):
        bound.arguments[name] = _replaced(old, dim)
    else:
        bound.arguments[name] = dim
    return bound


def _replaced(old: Any, dim: int) -> Any:
    if old and isinstance(old[0], (tuple, list)):
        return (_replaced(old[0], dim), *old[1:])
    return type(old)((dim, *old[1:])) if old else (dim,)


def operands(op: Op, sample: Sample) -> int:
    """The number of dimensions that count."""
    return sample.arrays()[0].ndim + (op.name in EXTENDING)


CASES = [(op, name) for op in OPS if op.name not in COPYING for name in arguments(op)]


@pytest.mark.parametrize(("op", "name"), CASES, ids=lambda x: op_name(x) if isinstance(x, Op) else x)
def test_out_of_range(op, name, device):
    sample = given(op, name)
    if sample is None:
        pytest.skip("no operand has dimensions")
    n = operands(op, sample)
    tensors = sample.map(lambda a: interchange.upload(a, dt.from_numpy(a.dtype), device))
    for dim in (n, -n - 1):
        bound = with_dim(op, tensors, name, dim)
        with device, warnings.catch_warnings(), pytest.raises(IndexError) as caught:
            warnings.simplefilter("ignore")
            op(*bound.args, **bound.kwargs)
        assert "Dimension out of range (expected to be in range of [" in str(caught.value)
        assert f"but got {dim})" in str(caught.value)
