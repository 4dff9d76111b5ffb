"""What the registry's records don't say in words: found by sketching calls without computing them."""
from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import clnet
from clnet.core import dispatch
from clnet.core import dtypes as dt
from clnet.core.dtypes import DType
from clnet.core.errors import LinAlgError
from clnet.core.op import Op
from clnet.core.plan import Plan
from clnet.device import Device
from clnet.tensor import interchange
from clnet.tensor.eager import EagerInterpreter, describe

DTYPES = (dt.float32, dt.float64, dt.float16, dt.bfloat16, dt.complex64, dt.complex128, dt.bool_, dt.uint8, dt.int8,
          dt.int16, dt.int32, dt.int64)


class _Outline:
    """A plan that allocates results and computes nothing."""

    steps: tuple[Any, ...] = ()

    def __init__(self, plan: Plan) -> None:
        self.outputs, self.single = plan.outputs, plan.single


class Sketch(EagerInterpreter):
    """Calls are checked, planned and recorded for derivatives, but no element is computed."""

    def _plan(self, op: Op, operands: Any, attrs: Any, out: Any, device: Device, key: Any) -> Any:
        layouts = [describe(x, op) for x in operands]
        planned = tuple(t.layout for t in out) if out is not None else None
        assert op.plan is not None
        return _Outline(op.plan(layouts, attrs, device.caps, planned))


@dataclass(frozen=True)
class Sample:
    """Arguments of one call, with NumPy arrays in place of tensors."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def arrays(self) -> list[np.ndarray]:
        return [a for a in leaves((self.args, self.kwargs)) if isinstance(a, np.ndarray)]

    def map(self, change: Callable[[np.ndarray], Any]) -> Sample:
        """The same call with every array replaced."""
        return Sample(_mapped(self.args, change), _mapped(self.kwargs, change))

    @property
    def size(self) -> int:
        return sum(a.size for a in self.arrays())


def leaves(tree: Any) -> Iterator[Any]:
    """What nested tuples, lists and dicts hold, in order."""
    for item in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(item, (tuple, list, dict)):
            yield from leaves(item)
        else:
            yield item


def _mapped(tree: Any, change: Callable[[np.ndarray], Any]) -> Any:
    if isinstance(tree, dict):
        return {key: _mapped(value, change) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(_mapped(item, change) for item in tree)
    return change(tree) if isinstance(tree, np.ndarray) else tree


def samples(op: Op) -> list[Sample]:
    """The record's samples; for elementwise operators without any, three numbers per operand."""
    if op.samples is not None:
        return [Sample(tuple(args), dict(kwargs)) for args, kwargs in op.samples()]
    arity = sum(p.default is inspect.Parameter.empty for p in op.signature.parameters.values())
    low, high = op.domain
    if op.expression is not None and "float" in op.expression.refuses:
        return [Sample(tuple(np.array([5, 3, 6]) - i for i in range(arity)), {})]
    line = np.linspace(low, high, 7)
    return [Sample(tuple(np.roll(np.round(line[1:6:2], 2), i) for i in range(arity)), {})]


def example(op: Op) -> Sample:
    """The smallest sample that has something to show."""
    given = samples(op)
    return min((s for s in given if s.size > 1), default=given[0],
               key=lambda s: (any(a.dtype.kind == "c" for a in s.arrays()), s.size))


def _call(op: Op, sample: Sample, dtype: DType | None, tracked: int | None = None) -> tuple[list[Any], list[Any]]:
    """(tensors given, tensors returned) of a call on the host whose floats are of a dtype.

    ``tracked``: the array, by number, that asks for its gradient.
    """
    given: list[Any] = []

    def convert(array: np.ndarray) -> Any:
        kind, found = array.dtype.kind, dt.from_numpy(array.dtype)
        chosen = dtype if dtype is not None and (kind == "f" or kind in "iu" and integral) else found
        if kind == "c" and dtype is not None and dtype.is_inexact:
            chosen = dtype.to_complex()
        t = interchange.upload(array, found, HOST).to(chosen)
        if len(given) == tracked and chosen.is_inexact:
            t = t.detach().requires_grad_()
        given.append(t)
        return t

    integral = op.expression is not None and "float" in op.expression.refuses
    call = sample.map(convert)
    with HOST, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        got = op(*call.args, **call.kwargs)
    return given, [y for y in leaves([got]) if isinstance(y, clnet.Tensor)]


HOST = Device("host")
REFUSALS = (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError)


@dataclass(frozen=True)
class Facts:
    """About one operator.

    Attributes:
        results: of each dtype that it takes, the dtypes of its results.
        derivative: whether results follow the operands' derivatives.
        on_host_device: whether it also runs where there is no OpenCL.
    """

    results: dict[DType, tuple[DType, ...]]
    derivative: bool
    on_host_device: bool


def facts(op: Op) -> Facts:
    """What calls with the operator's example show."""
    sample = example(op)
    whole = _runs(op, sample)
    eager = dispatch.stack.top
    dispatch.stack.install(Sketch())
    try:
        return Facts(_results(op, sample), _differentiates(op, sample), whole)
    finally:
        dispatch.stack.install(eager)


def _runs(op: Op, sample: Sample) -> bool:
    integral = op.expression is not None and "float" in op.expression.refuses
    try:
        _call(op, sample, dt.int64 if integral else dt.float32)
    except NotImplementedError:
        return False
    return True


def _results(op: Op, sample: Sample) -> dict[DType, tuple[DType, ...]]:
    found = {}
    for dtype in DTYPES:
        try:
            found[dtype] = tuple(y.dtype for y in _call(op, sample, dtype)[1])
        except LinAlgError:
            found[dtype] = ()
        except REFUSALS:
            continue
    return found


def _differentiates(op: Op, sample: Sample) -> bool:
    """Whether some operand has a derivative."""
    return any(_differentiates_by(op, sample, i) for i in range(len(sample.arrays())))


def _differentiates_by(op: Op, sample: Sample, operand: int) -> bool:
    try:
        x, got = _call(op, sample, dt.float32, tracked=operand)
    except REFUSALS:
        return False
    tracked = [y for y in got if y.requires_grad]
    if not tracked:
        return False
    try:
        clnet.autograd.grad(tracked, x[operand:operand + 1], [clnet.zeros_like(y) for y in tracked],
                            allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        return isinstance(error, LinAlgError) or "not implemented" not in str(error)
    return True
