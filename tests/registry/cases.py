"""What every operator is run on: its samples, in every dtype and every kind of layout."""

from __future__ import annotations

import inspect
import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import clnet
from clnet.codegen.expr import from_storage, to_storage
from clnet.core import dtypes as dt
from clnet.core import layout as lay
from clnet.core.dtypes import DType
from clnet.core.op import Op, registry
from clnet.device import Device, current_device
from clnet.tensor import interchange

OPS = list(registry)
DTYPES = (dt.float32, dt.float64, dt.float16, dt.bfloat16, dt.int64, dt.int32, dt.int16, dt.int8,
          dt.uint8, dt.bool_)
# Of each pair an operator meets one on PoCL and the other elsewhere: a kernel costs a tenth of a
# second, and there are thousands.
EITHER = ((dt.float16, dt.bfloat16), (dt.int32, dt.int16), (dt.int8, dt.uint8))
LAYOUTS = ("contiguous", "transposed", "stepped", "expanded", "shifted", "overlapping")
# Element counts: one vector of 16 and a tail, several vectors, none, one.
_SHAPES = {
    1: (((3, 37),), ((5,),), ((),), ((0,),)),
    2: (((3, 37), (3, 37)), ((3, 37), (37,)), ((3, 1), (1, 4)), ((5,), ()), ((), ()), ((0,), (0,))),
    3: (((3, 37), (3, 37), (3, 37)), ((3, 4), (4,), ())),
}
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0)


def op_name(op: Op) -> str:
    """The path below ``clnet.``."""
    return f"{op.namespace}.{op.name}" if op.namespace else op.name


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


def leaves(tree: Any) -> Iterator[Any]:
    """What nested tuples, lists and dicts hold, in order."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, (tuple, list)):
        for item in tree:
            yield from leaves(item)
    else:
        yield tree


def _mapped(tree: Any, change: Callable[[np.ndarray], Any]) -> Any:
    if isinstance(tree, dict):
        return {key: _mapped(value, change) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(_mapped(item, change) for item in tree)
    return change(tree) if isinstance(tree, np.ndarray) else tree


def samples(op: Op) -> list[Sample]:
    """The operator's own samples, or for regular elementwise ones generated samples."""
    if op.samples is not None:
        return [Sample(tuple(args), dict(kwargs)) for args, kwargs in op.samples()]
    if op.kind != "expression":
        return []
    arity = sum(p.default is inspect.Parameter.empty for p in op.signature.parameters.values())
    rng = np.random.default_rng(zlib.crc32(op.name.encode()))
    low, high = op.domain
    made = [Sample(tuple(np.asarray(rng.uniform(low, high, s)) for s in shapes), {})
            for shapes in _SHAPES[arity]]
    if arity == 2 and not (op.expression is not None and op.expression.tensors):
        number: float = rng.uniform(low, high)
        integral = op.expression is not None and "float" in op.expression.refuses
        made.append(Sample((rng.uniform(low, high, (3, 37)), 3 if integral else number), {}))
    return made


@dataclass(frozen=True)
class Case:
    """One call with a dtype and a layout; ``dtype`` None leaves the sample's own dtypes.

    ``special`` mixes values into the data at which arithmetic ends: see ``season``.
    """

    op: Op
    sample: Sample
    dtype: DType | None
    layout: str
    special: bool = False

    def __str__(self) -> str:
        shapes = [f"{a.dtype}{list(a.shape)}" for a in self.sample.arrays()]
        return f"{self.op.name}({', '.join(shapes)}) as {self.dtype}, {self.layout}, {self.sample.kwargs}"


def _varies(op: Op, array: np.ndarray) -> bool:
    """Whether an array is data, whose dtype is varied; others are indices and masks."""
    integral = op.expression is not None and "float" in op.expression.refuses
    return array.dtype.kind == "f" or (integral and array.dtype.kind in "iu")


def thorough(op: Op, full: bool) -> list[Sample]:
    """The samples that are also run in float64 and differentiated.

    Each costs several kernels, so of generated samples those stay out whose operands differ in
    rank: the others broadcast too.
    """
    every = samples(op)
    if full or op.samples is not None:
        return every
    return [s for s in every if len({a.ndim for a in s.arrays()}) == 1]


def forward_cases(op: Op, full: bool) -> list[Case]:
    """The thorough samples in float64; dtypes and layouts in pairs that go round over the operators.

    With ``full``, every sample in every dtype and layout.
    """
    every = samples(op)
    varied = [s for s in every if any(_varies(op, a) for a in s.arrays())]
    cases = [Case(op, s, None, "contiguous") for s in every if not any(_varies(op, a) for a in s.arrays())]
    if full:
        return cases + [Case(op, *c) for c in itertools.product(varied, DTYPES, LAYOUTS)]
    kept = thorough(op, full)
    cases += [Case(op, s, dt.float64, "contiguous") for s in kept if any(_varies(op, a) for a in s.arrays())]
    if not varied:
        return cases
    turn = zlib.crc32(op.name.encode())
    sized = [s for s in varied if any(a.size for a in s.arrays())]
    side = (turn + ("portable" in current_device().caps.platform.lower())) % 2
    left_out = {pair[side] for pair in EITHER}
    for k, dtype in enumerate(d for d in DTYPES if d not in left_out):
        cases.append(Case(op, sized[k % len(sized)], dtype, LAYOUTS[(turn + k) % len(LAYOUTS)]))
    return cases


