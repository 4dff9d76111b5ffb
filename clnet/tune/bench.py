"""Runs plans of one problem on a device: builds them, checks their results, times them."""
from __future__ import annotations

import math
import time
from typing import Any, Protocol

import numpy as np

from ..codegen.expr import from_storage, to_storage
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Number, Plan
from ..device import Device
from ..tensor import Tensor, interchange
from ..tensor.runner import Runner
from .problem import Problem

# A sample lasts at least so long, for the clock's sake.
SAMPLE_SECONDS = 2e-3
_MOST_CALLS = 200
_NUMBER = {"bool": True, "int": 2, "float": 0.5, "complex": 0.5 + 0.5j}


class Bench(Protocol):
    """Where plans are tried."""

    def load(self, plan: Plan) -> Any:
        """The plan made ready to run. Raises RuntimeError where it doesn't build."""

    def error(self, loaded: Any) -> str:
        """Run once; what is wrong with the results, "" if they are right."""

    def sample(self, loaded: Any) -> float:
        """Seconds of one run."""


class DeviceBench:
    """A device with the problem's operands, and the results that NumPy says."""

    def __init__(self, problem: Problem, device: Device) -> None:
        """Raises ValueError if the operator has no NumPy statement, or runs on the host here."""
        if problem.op.host is None or device.runtime.interprets:
            raise ValueError(f"{problem.op.name} on {device} has nothing to be checked by")
        rng = np.random.default_rng(0)
        self._device = device
        high = _indices_below(problem)
        made = [_operand(x, rng, device, high) for x in problem.operands]
        self._operands = [tensor for tensor, _ in made]
        self._expected = _reference(problem, [bits for _, bits in made])
        self._results: list[Tensor] = []
        self._initial = [made[i][1] for i in problem.written]
        self._calls = 0

    def load(self, plan: Plan) -> Runner:
        runner = Runner(plan, self._device)
        if not self._results:
            self._results = [Tensor.allocate(self._device, layout) for layout in plan.outputs]
        return runner

    def error(self, loaded: Runner) -> str:
        for k, y in enumerate(self._results):  # no-numbers, so that what is left unwritten is seen
            rubbish = np.full(y.layout.extent() * y.itemsize, 0xFF, np.uint8)
            _write(self._device, y, self._initial[k] if self._initial else rubbish)
        loaded(self._operands, self._results)
        self._device.synchronize()
        for k, (y, expected) in enumerate(zip(self._results, self._expected)):
            message = _difference(from_storage(interchange.bits(y), y.dtype), expected, y.dtype)
            if message:
                return f"result {k}: {message}" if len(self._results) > 1 else message
        return ""

    def sample(self, loaded: Runner) -> float:
        if not self._calls:
            self._calls = 1
            once = min(self.sample(loaded) for _ in range(3))
            self._calls = max(1, min(_MOST_CALLS, math.ceil(SAMPLE_SECONDS / max(once, 1e-9))))
        begin = time.perf_counter()
        for _ in range(self._calls):
            loaded(self._operands, self._results)
        self._device.synchronize()
        return (time.perf_counter() - begin) / self._calls


def _indices_below(problem: Problem) -> int:
    """Integers of the operands are below this, so that they may be indices."""
    if problem.op.family not in ("gather", "index", "scatter"):
        return 4
    first = problem.operands[0]
    shape = dict(problem.attrs).get("shape") or (first.shape if isinstance(first, Layout) else ())
    return max(1, min(shape, default=1))


def _operand(x: Layout | Number, rng: np.random.Generator, device: Device, high: int) -> tuple[Any, Any]:
    """A tensor of that layout with random elements, and its storage bits; or twice a number."""
    if isinstance(x, Number):
        return _NUMBER[x.kind], _NUMBER[x.kind]
    values: np.ndarray = rng.integers(0, 2 if x.dtype.kind == "bool" else high, x.extent())
    if x.dtype.is_inexact:
        values = rng.uniform(-1.0, 1.0, x.extent())
    bits = to_storage(values, x.dtype)
    flat = interchange.upload(bits, x.dtype, device)
    window = np.lib.stride_tricks.as_strided(bits, x.shape, [s * x.dtype.itemsize for s in x.strides])
    return Tensor.over(flat.storage, flat.offset, x), window


def _reference(problem: Problem, bits: list[Any]) -> list[np.ndarray]:
    arrays = [from_storage(a, x.dtype) if isinstance(x, Layout) and problem.op.kind != "expression" else a
              for a, x in zip(bits, problem.operands)]
    with np.errstate(all="ignore"):
        got = problem.op.host(arrays, list(problem.operands), dict(problem.attrs))  # type: ignore[misc]
    return [np.asarray(y) for y in (got if isinstance(got, tuple) else (got,))]


def _write(device: Device, y: Tensor, elements: np.ndarray) -> None:
    if elements.size:
        device.upload(y.storage.block, y.offset * y.itemsize - y.storage.block.offset, elements)


def _difference(got: np.ndarray, expected: np.ndarray, dtype: DType) -> str:
    """How two results differ; floats may in half of their digits, relative to the largest element.

    What errors in indexing, packing or splitting do is far larger, what another order of summation does
    far smaller.
    """
    if not got.size:
        return ""
    expected = np.broadcast_to(expected, got.shape)
    if not dtype.is_inexact:
        wrong = int((got != expected).sum())
        return f"{wrong} of {got.size} elements are wrong" if wrong else ""
    wide = np.complex128 if dtype.is_complex else np.float64
    ours, theirs = got.astype(wide), expected.astype(wide)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0.0, np.abs(ours - theirs))
    scale = float(np.abs(theirs).max(where=np.isfinite(theirs), initial=0.0))
    digits = {2: 2.0 ** -8 if dtype.name == "bfloat16" else 2.0 ** -11, 4: 2.0 ** -24, 8: 2.0 ** -53}
    allowed = max(scale, 1e-30) * digits[dtype.to_real().itemsize] ** 0.5
    if bool((off <= allowed).all()):  # NaN in one alone fails
        return ""
    return f"elements are off by up to {float(np.nanmax(off)) if not np.isnan(off).all() else math.nan:.3g}, " \
           f"the largest being {scale:.3g}"
