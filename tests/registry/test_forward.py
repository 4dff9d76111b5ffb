"""Results equal the NumPy reference, in every dtype and layout, and operands are left alone."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import pytest

import clnet
from clnet.codegen.expr import from_storage, to_storage
from clnet.core import dtypes as dt
from clnet.core.dtypes import DType
from clnet.core.errors import BuildError, LinAlgError
from clnet.device import Device
from clnet.tensor import interchange
from tests.registry.cases import OPS, Call, Case, forward_cases, leaves, op_name, prepare, special_case

TOLERANCE = {dt.float64: 1e-9, dt.float32: 3e-5, dt.float16: 4e-3, dt.bfloat16: 3e-2}
# What operators raise, at the call, for elements they are not defined for.
REFUSALS = (RuntimeError, TypeError, ValueError, NotImplementedError)

every_op = pytest.mark.parametrize("op", [op for op in OPS if op.reference is not None], ids=op_name)


@every_op
def test_forward(op, device, full):
    problems = []
    worked = 0
    for case in forward_cases(op, full):
        outcome = check(case, device)
        worked += outcome == ""
        if outcome:
            problems.append(f"{case}: {outcome}")
    assert not problems, "\n".join(problems)
    assert worked, "no case ran"


@pytest.mark.parametrize(
    "case", [c for op in OPS if op.reference is not None and (c := special_case(op))],
    ids=lambda case: op_name(case.op))
def test_special_values(case, device):
    """NaN, infinities and signed zeros behave as NumPy's."""
    assert check(case, device) == ""


def run(case: Case, device: Device, zeros: bool = True) -> tuple[Call, Any]:
    """The prepared call and its outputs, or the exception that refused it."""
    call = prepare(case, device, zeros)
    with device, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # advice on arguments, as PyTorch gives it
        try:
            return call, case.op(*call.tensors.args, **call.tensors.kwargs)
        except REFUSALS as error:
            return call, error


def check(case: Case, device: Device) -> str | None:
    """Why the case fails; "" if it passes; None if there is nothing to compare."""
    call, got = run(case, device)
    if isinstance(got, RuntimeError) and "ZeroDivisionError" in str(got):  # the host raises at once
        call, got = run(case, device, zeros=False)
    if isinstance(got, Exception):
        return None if may_refuse(case, got) else f"raised {type(got).__name__}: {got}"
    try:
        expected = reference(case, call, got, strict=True)
    except FloatingPointError:  # an integer division by zero: again, without zeros
        with contextlib.suppress(RuntimeError):
            device.synchronize()
        call, got = run(case, device, zeros=False)
        expected = reference(case, call, got)
    if expected is None:
        with contextlib.suppress(RuntimeError):
            device.synchronize()
        return None
    outputs, wanted = list(leaves(got)), list(leaves(expected))
    if len(outputs) != len(wanted):
        return f"{len(outputs)} outputs, the reference has {len(wanted)}"
    for output, want in zip(outputs, wanted):
        if not isinstance(output, clnet.Tensor):
            if output != want:
                return f"got {output!r}, expected {want!r}"
            continue
        problem = compare(case, call, output, np.asarray(want))
        if problem:
            return problem
    return "" if call.unmodified() else "it changed its operands"


def reference(case: Case, call: Call, got: Any, strict: bool = False) -> Any:
    """The reference's result; None where NumPy refuses integers.

    Raises:
        FloatingPointError: with ``strict``, on an integer division by zero.
    """
    values = call.values
    first = got[0] if isinstance(got, (tuple, list)) else got
    if not isinstance(first, clnet.Tensor):
        return case.op.reference(*values.args, **values.kwargs)
    if is_int(case.dtype) and not first.dtype.is_floating_point and any(
            isinstance(v, float) for v in case.sample.kwargs.values()):
        return None  # the number is truncated as the elements' type is, which NumPy does not
    if is_int(case.dtype) and first.dtype.is_floating_point:
        # NumPy computes small integers in float16, clnet in float32.
        values = values.map(lambda a: a.astype(np.float64) if a.dtype.kind in "iub" else a)
    elif is_int(case.dtype):
        strict = strict and case.dtype is not dt.bool_
    with np.errstate(all="ignore"), np.errstate(
            divide="raise" if strict and is_int(case.dtype) and not first.dtype.is_floating_point else "ignore"):
        try:
            return case.op.reference(*values.args, **values.kwargs)
        except (TypeError, ValueError):
            if not is_int(case.dtype):
                raise
            return None


def is_int(dtype: DType | None) -> bool:
    return dtype is not None and not dtype.is_floating_point