def special_case(op: Op) -> Case | None:
    """Every pair of special values, for elementwise operators of one or two floating operands."""
    first = next(iter(samples(op)), None)
    if op.expression is None or first is None or "float" in op.expression.refuses:
        return None
    arrays = first.arrays()
    if len(arrays) != len(first.args) or len(arrays) > 2 or any(a.dtype.kind != "f" for a in arrays):
        return None
    grid = np.meshgrid(*[np.array(SPECIAL)] * len(arrays), indexing="ij")
    return Case(op, Sample(tuple(g.ravel() for g in grid), first.kwargs), dt.float32, "contiguous")


def cast(array: np.ndarray, dtype: DType, zeros: bool) -> np.ndarray:
    """Storage bits of an array's values brought into the range of a dtype."""
    if dtype.kind == "bool":
        array = array > np.median(array) if array.size else array
    elif dtype.kind == "int" and array.dtype.kind == "f":
        array = np.trunc(np.nan_to_num(array, posinf=9, neginf=-9) * 3)
        if not dtype.is_signed:
            array = np.abs(array)
        if not zeros:
            array = np.where(array == 0, 1, array)
    return np.asarray(to_storage(np.asarray(array), dtype))


def extremes(dtype: DType) -> np.ndarray:
    """Storage bits of what a type holds at its ends, and around zero."""
    if dtype.kind == "bool":
        return np.array([False, True])
    if dtype.kind == "int":
        ends = np.iinfo(dtype.storage)
        return np.array([v for v in (ends.min, ends.max, ends.max - 1, ends.max // 2, 1, 2, 7, -1)
                         if v >= ends.min], dtype.storage)
    # No cube of these overflows float32: sums of them would hang on the order of the terms.
    finite = (0.0, -0.0, 1.0, -2.5, 1e-40, -1e-40, 1e12, -1e12, 6e4)
    with np.errstate(over="ignore"):
        return np.asarray(to_storage(np.array((np.nan, np.inf, -np.inf, *finite)), dtype))


def season(bits: np.ndarray, dtype: DType, salt: int) -> np.ndarray:
    """Storage bits with a third of the elements replaced by extremes."""
    rng = np.random.default_rng(salt)
    chosen = extremes(dtype)[rng.integers(len(extremes(dtype)), size=bits.shape)]
    return np.asarray(np.where(rng.random(bits.shape) < 0.35, chosen, bits), bits.dtype)


def place(bits: np.ndarray, dtype: DType, layout: str, device: Device) -> clnet.Tensor:
    """A tensor of these elements, arranged in memory as ``layout`` says, junk between them.

    Elements that share a place are equal.
    """
    shape = bits.shape
    if layout == "transposed":
        strides = tuple(reversed(lay.contiguous_strides(tuple(reversed(shape)))))
        start = 0
    elif layout == "stepped":
        strides = tuple(2 * s for s in lay.contiguous_strides(tuple(2 * n for n in shape)))
        start = 1
    elif layout == "expanded" and shape:
        strides = (0, *lay.contiguous_strides(shape[1:]))
        start = 0
    elif layout == "overlapping":
        strides, start = (1,) * len(shape), 1
    else:
        strides, start = lay.contiguous_strides(shape), 3 * (layout == "shifted")
    layout_ = lay.make(shape, strides, dtype)
    base = np.full(start + max(layout_.extent(), 1) + 5, 1, dtype.storage)
    if bits.size:
        window = np.lib.stride_tricks.as_strided(
            base[start:], shape, tuple(s * base.itemsize for s in strides))
        window[...] = bits
    held = interchange.upload(base, dtype, device)
    return clnet.Tensor.over(held.storage, held.offset + start, layout_)


def windows(array: np.ndarray) -> np.ndarray:
    """An array of the same shape whose elements are those of one line, at the sum of their indices."""
    line = array.ravel()
    return np.lib.stride_tricks.as_strided(line, array.shape, (line.itemsize,) * array.ndim)


@dataclass
class Call:
    """A case made ready: the tensors, and their values for the reference."""

    tensors: Sample
    values: Sample
    bits: list[np.ndarray]

    def unmodified(self) -> bool:
        """Whether the operands still hold what they were given."""
        now = [interchange.bits(t) for t in self.inputs()]
        return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(now, self.bits))

    def inputs(self) -> list[clnet.Tensor]:
        return [t for t in leaves((self.tensors.args, self.tensors.kwargs)) if isinstance(t, clnet.Tensor)]


def prepare(case: Case, device: Device, zeros: bool = True) -> Call:
    """Tensors on the device, and the values that they hold (floats in float64)."""
    bits: list[np.ndarray] = []
    values: list[np.ndarray] = []

    def convert(array: np.ndarray) -> clnet.Tensor:
        varies = case.dtype is not None and _varies(case.op, array)
        dtype = case.dtype if varies and case.dtype is not None else dt.from_numpy(array.dtype)
        stored = cast(array, dtype, zeros) if varies else array
        if case.special and varies:
            stored = season(stored, dtype, zlib.crc32(op_name(case.op).encode()) + len(bits))
        layout = case.layout if varies else "contiguous"
        if layout == "expanded" and stored.ndim and stored.size:
            stored = np.broadcast_to(stored[:1], stored.shape)
        elif case.layout == "overlapping" and stored.ndim and stored.size:
            stored = windows(stored)
        held = from_storage(np.ascontiguousarray(stored).reshape(stored.shape), dtype)
        bits.append(np.array(stored))
        values.append(held.astype(np.float64) if dtype.is_floating_point else held)
        return place(stored, dtype, layout, device)

    tensors = case.sample.map(convert)
    order = iter(values)
    return Call(tensors, case.sample.map(lambda _: next(order)), bits)
