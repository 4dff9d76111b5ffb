"""Plans of matrix products for CPUs: one work-item per share of tiles, wide vectors, no local memory."""
from __future__ import annotations

import math
from dataclasses import replace

from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Temporary
from ..core.tunables import Choice
from .matmul_space import DOT, TILE
from .product import (
    CPU_GRAIN,
    CPU_WORKERS_PER_UNIT,
    SPLIT_K,
    Arguments,
    Matrix,
    Product,
    choose,
    combine,
    cpu_lanes,
    partial_product,
    product_arguments,
    splits_of_k,
    stride_class,
)

# Tunables.  Row tiles that a task takes in one column panel; multiply-adds up to which one work-item does
# everything; rows up to which inner products are taken; rows from which copying a and b into panels pays.
GROUP_TILES = 16
CPU_PRODUCT_GRAIN = 1 << 18
DOT_ROWS = 32
PACK_A_ROWS = 256
PACK_B_ROWS = 192
PACK_B_ROWS_NEAR = 512
# Rows that are copied together where they are neighbours in memory.
PACK_ROWS = 64
# Elements of a row of a narrow type that are widened together, and rows and columns from which a copy pays
# more; bytes after which cache sets repeat.
WIDEN = 16
NARROW_ROWS = 64
WIDEN_COLUMNS = 512
PAGE = 4096


def _workers(p: Product, count: int, pick: Choice, caps: DeviceCaps) -> int:
    per_unit = pick("workers_per_unit", CPU_WORKERS_PER_UNIT)
    return 1 if p.m * p.n * p.k * count <= CPU_PRODUCT_GRAIN else caps.units * per_unit


