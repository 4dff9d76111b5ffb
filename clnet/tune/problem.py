"""One call of an operator, by layouts: what the tuner plans, runs and checks."""
from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType, dtype_named
from ..core.layout import Layout
from ..core.op import Op, registry
from ..core.plan import Number, Plan
from ..core.tunables import Trial
from ..kernels.pool import Windows
from ..kernels.resample import Axis
from ..ops.comparison import copy
from ..ops.declare import planners

_KINDS = ("bool", "int", "float", "complex")
# What attributes may be beside plain values.
_RECORDS = {"Windows": Windows, "Axis": Axis}


@dataclass(frozen=True)
class Problem:
    """An operator with the layouts of its operands and its attributes.

    Its text is what the database and the journal hold, and can be read back:

    >>> Problem.parse("_gemm(float32[64,32:32,1]; float32[32,8:8,1]) {}").text
    '_gemm(float32[64,32:32,1]; float32[32,8:8,1]) {}'
    """

    op: Op
    operands: tuple[Layout | Number, ...]
    attrs: tuple[tuple[str, Any], ...]
    written: tuple[int, ...] = ()

    @staticmethod
    def of(op: Op, operands: Sequence[Layout | Number], attrs: dict[str, Any],
           written: Sequence[int] = ()) -> Problem:
        """The problem of a call; its results take the place of the operands ``written``, if there are any."""
        return Problem(op, tuple(operands), tuple(attrs.items()), tuple(written))

    def plan(self, caps: DeviceCaps, trial: Trial | None = None) -> Plan:
        """The plan for a device, by a trial's values if one is given."""
        assert self.op.plan is not None
        out = tuple(self.operands[i] for i in self.written) or None
        with trial.running() if trial is not None else contextlib.nullcontext():
            return self.op.plan(list(self.operands), dict(self.attrs), caps, out)

    @property
    def text(self) -> str:
        """What ``parse`` reads. Raises ValueError for attributes that have no text."""
        attrs = {name: f"dtype:{v.name}" if isinstance(v, DType) else v for name, v in self.attrs}
        text = repr(attrs)
        try:
            same = _attributes(text) == attrs
        except (ValueError, SyntaxError):
            same = False
        if not same:
            raise ValueError(f"attributes of {self.op.name} cannot be written down: {text}")
        written = f" in place {','.join(map(str, self.written))}" if self.written else ""
        return f"{self.op.name}({'; '.join(map(_operand_text, self.operands))}) {text}{written}"

    @staticmethod
    def parse(text: str) -> Problem:
        """The problem that a text describes. Raises ValueError for what is none, or an unknown operator."""
        found = re.fullmatch(r"([\w.]+)\((.*?)\) (\{.*\})(?: in place ([\d,]+))?", text)
        if found is None:
            raise ValueError(f"not a problem: {text!r}")
        op = _op_named(found[1])
        operands = tuple(_operand(part) for part in found[2].split("; ") if part)
        try:
            attrs = _attributes(found[3])
            written = tuple(int(i) for i in (found[4] or "").split(",") if i)
        except (SyntaxError, ValueError, TypeError):
            raise ValueError(f"not a problem: {text!r}") from None
        if any(i >= len(operands) for i in written):
            raise ValueError(f"not a problem: {text!r}")
        return Problem(op, operands, tuple(
            (name, dtype_of(v[6:]) if isinstance(v, str) and v.startswith("dtype:") else v)
            for name, v in attrs.items()), written)


def _attributes(text: str) -> dict[str, Any]:
    """The dictionary that a text denotes: of literals, and of records by their fields."""
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.Dict):
        raise ValueError(text)
    return {ast.literal_eval(k): _value(v) for k, v in zip(node.keys, node.values)}  # type: ignore[arg-type]


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _RECORDS and not node.args:
        return _RECORDS[node.func.id](**{str(k.arg): ast.literal_eval(k.value) for k in node.keywords})
    return ast.literal_eval(node)


def dtype_of(name: str) -> DType:
    """The element type of that name. Raises ValueError if there is none."""
    try:
        return dtype_named(name)
    except KeyError:
        raise ValueError(f"no dtype {name!r}") from None


def _op_named(name: str) -> Op:
    for op in (*planners, copy, *registry):
        if op.name == name and op.plan is not None:
            return op
    raise ValueError(f"no operator {name!r} that makes plans")


def _operand_text(operand: Layout | Number) -> str:
    if isinstance(operand, Number):
        return operand.kind
    shape, strides = (",".join(map(str, values)) for values in (operand.shape, operand.strides))
    return f"{operand.dtype.name}[{shape}:{strides}]"


def _operand(text: str) -> Layout | Number:
    if text in _KINDS:
        return Number(text)
    found = re.fullmatch(r"(\w+)\[([\d,]*):([-\d,]*)\]", text)
    if found is None:
        raise ValueError(f"not an operand: {text!r}")
    shape, strides = (tuple(int(v) for v in part.split(",") if v) for part in (found[2], found[3]))
    if len(shape) != len(strides):
        raise ValueError(f"not an operand: {text!r}")
    return lay.make(shape, strides, dtype_of(found[1]))
