"""Calls that a reader can repeat, with what they give."""
from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

import clnet
from clnet.core import dtypes as dt
from clnet.core.dtypes import DType
from clnet.core.op import Op
from tools.op_facts import HOST, Sample, leaves, samples
from tools.op_facts import example as smallest

# Operands of more elements are made by a function, results of more are described by their shape.
_MOST_WRITTEN, _MOST_SHOWN = 16, 32


def path(op: Op) -> str:
    """The function's name as one calls it."""
    return ".".join(part for part in ("clnet", op.namespace, op.name) if part)


def example(op: Op, results: tuple[DType, ...]) -> list[str]:
    """Lines of a session: the call and its result, by the record's NumPy reference.

    Args:
        results: the dtypes of the results for float32 operands.
    """
    sample = _written(op, smallest(op))
    if op.random:
        values, several = _drawn(op, sample)
        return _by_shape(op, sample, [tuple(v.shape) for v in values], several)
    got = _reference(op, sample)
    several = isinstance(got, (tuple, list))
    values = [np.asarray(v) for v in leaves([got])]
    if len(values) != len(results):
        return [f">>> {_call(op, sample)}", repr(got)]
    # Signs and phases of factors are the library's choice.
    fixed = not (op.on_host and several) and "eig" not in op.name
    if not fixed or sum(v.size for v in values) > _MOST_SHOWN:
        return _by_shape(op, sample, [v.shape for v in values], several)
    shown = [_shown(v, d) for v, d in zip(values, results)]
    lines = [f">>> {_call(op, sample)}"]
    text = "({}{})".format(",\n ".join(re.sub(r"\n(?=.)", "\n ", s) for s in shown), "," * (len(shown) == 1))
    return lines + (text if several else shown[0]).split("\n")


def _shown(values: np.ndarray, dtype: DType) -> str:
    """A tensor's text, as on the device that the reader has chosen."""
    return re.sub(r",\s+device='host'", "", repr(clnet.tensor(_rounded(values), dtype=dtype, device=HOST)))


def _by_shape(op: Op, sample: Sample, found: list[tuple[int, ...]], several: bool) -> list[str]:
    sizes = ", ".join(f"clnet.Size({list(shape)})" for shape in found)
    call = _call(op, sample)
    return [f">>> [x.shape for x in {call}]", f"[{sizes}]"] if several else [f">>> {call}.shape", sizes]


def _drawn(op: Op, sample: Sample) -> tuple[list[clnet.Tensor], bool]:
    """What a call draws, for its shapes, and whether it gives several."""
    with HOST:
        call = sample.map(lambda a: clnet.tensor(a))
        got = op(*call.args, **call.kwargs)
    return list(leaves([got])), isinstance(got, (tuple, list))


def _reference(op: Op, sample: Sample) -> Any:
    assert op.reference is not None
    with np.errstate(all="ignore"):
        return op.reference(*sample.args, **sample.kwargs)


def _written(op: Op, sample: Sample) -> Sample:
    """A sample of numbers that can be written down: few digits, or evenly spaced."""
    def change(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind not in "fc":
            return array
        if array.size > _MOST_WRITTEN and array.dtype.kind == "f" and op.family != "linalg":
            return _spaced(array.shape)
        return np.asarray(np.round(array, 2))
    changed = sample.map(change)
    if op.reference is None:
        return changed
    try:
        got = [np.asarray(v) for v in leaves([_reference(op, changed)])]
    except (ValueError, ArithmeticError, IndexError, np.linalg.LinAlgError):
        return sample
    return sample if any(v.dtype.kind == "f" and np.isnan(v).any() for v in got) else changed


def _spaced(shape: tuple[int, ...]) -> np.ndarray:
    return np.linspace(-1, 1, int(np.prod(shape))).reshape(shape)


def _call(op: Op, sample: Sample) -> str:
    given = [_literal(a) for a in sample.args]
    named = [f"{k}={_literal(v)}" for k, v in sample.kwargs.items()]
    if op.function:
        return f"{path(op)}({', '.join(given + named)})"
    return f"{given[0]}.{op.name}({', '.join(given[1:] + named)})"


def _literal(value: Any) -> str:
    """Python text of an argument."""
    if isinstance(value, (tuple, list)):
        inside = ", ".join(_literal(v) for v in value)
        if isinstance(value, list):
            return f"[{inside}]"
        return f"({inside}{',' * (len(value) == 1)})"
    if isinstance(value, DType):
        return repr(value)
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if not isinstance(value, np.ndarray):
        return repr(value)
    if value.size > _MOST_WRITTEN and value.dtype.kind == "f" and np.array_equal(value, _spaced(value.shape)):
        return f"clnet.linspace(-1, 1, {value.size}).reshape({', '.join(map(str, value.shape))})"
    found = dt.from_numpy(value.dtype)
    plain = {dt.float64: dt.float32, dt.complex128: dt.complex64}.get(found, found)
    implied = plain in (dt.float32, dt.complex64, dt.int64, dt.bool_) and value.size > 0
    shape = f".reshape{value.shape}" if value.size == 0 and value.ndim > 1 else ""
    return f"clnet.tensor({_numbers(value)}{'' if implied else f', dtype={plain!r}'}){shape}"


def _numbers(array: np.ndarray) -> str:
    if array.ndim:
        return "[]" if not array.size else f"[{', '.join(_numbers(a) for a in array)}]"
    value = array.item()
    if value != value or value in (np.inf, -np.inf):
        return f"float('{value}')"
    return f"{value:g}" + "." * (value == int(value)) if isinstance(value, float) else repr(value)


def _rounded(values: np.ndarray) -> np.ndarray:
    """Eight digits, so that another machine's last bit does not show."""
    if values.dtype.kind == "c":
        return _rounded(values.real) + 1j * _rounded(values.imag)
    if values.dtype.kind != "f":
        return values
    largest = np.max(np.abs(values[np.isfinite(values)]), initial=0)
    with np.errstate(all="ignore"):
        kept = np.where((np.abs(values) < 1e-7 * largest) & (largest > 1e-30), 0.0 * values, values)
    return np.vectorize(lambda v: float(f"{v:.8g}"), otypes=["float64"])(kept)


def shapes(op: Op) -> list[str]:
    """The samples' arguments, tensors by their shapes, and the results' shapes: ``(3, 4), dim=1 -> (3,)``."""
    found: dict[str, None] = {}
    for sample in samples(op):
        if op.reference is None or not sample.size or not sample.arrays():
            continue
        got = [np.shape(v) for v in leaves([_reference(op, sample)])]
        given = [_outline(a) for a in sample.args] + [f"{k}={_outline(v)}" for k, v in sample.kwargs.items()]
        found[f"{', '.join(given)} -> {', '.join(map(str, got))}"] = None
    return list(found)[:3]


def _outline(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.shape)
    if isinstance(value, (tuple, list)) and any(isinstance(v, np.ndarray) for v in leaves(value)):
        return f"[{', '.join(_outline(v) for v in value)}]"
    return _literal(value)
