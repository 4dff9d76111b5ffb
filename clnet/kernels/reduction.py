"""Plans of reductions: a map expression combined over some dimensions, in one or two launches."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.expr import Arg, Expr, arguments, cast, postorder
from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from ..core.tunables import WORKERS, Parameter, family

# Tunables.  Elements below which one work-item suffices; elements of a segment (sums add each
# segment on its own first); work-items per unit that a launch aims for.
GRAIN = 8192
SEGMENT = 4096
CPU_WORKERS_PER_UNIT = 4
# Vectors of neighbouring outputs that one work-item of a CPU keeps.
COLUMN_BLOCK = 32
GPU_GROUP = 64
GPU_WORKERS_PER_UNIT = 1024
# Rows on GPUs: work-items that share one, elements for each, groups per unit.
GPU_LANES = 256
GPU_LANE_GRAIN = 4
GPU_GROUPS_PER_UNIT = 8

_INDEX_LIMIT = 1 << 31

SPACE = family("reduction", ("kept", "rows", "reduced"), WORKERS,
               Parameter("segment", (1024, 2048, 4096, 8192)), Parameter("column_block", (8, 16, 32, 64)),
               Parameter("work_items_per_unit", (64, 128, 256, 512, 1024)), Parameter("group", (32, 64, 128, 256)),
               Parameter("groups_per_unit", (4, 8, 16, 32)))


@dataclass(frozen=True)
class Reduction:
    """What is reduced how.

    Attributes:
        name: readable kernel name.
        combine: "sum", "prod", "max", "min", "argmax" or "argmin".
        map: operand expressions (in registers) to the value that is combined.
        accumulate: type of the accumulator.
        post: (accumulated value, number of elements) to the result.
        value: dtype of the value output, or None (argmax).
        index: whether the int64 index output is wanted.
    """

    name: str
    combine: str
    map: Callable[..., Expr]
    accumulate: DType
    post: Callable[[Expr, Expr], Expr]
    value: DType | None
    index: bool = False


def reduced_shape(shape: Sequence[int], dims: Sequence[int], keepdim: bool) -> tuple[int, ...]:
    """The shape after reducing ``dims`` (non-negative)."""
    if keepdim:
        return tuple(1 if d in dims else n for d, n in enumerate(shape))
    return tuple(n for d, n in enumerate(shape) if d not in dims)


def plan(r: Reduction, operands: Sequence[Layout], dims: Sequence[int], keepdim: bool,
         caps: DeviceCaps) -> Plan:
    """The plan of one reduction call over ``dims`` (sorted) of the broadcast operands.

    Raises:
        RuntimeError: an order of complex numbers is asked for.
    """
    if r.accumulate.is_complex and r.combine not in ("sum", "prod"):
        raise NotImplementedError(f"{r.name}: not implemented for {r.accumulate}")
    shape = lay.broadcast_shapes(*(o.shape for o in operands))
    out_shape = reduced_shape(shape, dims, keepdim)
    outputs = [lay.dense(out_shape, r.value)] if r.value is not None else []
    if r.index:
        outputs.append(lay.dense(out_shape, dt.int64))
    if math.prod(out_shape) == 0:
        return Plan(tuple(outputs), (), single=len(outputs) == 1)
    strides = [lay.expand_strides(o, shape) for o in operands]
    kept = [d for d in range(len(shape)) if d not in dims]
    reduced = list(dims)
    if not r.index:  # the order of the reduced elements is free: walk memory forwards
        reduced.sort(key=lambda d: -strides[0][d])
    kept_sizes, kept_steps = lay.collapse([shape[d] for d in kept], [[s[d] for d in kept] for s in strides])
    red_sizes, red_steps = lay.collapse([shape[d] for d in reduced],
                                        [[s[d] for d in reduced] for s in strides])
    space = _Space(kept_sizes, kept_steps, red_sizes, red_steps)
    values = [a for a in (0, 1) if a < len(outputs)]
    args = tuple(Operand(i) for i in range(len(operands)))
    first, splits = _launch(r, [o.dtype for o in operands], args, space, caps,
                            [Result(k) for k in values], None)
    if splits == 1:
        return Plan(tuple(outputs), (first,), single=len(outputs) == 1)
    count = math.prod(kept_sizes)
    partial = lay.dense((splits, count), r.accumulate)
    temporaries = [partial]
    if r.index:
        temporaries.append(lay.dense((splits, count), dt.int64))
    raw = Reduction(r.name, r.combine, r.map, r.accumulate, lambda v, n: v, r.accumulate, r.index)
    first, _ = _launch(raw, [o.dtype for o in operands], args, space, caps,
                       [Temporary(k) for k in range(len(temporaries))], splits)
    again = Reduction(f"{r.name}_combine", r.combine, lambda v: v, r.accumulate, r.post, r.value, r.index)
    combine_space = _Space([count], [[1]], [splits], [[count]])
    total = math.prod(red_sizes)
    second, _ = _launch(again, [r.accumulate], (Temporary(0),), combine_space, caps,
                        [Result(k) for k in values], 1, total, Temporary(1) if r.index else None)
    return Plan(tuple(outputs), (first, second), tuple(temporaries), single=len(outputs) == 1)


@dataclass(frozen=True)
class _Space:
    """Collapsed sizes and per-operand strides of the kept and the reduced dimensions."""

    kept: list[int]
    kept_steps: list[list[int]]
    reduced: list[int]
    reduced_steps: list[list[int]]


def _launch(r: Reduction, dtypes: Sequence[DType], args: Sequence[Any], space: _Space,
            caps: DeviceCaps, results: Sequence[Any], splits: int | None, count: int | None = None,
            given: Any = None) -> tuple[Launch, int]:
    """One launch and the number of splits it needs (chosen here if ``splits`` is None)."""
    kept, reduced = space.kept, space.reduced
    expr = cast(r.map(*(Arg(i, register_dtype(d)) for i, d in enumerate(dtypes))), r.accumulate)
    number = cast(Arg(1, r.accumulate.to_real()), r.accumulate)
    post = cast(r.post(Arg(0, r.accumulate), number), register_dtype(r.value or r.accumulate))
    width = plan_vector_width([*dtypes, r.accumulate, *(e.dtype for e in postorder(expr))], caps)
    col = space.kept_steps[0][-1] == 1 and space.reduced_steps[0][-1] != 1 and kept[-1] > 1
    places = math.prod(kept)
    n, rows = reduced[-1], math.prod(reduced[:-1])
    # Of all operands the innermost kept dimension lies in memory, or repeats.
    columns = (col and width > 1 and not r.index and kept[-1] >= width
               and all(s[-1] in (0, 1) for s in space.kept_steps))
    cpu = caps.plan_class == "cpu"
    pick = SPACE.choice(caps, f"{r.combine} {dtypes[0].name} {'columns' if columns else 'col' if col else 'row'}",
                        places, rows, n)
    block = pick("column_block", COLUMN_BLOCK) if columns else 1
    vectors = math.prod(kept[:-1]) * -(-kept[-1] // (width * block)) if col else places
    workers = caps.units * (pick("workers_per_unit", CPU_WORKERS_PER_UNIT) if cpu
                            else pick("work_items_per_unit", GPU_WORKERS_PER_UNIT))
    work = places * rows * n
    lanes, local = 1, 1
    if width == 1:
        local = min(pick("group", GPU_GROUP), caps.max_work_group_size)
        if not col and not cpu:
            local = min(GPU_LANES, 1 << caps.max_work_group_size.bit_length() - 1)
            lanes = min(local, 1 << max(rows * n // GPU_LANE_GRAIN, 1).bit_length() - 1)
            workers = caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT) * local // lanes
    if splits is None:
        splits = 1
        if work > GRAIN and vectors < workers:
            splits = max(1, min(-(-workers // vectors), work // GRAIN))
    chunk = min(n, (64 * lanes if lanes > 1 else pick("segment", SEGMENT)) if not col else 256)
    if splits > 1:
        chunk = min(chunk, max(1, -(-rows * n // splits)))
    if not col:
        chunk = -(-chunk // width) * width
    chunks = -(-n // chunk) if n else 0
    segments = rows * chunks
    per_split = -(-segments // splits) if segments else 0
    tasks = vectors * splits
    reach = max((sum(abs(s) * (m - 1) for s, m in zip(k, kept)) + sum(abs(s) * (m - 1) for s, m in zip(q, reduced))
                 for k, q in zip(space.kept_steps, space.reduced_steps)), default=0)
    wide = max(reach, work, places * splits) >= _INDEX_LIMIT
    if wide and r.index and r.accumulate.itemsize < 8 and rows * n >= _INDEX_LIMIT:
        raise NotImplementedError(f"{r.name} over {rows * n} elements: indices need 64 bits")
    index = "ulong" if wide else "uint"
    # Only along the vectorised dimension does it matter that the stride is 1.
    kept_classes = [tuple("b" if s == 0 else "u" if s == 1 and d == len(kept) - 1 and col else "s"
                          for d, s in enumerate(st)) for st in space.kept_steps]
    reduced_classes = [tuple("b" if s == 0 else "u" if s == 1 and d == len(reduced) - 1 and not col
                             else "s" for d, s in enumerate(st)) for st in space.reduced_steps]
    uses_count = 1 in arguments(post)
    scalars: list[Any] = list(kept) + reduced[:-1]
    for kc, ks, rc, rs in zip(kept_classes, space.kept_steps, reduced_classes, space.reduced_steps):
        scalars += [s for c, s in zip(kc, ks) if c == "s"] + [s for c, s in zip(rc, rs) if c == "s"]
    scalars += [n, chunk, chunks, segments, splits, per_split, places, tasks]
    buffers = [*args, *([given] if given is not None else []), *results]
    arg_types: list[str | None] = [None, "uint64"] * len(buffers)
    counts = []
    if uses_count:
        counts = [(count if count is not None else rows * n)]
        arg_types.append(r.accumulate.to_real().storage.name)
    arg_types += ["uint32" if index == "uint" else "uint64"] * len(scalars)
    layout: tuple[tuple[str, Any], ...] = (("mode", "col" if col else "row"), ("index_out", r.index),
                                           ("given_index", given is not None), ("lanes", lanes))
    if columns:
        layout = (("block", block),)
    spec = KernelSpec(
        "reduce_columns" if columns else "reduce", r.name,
        (("operands", tuple(dtypes)), ("expr", expr), ("post", post), ("combine", r.combine),
         ("acc", r.accumulate), ("width", width), *layout,
         ("kept_classes", tuple(kept_classes)), ("reduced_classes", tuple(reduced_classes)),
         ("value_out", r.value), ("uses_count", uses_count), ("index_type", index)),
        (local,), tuple(arg_types))
    if width == 1:
        size = -(-min(tasks, workers) * lanes // local) * local
    else:
        size = min(tasks, 1 if work <= GRAIN else workers)
    return Launch(spec, (size,), (*buffers, *counts, *scalars)), splits
