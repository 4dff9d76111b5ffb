"""Plans of matrix products: y[..., m, n] = epilogue(sum over k of a[..., m, k] * b[..., k, n])."""
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
from ..core.plan import Launch, Number, Operand, Plan, Result, ScalarOperand, Temporary
from ..core.tunables import Choice, Family
from .matmul_space import DOT, LOCAL, TILE

# Tunables, CPU class.  Row tiles that a task takes in one column panel; work-items per unit;
# elements and multiply-adds up to which one work-item does everything, since waking another thread costs
# more; K elements below which a sum is not split;
# rows up to which inner products are taken; rows from which copying a and b into panels pays.
GROUP_TILES = 16
CPU_WORKERS_PER_UNIT = 8
CPU_GRAIN = 1 << 14
CPU_PRODUCT_GRAIN = 1 << 18
SPLIT_K = 512
DOT_ROWS = 32
PACK_A_ROWS = 256
PACK_B_ROWS = 192
PACK_B_ROWS_NEAR = 512
# Elements of a row of a narrow type that are widened together, and columns from which a copy pays more;
# bytes after which cache sets repeat.
WIDEN = 64
WIDEN_COLUMNS = 512
PAGE = 4096
# GPU class: work-group edge, largest and smallest tile edge, depth of a tile.
GPU_EDGE = 16
GPU_TILES = (64, 32, 16)
GPU_DEPTH = 16
GPU_GROUPS_PER_UNIT = 4

_INDEX_LIMIT = 1 << 31


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


def plan(operands: Sequence[Layout | Number], caps: DeviceCaps) -> Plan:
    """The plan of one product.

    Args:
        operands: a (..., M, K) and b (..., K, N), then optionally c that is added (broadcast to the
            result), then optionally the numbers beta and alpha: beta * c + alpha * (a @ b).
    """
    p, layout = _describe(operands)
    if not layout.numel:
        return Plan((layout,), ())
    launches, temporaries = plan_product(p, caps)
    return Plan((layout,), tuple(launches), tuple(temporaries))


