"""In-place methods and ``out=`` give what the plain call gives."""

from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.core import dtypes as dt
from clnet.core.dtypes import can_cast
from clnet.core.op import Op
from clnet.device import Device
from clnet.tensor import interchange
from clnet.tensor.methods import out_variant
from tests.registry.cases import OPS, Call, Case, op_name, prepare, samples


def first_case(op: Op) -> Case:
    """The first sample with elements, in float32 (int32 where floats are refused)."""
    sized = [s for s in samples(op) if any(a.size for a in s.arrays())]
    refuses = op.expression.refuses if op.expression is not None else ()
    return Case(op, sized[0], dt.int32 if "float" in refuses else dt.float32, "contiguous")


def ready(op: Op, device: Device) -> Call:
    return prepare(first_case(op), device, zeros=False)


@pytest.mark.parametrize("op", [op for op in OPS if op.inplace], ids=op_name)
def test_in_place(op, device):
    call = ready(op, device)
    plain = op(*call.tensors.args, **call.tensors.kwargs)
    target, *others = call.tensors.args
    if not can_cast(plain.dtype, target.dtype) and plain.dtype is not dt.bool_:
        pytest.skip(f"{plain.dtype} does not fit {target.dtype}")
    if plain.shape != target.shape:
        pytest.skip("the result is larger than the target")
    version = target._version
    returned = getattr(clnet.Tensor, f"{op.name}_")(target, *others, **call.tensors.kwargs)
    assert returned is target
    assert target._version == version + 1
    assert np.array_equal(interchange.values(target), interchange.values(plain).astype(target.dtype.storage),
                          equal_nan=True)


@pytest.mark.parametrize(
    "op", [op for op in OPS if op.function and op.kind != "view" and not op.random], ids=op_name)
def test_out(op, device):
    call = ready(op, device)
    plain = op(*call.tensors.args, **call.tensors.kwargs)
    if not isinstance(plain, clnet.Tensor):
        pytest.skip("several outputs")
    out = clnet.zeros(tuple(plain.shape), dtype=plain.dtype, device=device)
    version = out._version
    assert out_variant(op)(*call.tensors.args, out=out, **call.tensors.kwargs) is out
    assert out._version > version
    assert np.array_equal(interchange.bits(out), interchange.bits(plain))


@pytest.mark.parametrize("op", [op for op in OPS if op.inplace], ids=op_name)
def test_in_place_on_shared_memory(op, device):
    """Elements that share a place cannot each take a result."""
    call = ready(op, device)
    target, *others = call.tensors.args
    if op(*call.tensors.args, **call.tensors.kwargs).shape != target.shape or target.numel() < 2:
        pytest.skip("the result is larger than the target, or one element")
    d = next(d for d, n in enumerate(target.shape) if n > 1)
    shared = target.narrow(d, 0, 1).expand(target.shape)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor") as caught:
        getattr(clnet.Tensor, f"{op.name}_")(shared, *others, **call.tensors.kwargs)
    assert "clone()" in str(caught.value)


def test_filling_shared_memory(device):
    """One value for all of them is no conflict."""
    held = clnet.ones(3, device=device)
    held[:1].expand(4).fill_(2.5)
    held[1:].expand(3, 2).zero_()
    assert held.tolist() == [2.5, 0.0, 0.0]
