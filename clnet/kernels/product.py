"""What a matrix product is, and what plans of all device classes share: arguments, epilogue, partial sums."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..codegen.expr import Arg, Expr, cast
from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Result, ScalarOperand, Temporary
from ..core.tunables import Choice, Family

# Tunables.  K elements below which a sum is not split; CPU class: work-items per unit, and elements up to
# which one work-item does everything, since waking another thread costs more.
SPLIT_K = 512
CPU_WORKERS_PER_UNIT = 8
CPU_GRAIN = 1 << 14

INDEX_LIMIT = 1 << 31


@dataclass(frozen=True)
class Matrix:
    """A stack of matrices in memory: strides per batch dimension, between rows and columns."""

    arg: Any
    dtype: DType
    batch: tuple[int, ...]
    row: int
    column: int

    @property
    def transposed(self) -> Matrix:
        return replace(self, row=self.column, column=self.row)


@dataclass(frozen=True)
class Windows:
    """How the second factor is gathered from planes, for products that are convolutions (GPU class).

    Its element (k, n) lies at the sum of what k and n contribute, and is zero where one of the summed
    coordinates leaves the plane. Both indices count an outer dimension and three axes.
    """

    axes: str
    """The axes along which windows move, of "dhw"."""
    scalars: dict[str, int]
    along_k: bool
    """Elements of a plane follow one another along k."""
    a_run: int
    """Elements of the first factor that follow one another along k before a jump; 0 where none do."""
    a_jumps: bool
    """The first factor has jumps along k."""
    y_run: int
    """Columns of the result that follow one another in memory before a jump; 0 where none do."""
    summed: Product | None
    """How partial sums, in temporary 0, are added; None where they may not be."""

    @property
    def straight(self) -> Windows:
        """The same for a result whose columns follow one another."""
        s = self.scalars
        steps = {"y_outer": s["n_d"] * s["n_h"] * s["n_w"], "y_d": s["n_h"] * s["n_w"], "y_h": s["n_w"], "y_w": 1}
        return replace(self, scalars=s | steps, y_run=0)


@dataclass(frozen=True)
class Product:
    """One call: sizes, the factors, the result, and what the epilogue reads."""

    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    a: Matrix
    b: Matrix
    y: Matrix
    extras: tuple[Matrix, ...]
    numbers: tuple[ScalarOperand, ...]
    epilogue: Expr
    accumulate: DType
    index: str
    windows: Windows | None = None
    tf32: bool = False
    """Factors in float32 may be rounded to TensorFloat-32."""

    @staticmethod
    def of(batch: Sequence[int], m: int, n: int, k: int, matrices: Sequence[Matrix], accumulate: DType,
           index: str, numbers: tuple[ScalarOperand, ...] = ()) -> Product:
        """The product of ``matrices`` a, b, y and optionally c, with its batch dimensions merged."""
        sizes, steps = lay.collapse(batch, [x.batch for x in matrices])
        if sizes == [1]:
            sizes, steps = [], [[] for _ in matrices]
        a, b, y, *extras = (replace(x, batch=tuple(st)) for x, st in zip(matrices, steps))
        value: Expr = Arg(0, accumulate)
        if extras:
            c = cast(Arg(1, register_dtype(extras[0].dtype)), accumulate)
            if numbers:
                beta, alpha = Arg(2, accumulate), Arg(3, accumulate)
                value, c = value * alpha, c * beta
            value = value + c
        return Product(tuple(sizes), m, n, k, a, b, y, tuple(extras), numbers,
                       cast(value, register_dtype(y.dtype)), accumulate, index)

    @property
    def transposed(self) -> Product:
        """The same product as y' = b' a'."""
        return replace(self, m=self.n, n=self.m, a=self.b.transposed, b=self.a.transposed,
                       y=self.y.transposed, extras=tuple(e.transposed for e in self.extras))


def accumulator(dtype: DType) -> DType:
    """The type in which products are summed; narrow integers wrap the same way in int32."""
    if dtype.kind == "int" and dtype.itemsize < 4:
        return dt.int32
    return register_dtype(dtype)


class Arguments:
    """Collects a kernel's buffers and its named integers."""

    def __init__(self, index: str) -> None:
        self.index = index
        self.buffers: list[Any] = []
        self.numbers: list[ScalarOperand] = []
        self.scalars: dict[str, int] = {}

    def matrix(self, name: str, matrix: Matrix) -> None:
        self.buffers.append(matrix.arg)
        self.scalars[f"{name}_m"], self.scalars[f"{name}_n"] = matrix.row, matrix.column
        for d, stride in enumerate(matrix.batch):
            self.scalars[f"{name}_b{d}"] = stride

    def launch(self, template: str, params: dict[str, Any], local: int, size: int) -> Launch:
        number = "uint32" if self.index == "uint" else "uint64"
        types = [None, "uint64"] * len(self.buffers) + [s.dtype.storage.name for s in self.numbers]
        spec = KernelSpec(template, template,
                          (*params.items(), ("index_type", self.index), ("scalars", tuple(self.scalars))),
                          (local,), (*types, *[number] * len(self.scalars)))
        return Launch(spec, (size,), (*self.buffers, *self.numbers, *self.scalars.values()))