def plan_product(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Launches and temporaries of a product that has elements."""
    return _cpu(p, caps) if caps.plan_class == "cpu" else _gpu(p, caps)


def _describe(operands: Sequence[Layout | Number]) -> tuple[Product, Layout]:
    a, b, *extras = operands
    assert isinstance(a, Layout) and isinstance(b, Layout)
    (m, k), n = a.shape[-2:], b.shape[-1]
    batch = lay.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    layout = lay.dense((*batch, m, n), a.dtype)
    everything = [(Operand(0), a, lay.expand_strides(a, (*batch, m, k))),
                  (Operand(1), b, lay.expand_strides(b, (*batch, k, n))),
                  (Result(0), layout, layout.strides)]
    for i, e in enumerate(extras):
        if isinstance(e, Layout):
            everything.append((Operand(2 + i), e, lay.expand_strides(e, layout.shape)))
    matrices = [Matrix(arg, o.dtype, s[:-2], s[-2], s[-1]) for arg, o, s in everything]
    acc = accumulator(a.dtype)
    numbers = tuple(ScalarOperand(2 + i, acc) for i, e in enumerate(extras) if isinstance(e, Number))
    reach = max(o.extent() for _, o, _ in everything)
    index = "uint" if max(reach, 4 * layout.numel) < _INDEX_LIMIT else "ulong"
    return Product.of(batch, m, n, k, matrices, acc, index, numbers), layout


class _Arguments:
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


def _epilogue(p: Product, args: _Arguments) -> dict[str, Any]:
    """Parameters of the shared epilogue; its operands join the arguments after the result."""
    for i, e in enumerate(p.extras):
        args.matrix(f"x{i}", e)
    args.numbers += p.numbers
    return {"extras": tuple((e.dtype, _stride_class(e.column)) for e in p.extras),
            "number_types": tuple(s.dtype for s in p.numbers), "epilogue": p.epilogue,
            "y_dtype": p.y.dtype, "y_class": _stride_class(p.y.column)}


def _stride_class(stride: int) -> str:
    return "b" if stride == 0 else "u" if stride == 1 else "s"


def _batch(p: Product, args: _Arguments) -> int:
    for d, size in enumerate(p.batch):
        args.scalars[f"size{d}"] = size
    return math.prod(p.batch)


def _without_epilogue(p: Product, slot: int, splits: int) -> tuple[Product, Layout]:
    """The product whose partial sums go to a temporary (splits, batch..., M, N)."""
    layout = lay.dense((splits, *p.batch, p.m, p.n), p.accumulate)
    y = Matrix(Temporary(slot), p.accumulate, layout.strides[1:-2], p.n, 1)
    return replace(p, y=y, extras=(), numbers=(), epilogue=Arg(0, p.accumulate)), layout


def _combine(p: Product, partial: Matrix, splits: int, caps: DeviceCaps) -> Launch:
    """Add the partial sums and apply the epilogue."""
    args = _Arguments(p.index)
    args.matrix("t", partial)
    args.matrix("y", p.y)
    params = _epilogue(p, args)
    count = _batch(p, args)
    cpu = caps.plan_class == "cpu"
    lanes = _lanes(p) if cpu else 1
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
    index = "uint" if splits * total < _INDEX_LIMIT else "ulong"
    p = Product((), 1, total, 0, y, y, y, (), (), cast(Arg(0, accumulate), register_dtype(dtype)),
                accumulate, index)
    return _combine(p, Matrix(partial, accumulate, (), total, 1), splits, caps)


# CPU class ---------------------------------------------------------------------------------------

def _lanes(p: Product) -> int:
    return 16 if p.accumulate.itemsize == 4 else 8


def _choice(family: Family, p: Product, caps: DeviceCaps) -> Choice:
    """What is known about products of this kind and size: t means that rows or columns follow one another."""
    order = "".join("n" if x.column == 1 else "t" if x.row == 1 else "s" for x in (p.a, p.b))
    return family.choice(caps, f"{p.a.dtype.name} {order}", math.prod(p.batch), p.m, p.n, p.k)


def _workers(p: Product, count: int, pick: Choice, caps: DeviceCaps) -> int:
    per_unit = pick("workers_per_unit", CPU_WORKERS_PER_UNIT)
    return 1 if p.m * p.n * p.k * count <= CPU_PRODUCT_GRAIN else caps.units * per_unit


def _arguments(p: Product) -> tuple[_Arguments, dict[str, Any]]:
    """Both factors, the result, the epilogue and the batch, as arguments and parameters."""
    args = _Arguments(p.index)
    args.matrix("a", p.a)
    args.matrix("b", p.b)
    args.matrix("y", p.y)
    params = _epilogue(p, args)
    _batch(p, args)
    return args, params


def _cpu(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    # Lanes run along n: the longer side, unless the memory of b runs along n already.
    lanes = _lanes(p)
    if p.n < lanes and p.m > p.n:
        p = p.transposed
    if p.m <= DOT_ROWS and p.b.row == 1 and p.k > 1 and (p.b.column != 1 or p.n == 1):
        return _dot(p, caps)
    pick = _choice(TILE, p, caps)
    rows = pick("rows", _tile_rows(p.m))
    vectors = pick("vectors", 1 if p.n <= lanes else 4 if rows <= 2 else 2)
    width = vectors * lanes
    # Where rows of b lie whole pages apart, what a panel reads conflicts in cache.
    far = p.b.row * p.b.dtype.itemsize % PAGE == 0
    pack_b = p.b.column != 1 or p.n < width or pick(
        "pack_b", p.m >= (PACK_B_ROWS if far else PACK_B_ROWS_NEAR))
    # Along k the broadcasts of a read whole cache lines; narrow types are widened there stretch by stretch.
    narrow = p.a.dtype is not p.accumulate
    pack_a = pick("pack_a", narrow and p.m >= WIDEN and p.n >= WIDEN_COLUMNS or p.a.column != 1 and (
        p.m >= PACK_A_ROWS and p.n >= 2 * width or narrow and p.n > 2 * width))
    widen = WIDEN if narrow and not pack_a and p.a.column == 1 and p.k > 1 else 0
    launches: list[Launch] = []
    temporaries: list[Layout] = []
    if pack_a:
        launch, a = _pack(p, p.a, p.m, rows, len(temporaries), temporaries, caps)
        launches += launch
        p = replace(p, a=a)
    if pack_b:
        launch, b = _pack(p, p.b.transposed, p.n, width, len(temporaries), temporaries, caps)
        launches += launch
        p = replace(p, b=b)
    tiles, panels = -(-p.m // rows), -(-p.n // width)
    count = math.prod(p.batch)
    workers = _workers(p, count, pick, caps)
    group = max(1, min(pick("group_tiles", GROUP_TILES), tiles * panels * count // workers))
    groups = -(-tiles // group)
    splits = _splits(p.k, groups * panels * count, workers, pick("split_k", SPLIT_K))
    final = p
    if splits > 1:
        p, layout = _without_epilogue(p, len(temporaries), splits)
        temporaries.append(layout)
    args, params = _arguments(p)
    depth = -(-p.k // splits)
    tasks = groups * panels * splits * count
    args.scalars |= {"M": p.m, "N": p.n, "K": p.k, "groups": groups, "group_tiles": group,
                     "tiles": tiles, "panels": panels, "tasks": tasks}
    if splits > 1:
        args.scalars |= {"splits": splits, "depth": depth, "split_step": count * p.m * p.n}
    params |= {"rows": rows, "vectors": vectors, "lanes": lanes, "accumulate": p.accumulate,
               "a_dtype": p.a.dtype, "b_dtype": p.b.dtype, "pack_a": pack_a, "pack_b": pack_b, "widen": widen,
               "split": splits > 1, "batch_rank": len(p.batch)}
    launches.append(args.launch("matmul_tile", params, 1, min(workers, tasks)))
    if splits > 1:
        launches.append(_combine(final, p.y, splits, caps))
    return launches, temporaries


def _dot(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Few rows and a second factor contiguous along k: inner products, read where they lie."""
    lanes = _lanes(p)
    launches: list[Launch] = []
    temporaries: list[Layout] = []
    if p.a.column != 1:
        launches, a = _pack(p, p.a, p.m, 1, 0, temporaries, caps)
        p = replace(p, a=replace(a, row=p.k, column=1))
    # Four by four sums take the fewest reads that registers allow; eight rows take more from farther caches.
    pick = _choice(DOT, p, caps)
    rows = pick("rows", p.m if p.m <= 2 else 4)
    columns = pick("columns", min(4, 1 << (p.n - 1).bit_length()))
    unroll = pick("unroll", max(1, min(4, 8 // (rows * columns))))
    m_tiles, n_tiles = -(-p.m // rows), -(-p.n // columns)
    count = math.prod(p.batch)
    workers = _workers(p, count, pick, caps)
    splits = _splits(p.k, m_tiles * n_tiles * count, workers, pick("split_k", SPLIT_K))
    depth = -(-p.k // (splits * lanes * unroll)) * lanes * unroll
    final = p
    if splits > 1:
        p, layout = _without_epilogue(p, len(temporaries), splits)
        temporaries.append(layout)
    args, params = _arguments(p)
    tasks = m_tiles * n_tiles * splits * count
    args.scalars |= {"M": p.m, "N": p.n, "K": p.k, "m_tiles": m_tiles, "n_tiles": n_tiles, "splits": splits,
                     "depth": depth, "split_step": count * p.m * p.n, "tasks": tasks}
    params |= {"rows": rows, "columns": columns, "unroll": unroll, "lanes": lanes, "accumulate": p.accumulate,
               "a_dtype": p.a.dtype, "b_dtype": p.b.dtype, "batch_rank": len(p.batch)}
    launches.append(args.launch("matmul_dot", params, 1, min(workers, tasks)))
    if splits > 1:
        launches.append(_combine(final, p.y, splits, caps))
    return launches, temporaries


def _tile_rows(m: int) -> int:
    if m <= 2:
        return m
    eight, four = -(-m // 8) * 8, -(-m // 4) * 4
    return 8 if 5 * eight <= 6 * four else 4


def _splits(k: int, tasks: int, workers: int, least: int) -> int:
    """Into how many parts of at least ``least`` K is cut so that every worker has something to do."""
    if 2 * tasks > workers or k < 2 * least:
        return 1
    return max(1, min(workers // tasks, k // least))


def _pack(p: Product, source: Matrix, rows: int, panel: int, slot: int, temporaries: list[Layout],
          caps: DeviceCaps) -> tuple[list[Launch], Matrix]:
    """Copy (rows, K) matrices into panels [panel][k][row in panel], filled up with zeros."""
    shared = all(s == 0 for s in source.batch)
    count = 1 if shared else math.prod(p.batch)
    panels = -(-rows // panel)
    layout = lay.dense((count, panels, p.k, panel), p.accumulate)
    temporaries.append(layout)
    step = 0 if shared else panels * p.k * panel
    strides = lay.contiguous_strides(p.batch)
    target = Matrix(Temporary(slot), p.accumulate, tuple(step * s for s in strides), panel, 1)
    if not p.k:
        return [], target
    if shared:
        source = replace(source, batch=())
    args = _Arguments(p.index)
    args.matrix("s", source)
    args.buffers.append(Temporary(slot))
    for d in range(len(source.batch)):
        args.scalars[f"size{d}"] = p.batch[d]
    # Chunks of K keep the tasks of a narrow matrix many.
    workers = 1 if count * rows * p.k <= CPU_GRAIN else caps.units * CPU_WORKERS_PER_UNIT
    chunk = max(64, -(-p.k * count * panels // workers // 16) * 16)
    chunks = -(-p.k // min(chunk, p.k))
    tasks = count * panels * chunks
    args.scalars |= {"rows": rows, "K": p.k, "panels": panels, "chunk": min(chunk, p.k),
                     "chunks": chunks, "tasks": tasks}
    params = {"panel": panel, "source": source.dtype, "target": p.accumulate,
              "row_class": _stride_class(source.row), "k_class": _stride_class(source.column),
              "batch_rank": len(source.batch)}
    return [args.launch("matmul_pack", params, 1, min(workers, tasks))], target


# GPU class ---------------------------------------------------------------------------------------

def _gpu(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    pick = _choice(LOCAL, p, caps)
    edge = pick("edge", GPU_EDGE)
    while edge * edge > caps.max_work_group_size:
        edge //= 2
    count = math.prod(p.batch)
    tile = pick("tile", next((t for t in GPU_TILES if t <= 2 * max(min(p.m, p.n), 8) and
                              -(-p.m // t) * -(-p.n // t) * count >= caps.units), GPU_TILES[-1]))
    tile = max(tile, edge)
    depth_tile = pick("depth", GPU_DEPTH)
    while 2 * depth_tile * (tile + 1) * p.accumulate.itemsize > min(caps.local_mem_size, 16 << 10):
        depth_tile //= 2
    tiles_m, tiles_n = -(-p.m // tile), -(-p.n // tile)
    splits = _splits(p.k, tiles_m * tiles_n * count, caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT),
                     pick("split_k", SPLIT_K))
    final, temporaries = p, []
    if splits > 1:
        p, layout = _without_epilogue(p, 0, splits)
        temporaries.append(layout)
    args, params = _arguments(p)
    args.scalars |= {"M": p.m, "N": p.n, "K": p.k, "tiles_m": tiles_m, "tiles_n": tiles_n,
                     "splits": splits, "depth": -(-p.k // splits), "split_step": count * p.m * p.n}
    params |= {"edge": edge, "tile": tile, "tile_k": depth_tile, "accumulate": p.accumulate,
               "a_dtype": p.a.dtype, "b_dtype": p.b.dtype, "batch_rank": len(p.batch),
               "a_along_k": p.a.column == 1, "b_along_k": p.b.row == 1}
    local = edge * edge
    launches = [args.launch("matmul_local", params, local, tiles_m * tiles_n * splits * count * local)]
    if splits > 1:
        launches.append(_combine(final, p.y, splits, caps))
    return launches, temporaries