def plan_cpu(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Launches and temporaries of a product that has elements."""
    # Lanes run along n: the longer side, unless the memory of b runs along n already.
    lanes = cpu_lanes(p)
    if p.n < lanes and p.m > p.n:
        p = p.transposed
    if p.m <= DOT_ROWS and p.b.row == 1 and p.k > 1 and (p.b.column != 1 or p.n == 1):
        return _dot(p, caps)
    pick = choose(TILE, p, caps)
    rows = pick("rows", _tile_rows(p.m))
    vectors = pick("vectors", 1 if p.n <= lanes else 4 if rows <= 2 else 2)
    width = vectors * lanes
    # Where rows of b lie whole pages apart, what a panel reads conflicts in cache.
    far = p.b.row * p.b.dtype.itemsize % PAGE == 0
    pack_b = p.b.column != 1 or p.n < width or pick(
        "pack_b", p.m >= (PACK_B_ROWS if far else PACK_B_ROWS_NEAR))
    # Along k the broadcasts of a read whole cache lines; narrow types are widened there stretch by stretch.
    narrow = p.a.dtype is not p.accumulate
    pack_a = pick("pack_a", narrow and p.m >= NARROW_ROWS and p.n >= WIDEN_COLUMNS or p.a.column != 1 and (
        p.m >= PACK_A_ROWS and p.n >= 2 * width or narrow and p.n > 2 * width))
    widen = WIDEN if narrow and not pack_a and p.a.column == 1 and p.k > 1 else 0
    launches: list[Launch] = []
    temporaries: list[Layout] = []
    if pack_a:
        launch, a = _pack(p, p.a, p.m, rows, len(temporaries), temporaries, caps, p.accumulate)
        launches += launch
        p = replace(p, a=a)
    if pack_b:
        # Two vectors of b per step are widened as they are read, which costs less than bytes do.
        half = p.b.dtype in (dt.float16, dt.bfloat16)
        source = replace(p.b, dtype=dt.uint16) if half else p.b
        launch, b = _pack(p, source.transposed, p.n, width, len(temporaries), temporaries, caps,
                          source.dtype if half else p.accumulate)
        launches += launch
        p = replace(p, b=replace(b, dtype=p.b.dtype) if half else b)
    tiles, panels = -(-p.m // rows), -(-p.n // width)
    count = math.prod(p.batch)
    workers = _workers(p, count, pick, caps)
    group = max(1, min(pick("group_tiles", GROUP_TILES), tiles * panels * count // workers))
    groups = -(-tiles // group)
    splits = splits_of_k(p.k, groups * panels * count, workers, pick("split_k", SPLIT_K))
    final = p
    if splits > 1:
        p, layout = partial_product(p, len(temporaries), splits)
        temporaries.append(layout)
    args, params = product_arguments(p)
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
        launches.append(combine(final, p.y, splits, caps))
    return launches, temporaries


def _dot(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Few rows and a second factor contiguous along k: inner products, read where they lie."""
    lanes = cpu_lanes(p)
    launches: list[Launch] = []
    temporaries: list[Layout] = []
    if p.a.column != 1:
        launches, a = _pack(p, p.a, p.m, 1, 0, temporaries, caps, p.accumulate)
        p = replace(p, a=replace(a, row=p.k, column=1))
    # Four by four sums take the fewest reads that registers allow; eight rows take more from farther caches.
    pick = choose(DOT, p, caps)
    rows = pick("rows", p.m if p.m <= 2 else 4)
    columns = pick("columns", min(4, 1 << (p.n - 1).bit_length()))
    unroll = pick("unroll", max(1, min(4, 8 // (rows * columns))))
    m_tiles, n_tiles = -(-p.m // rows), -(-p.n // columns)
    count = math.prod(p.batch)
    workers = _workers(p, count, pick, caps)
    splits = splits_of_k(p.k, m_tiles * n_tiles * count, workers, pick("split_k", SPLIT_K))
    depth = -(-p.k // (splits * lanes * unroll)) * lanes * unroll
    final = p
    if splits > 1:
        p, layout = partial_product(p, len(temporaries), splits)
        temporaries.append(layout)
    args, params = product_arguments(p)
    tasks = m_tiles * n_tiles * splits * count
    args.scalars |= {"M": p.m, "N": p.n, "K": p.k, "m_tiles": m_tiles, "n_tiles": n_tiles, "splits": splits,
                     "depth": depth, "split_step": count * p.m * p.n, "tasks": tasks}
    params |= {"rows": rows, "columns": columns, "unroll": unroll, "lanes": lanes, "accumulate": p.accumulate,
               "a_dtype": p.a.dtype, "b_dtype": p.b.dtype, "batch_rank": len(p.batch)}
    launches.append(args.launch("matmul_dot", params, 1, min(workers, tasks)))
    if splits > 1:
        launches.append(combine(final, p.y, splits, caps))
    return launches, temporaries


def _tile_rows(m: int) -> int:
    if m <= 2:
        return m
    eight, four = -(-m // 8) * 8, -(-m // 4) * 4
    return 8 if 5 * eight <= 6 * four else 4


def _pack(p: Product, source: Matrix, rows: int, panel: int, slot: int, temporaries: list[Layout],
          caps: DeviceCaps, dtype: DType) -> tuple[list[Launch], Matrix]:
    """Copy (rows, K) matrices into panels [panel][k][row in panel] of that type, filled up with zeros."""
    shared = all(s == 0 for s in source.batch)
    count = 1 if shared else math.prod(p.batch)
    panels = -(-rows // panel)
    layout = lay.dense((count, panels, p.k, panel), dtype)
    temporaries.append(layout)
    step = 0 if shared else panels * p.k * panel
    strides = lay.contiguous_strides(p.batch)
    target = Matrix(Temporary(slot), dtype, tuple(step * s for s in strides), panel, 1)
    if not p.k:
        return [], target
    if shared:
        source = replace(source, batch=())
    args = Arguments(p.index)
    args.matrix("s", source)
    args.buffers.append(Temporary(slot))
    for d in range(len(source.batch)):
        args.scalars[f"size{d}"] = p.batch[d]
    # Chunks of K keep the tasks of a narrow matrix many.
    workers = 1 if count * rows * p.k <= CPU_GRAIN else caps.units * CPU_WORKERS_PER_UNIT
    together = PACK_ROWS // panel if source.row == 1 and panels * panel >= PACK_ROWS > panel else 1
    groups = -(-panels // together)
    chunk = max(64, -(-p.k * count * groups // workers // 16) * 16)
    chunks = -(-p.k // min(chunk, p.k))
    tasks = count * groups * chunks
    args.scalars |= {"rows": rows, "K": p.k, "panels": panels, "groups": groups, "chunk": min(chunk, p.k),
                     "chunks": chunks, "tasks": tasks}
    params = {"panel": panel, "together": together, "source": source.dtype, "target": dtype,
              "row_class": stride_class(source.row), "k_class": stride_class(source.column),
              "batch_rank": len(source.batch)}
    return [args.launch("matmul_pack", params, 1, min(workers, tasks))], target