def epilogue_parameters(p: Product, args: Arguments) -> dict[str, Any]:
    """Parameters of the shared epilogue; its operands join the arguments after the result."""
    for i, e in enumerate(p.extras):
        args.matrix(f"x{i}", e)
    args.numbers += p.numbers
    return {"extras": tuple((e.dtype, stride_class(e.column)) for e in p.extras),
            "number_types": tuple(s.dtype for s in p.numbers), "epilogue": p.epilogue,
            "y_dtype": p.y.dtype, "y_class": stride_class(p.y.column)}


def stride_class(stride: int) -> str:
    """"b" (broadcast), "u" (unit) or "s" (strided)."""
    return "b" if stride == 0 else "u" if stride == 1 else "s"


def batch_scalars(p: Product, args: Arguments) -> int:
    """How many products the batch holds; its sizes join the arguments."""
    for d, size in enumerate(p.batch):
        args.scalars[f"size{d}"] = size
    return math.prod(p.batch)


def partial_product(p: Product, slot: int, splits: int) -> tuple[Product, Layout]:
    """The product whose partial sums go to a temporary (splits, batch..., M, N)."""
    layout = lay.dense((splits, *p.batch, p.m, p.n), p.accumulate)
    y = Matrix(Temporary(slot), p.accumulate, layout.strides[1:-2], p.n, 1)
    return replace(p, y=y, extras=(), numbers=(), epilogue=Arg(0, p.accumulate),
                   windows=p.windows and p.windows.straight), layout


def combine(p: Product, partial: Matrix, splits: int, caps: DeviceCaps) -> Launch:
    """Add the partial sums and apply the epilogue."""
    args = Arguments(p.index)
    args.matrix("t", partial)
    args.matrix("y", p.y)
    params = epilogue_parameters(p, args)
    count = batch_scalars(p, args)
    cpu = caps.plan_class == "cpu"
    lanes = cpu_lanes(p) if cpu else 1
    vectors = -(-p.n // lanes)
    tasks = count * p.m * vectors
    args.scalars |= {"M": p.m, "N": p.n, "splits": splits, "split_step": count * p.m * p.n,
                     "vectors": vectors, "tasks": tasks}
    params |= {"lanes": lanes, "accumulate": p.accumulate, "batch_rank": len(p.batch)}
    if cpu:
        workers = 1 if tasks * splits * lanes <= CPU_GRAIN else caps.units * CPU_WORKERS_PER_UNIT
        return args.launch("matmul_combine", params, 1, min(workers, tasks))
    local = min(64, caps.max_work_group_size)
    return args.launch("matmul_combine", params, local, -(-min(tasks, caps.units * 256) // local) * local)


def sum_partials(partial: Any, splits: int, total: int, dtype: DType, accumulate: DType,
                 caps: DeviceCaps) -> Launch:
    """Add ``splits`` vectors of ``total`` sums, one after the other in memory, into result 0."""
    y = Matrix(Result(0), dtype, (), total, 1)
    index = "uint" if splits * total < INDEX_LIMIT else "ulong"
    p = Product((), 1, total, 0, y, y, y, (), (), cast(Arg(0, accumulate), register_dtype(dtype)),
                accumulate, index)
    return combine(p, Matrix(partial, accumulate, (), total, 1), splits, caps)


def cpu_lanes(p: Product) -> int:
    """Lanes of the CPU class's vectors: 64 bytes of sums."""
    return 16 if p.accumulate.itemsize == 4 else 8


def choose(family: Family, p: Product, caps: DeviceCaps) -> Choice:
    """What is known about products of this kind and size: t means that rows or columns follow one another."""
    order = "".join("n" if x.column == 1 else "t" if x.row == 1 else "s" for x in (p.a, p.b))
    return family.choice(caps, f"{p.a.dtype.name} {order}", math.prod(p.batch), p.m, p.n, p.k)


def product_arguments(p: Product) -> tuple[Arguments, dict[str, Any]]:
    """Both factors, the result, the epilogue and the batch, as arguments and parameters."""
    args = Arguments(p.index)
    args.matrix("a", p.a)
    args.matrix("b", p.b)
    args.matrix("y", p.y)
    params = epilogue_parameters(p, args)
    batch_scalars(p, args)
    return args, params


def splits_of_k(k: int, tasks: int, workers: int, least: int) -> int:
    """Into how many parts of at least ``least`` K is cut so that every worker has something to do."""
    if 2 * tasks > workers or k < 2 * least:
        return 1
    return max(1, min(workers // tasks, k // least))
