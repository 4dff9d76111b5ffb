"""Plans of triangular solves: substitution in blocks of the diagonal, products between them."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..codegen.expr import Arg
from ..codegen.spec import KernelSpec
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result
from . import elementwise
from .matmul import plan_product
from .product import Matrix, Product

# Tunables: rows substituted one by one; multiply-adds for which one work-item suffices; work-items
# per unit; work-group of the GPU class.
BLOCK = 64
GRAIN = 1 << 14
WORKERS_PER_UNIT = {"cpu": 4, "gpu": 256}
GPU_GROUP = 64

_INDEX_LIMIT = 1 << 31


def plan(operands: Sequence[Layout], upper: bool, unit: bool, caps: DeviceCaps) -> Plan:
    """X (..., N, K) with A X = B for triangular A (..., N, N) and B (..., N, K).

    B is copied into the result, which is then solved in place; the batch dimensions broadcast.
    """
    a, b = operands
    n, k = b.shape[-2:]
    batch = lay.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y = lay.dense((*batch, n, k), b.dtype)
    if not y.numel:
        return Plan((y,), ())
    filled = elementwise.plan("copy", lambda x: [x], (b,), b.dtype, (y,), caps)
    launches = [Launch(launch.spec, launch.global_size,
                       tuple(Operand(1, x.shift) if isinstance(x, Operand) else x for x in launch.args))
                for launch in filled.launches]
    temporaries: list[Layout] = []
    strides = lay.expand_strides(a, (*batch, n, n))
    sizes, (a_steps, y_steps) = lay.collapse(batch, [strides[:-2], y.strides[:-2]])
    if sizes == [1]:
        sizes, a_steps, y_steps = [], [], []
    reach = max(a.extent(), y.extent(), 4 * y.numel)
    index = "uint" if reach < _INDEX_LIMIT else "ulong"

    def factor(row: int, column: int) -> Matrix:
        return Matrix(Operand(0, row * strides[-2] + column * strides[-1]), a.dtype, tuple(a_steps),
                      strides[-2], strides[-1])

    def rows(first: int) -> Matrix:
        return Matrix(Result(0, first * k), y.dtype, tuple(y_steps), k, 1)

    # Complex matrices have no product in one plan: substitution does all of them.
    block = n if a.dtype.is_complex else BLOCK
    starts = range(0, n, block)
    for start in reversed(starts) if upper else starts:
        stop = min(start + block, n)
        launches.append(_substitute(factor(start, start), rows(start), sizes, stop - start, k, upper, unit,
                                    index, caps))
        first, last = (0, start) if upper else (stop, n)
        if first == last:
            continue
        rest = rows(first)
        p = Product.of(sizes, last - first, k, stop - start, [factor(first, start), rows(start), rest, rest],
                       a.dtype, index)
        made, scratch = plan_product(replace(p, epilogue=Arg(1, a.dtype) - Arg(0, a.dtype)), caps)
        launches += made
        _share(temporaries, scratch)
    return Plan((y,), tuple(launches), tuple(temporaries))


def _share(temporaries: list[Layout], scratch: Sequence[Layout]) -> None:
    """Launches run in order, so every product uses the same temporaries: each as large as needed."""
    for slot, layout in enumerate(scratch):
        if slot == len(temporaries):
            temporaries.append(layout)
        elif layout.numel > temporaries[slot].numel:
            temporaries[slot] = layout


def _substitute(a: Matrix, y: Matrix, batch: Sequence[int], n: int, k: int, upper: bool, unit: bool,
                index: str, caps: DeviceCaps) -> Launch:
    cpu = caps.plan_class == "cpu"
    lanes = (16 if a.dtype.itemsize == 4 else 8) if cpu and k > 1 and not a.dtype.is_complex else 1
    count = math.prod(batch)
    vectors = -(-k // lanes)
    scalars = {"a_m": a.row, "a_n": a.column, "y_m": y.row}
    for d, size in enumerate(batch):
        scalars |= {f"size{d}": size, f"a_b{d}": a.batch[d], f"y_b{d}": y.batch[d]}
    tasks = count * vectors
    scalars |= {"N": n, "K": k, "vectors": vectors, "tasks": tasks}
    local = 1 if cpu else min(GPU_GROUP, caps.max_work_group_size)
    workers = 1 if cpu and n * n * k * count <= GRAIN else caps.units * WORKERS_PER_UNIT[caps.plan_class]
    size = -(-min(tasks, workers) // local) * local
    params: tuple[tuple[str, Any], ...] = (
        ("dtype", a.dtype), ("lanes", lanes), ("upper", upper), ("unit", unit), ("batch_rank", len(batch)),
        ("index_type", index), ("scalars", tuple(scalars)))
    number = "uint32" if index == "uint" else "uint64"
    spec = KernelSpec("triangular", "triangular", params, (local,),
                      (None, "uint64", None, "uint64", *[number] * len(scalars)))
    return Launch(spec, (size,), (a.arg, y.arg, *scalars.values()))