def may_refuse(case: Case, error: Exception) -> bool:
    """Whether an operator may be undefined for the case's elements or layout."""
    if case.dtype is None or isinstance(error, BuildError):
        return False
    if case.layout != "contiguous" and str(error).startswith("view size is not compatible"):
        return True
    if case.op.family == "linalg" and case.dtype in (dt.float16, dt.bfloat16):
        return True  # factorizations have no types of 16 bits
    if case.layout in ("expanded", "overlapping") and isinstance(error, LinAlgError):
        return True  # a matrix whose rows are equal, or not positive
    if case.op.family == "fft" and case.dtype in (dt.float16, dt.bfloat16):
        return True  # as in PyTorch on CPUs
    if case.op.family == "complex" or (case.op.expression is not None and case.op.expression.part == "complex"):
        return True  # pairs have to lie together, and complex numbers of 16-bit parts do not exist
    refuses = case.op.expression.refuses if case.op.expression is not None else ("int", "bool")
    return case.dtype.kind in refuses or (case.dtype.kind != "float" and "float" not in refuses)


def compare(case: Case, call: Call, output: clnet.Tensor, want: np.ndarray) -> str:
    """Why an output differs from the reference's, or ""."""
    if tuple(output.shape) != want.shape:
        return f"shape {list(output.shape)}, expected {list(want.shape)}"
    problem = wrong_dtype(case, call, output.dtype, want)
    if problem:
        return problem
    got = interchange.values(output)
    if output.dtype.is_complex:
        tolerance = TOLERANCE[output.dtype.to_real()]
        return "" if np.allclose(got, want, tolerance, tolerance, equal_nan=True) else f"got {got}, expected {want}"
    if not output.dtype.is_floating_point:
        if want.dtype.kind == "f":
            want = np.trunc(want)
        same = np.array_equal(got, want.astype(got.dtype))
    else:
        # What the dtype cannot hold is infinite in both; the reference of integers is float64 too.
        want = np.asarray(from_storage(to_storage(want.astype(np.float64), output.dtype), output.dtype))
        tolerance = max(TOLERANCE[output.dtype], TOLERANCE.get(case.dtype or output.dtype, 0))
        same = np.allclose(got.astype(np.float64), want.astype(np.float64), tolerance, tolerance, equal_nan=True)
    return "" if same else f"{first_difference(got, want)}"


def first_difference(got: np.ndarray, want: np.ndarray) -> str:
    """The place where two arrays differ most."""
    with np.errstate(all="ignore"):
        apart = np.abs(got.astype(np.float64) - want.astype(np.float64))
    apart = np.where(np.isnan(got.astype(np.float64)) != np.isnan(want.astype(np.float64)), np.inf, apart)
    place = np.unravel_index(np.argmax(np.nan_to_num(apart, nan=0.0, posinf=np.inf)), apart.shape)
    return f"got {got[place]!r}, expected {want[place]!r} at {tuple(map(int, place))} of {list(got.shape)}"


def wrong_dtype(case: Case, call: Call, found: DType, want: np.ndarray) -> str:
    """Why the result's dtype is not PyTorch's, or ""."""
    if case.dtype is None or "dtype" in case.sample.kwargs or any(a.dtype.kind == "c" for a in case.sample.arrays()):
        return ""
    if case.op.name in DOUBLE:
        return "" if found is dt.float64 else f"dtype {found}, expected float64"
    expression = case.op.expression
    if expression is not None and case.op.name not in KEEPS_FIRST:
        operands, attrs = case.op.bind(*call.tensors.args, **call.tensors.kwargs)
        operands = [x for i, x in enumerate(operands) if i not in expression.conditions]
        promotion = expression.promotion(attrs) if callable(expression.promotion) else expression.promotion
        computed = PROMOTIONS[promotion](dt.result_type(
            [(x.dtype, x.ndim) for x in operands if isinstance(x, clnet.Tensor)],
            [x for x in operands if not isinstance(x, clnet.Tensor)]))
        expected = {"real": computed.to_real(), "complex": computed.to_complex()}.get(expression.part, computed)
        return "" if found is expected else f"dtype {found}, expected {expected}"
    if want.dtype.kind == "c":
        right = found.is_complex
    elif want.dtype.kind == "b":
        right = found is dt.bool_ or not case.dtype.is_floating_point
    elif want.dtype.kind in "iu":
        right = found.kind == "int" or case.dtype is dt.bool_
    else:
        right = found is (case.dtype if case.dtype.is_floating_point else dt.get_default_dtype())
        right |= not found.is_floating_point and is_int(case.dtype)
    return "" if right else f"dtype {found} from {case.dtype}; the reference has {want.dtype}"


PROMOTIONS = {
    "default": lambda d: d,
    "int_to_float": lambda d: d if d.is_inexact else dt.get_default_dtype(),
    "always_bool": lambda d: dt.bool_,
    "bool_to_int": lambda d: dt.int64 if d is dt.bool_ else d,
}
# The result is float64 whatever the operands are.
DOUBLE = {"float_power"}
# The result has the first operand's dtype whatever the number written into it.
KEEPS_FIRST = {"masked_fill"}
