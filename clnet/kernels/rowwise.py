"""Plans of row kernels: statistics of each row, then results per element and per row.

Softmax, normalisation and the losses over classes are expressions in this one scheme.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.expr import Arg, Expr, arguments, cast, postorder, substitute
from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.errors import fault_code
from ..core.plan import Launch
from ..core.tunables import WORKERS, Parameter, family

# Tunables.  CPU class: elements below which one work-item suffices, work-items per unit above it, vectors
# of a row that are accumulated apart.  GPU class: work-items that share a row, work-groups per unit.
CPU_GRAIN = 4096
CPU_WORKERS_PER_UNIT = 4
UNROLL = 4
# Rows across memory: vectors of neighbouring rows that a task takes at most, and at least where there are
# as many; elements of such a block that stay in cache from pass to pass.
COLUMN_BLOCK = 32
COLUMN_BLOCK_LEAST = 16
COLUMN_BLOCK_ELEMENTS = 1 << 16
GPU_GROUP = 64
LONG_GROUP, LONG = 256, 2048  # items for rows of so many elements or more
GPU_GROUPS_PER_UNIT = 32

_INDEX_LIMIT = 1 << 31

SPACE = family("rowwise", ("rows", "segments", "elements", "inner"), WORKERS,
               Parameter("unroll", (1, 2, 4, 8)), Parameter("group", (32, 64, 128, 256, 512)),
               Parameter("groups_per_unit", (8, 16, 32, 64)))

# Argument numbers of what is not an operand; see the template.
STAT, RAW, STASH = 100, 200, 201


@dataclass(frozen=True)
class Input:
    """What expressions read.

    Attributes:
        kind: "full" (one value per element), "row" (per row), "column" (per position in the row),
            "number" (one for all), "position" (the element's place in its row).
        dtype: in memory.  held: in expressions.
        arg: launch argument: Operand, Temporary, ScalarOperand or a number.
    """

    kind: str
    dtype: DType
    arg: Any = None
    held: DType | None = None

    def node(self, index: int) -> Expr:
        return Arg(index, self.held or register_dtype(self.dtype))


@dataclass(frozen=True)
class Stat:
    """A statistic: ``post`` (of ``Arg(RAW)``) of the "sum" or "max" of ``value`` over the row."""

    combine: str
    value: Expr
    post: Expr


@dataclass(frozen=True)
class Output:
    """A result of kind "full" or "row"."""

    kind: str
    dtype: DType
    value: Expr
    arg: Any


@dataclass(frozen=True)
class Space:
    """Where rows lie: see the template."""

    mode: str
    rows: int
    segments: int
    n: int
    row_stride: int
    segment_stride: int
    inner: int = 1

    @property
    def numel(self) -> int:
        return self.rows * self.segments * self.n * self.inner


@dataclass(frozen=True)
class Rowwise:
    """One kernel's content.

    Attributes:
        passes: statistics computed together, pass after pass; later ones read earlier ones.
        stash: number of the statistic whose values are left in output 0 for the results to read.
        target: input of class indices to check against the row's length, or None; ``ignored`` is
            the index that is let through.
    """

    name: str
    inputs: tuple[Input, ...]
    passes: tuple[tuple[Stat, ...], ...]
    outputs: tuple[Output, ...]
    accumulate: DType
    stash: int | None = None
    target: int | None = None
    ignored: Any = 0


def rows_of(shape: Sequence[int], dims: Sequence[int]) -> Space:
    """The rows that reducing ``dims`` of a dense tensor makes.

    Raises:
        ValueError: kept and reduced dimensions alternate more than this scheme can walk.
    """
    runs: list[tuple[bool, int]] = []
    for d, n in enumerate(shape):
        reduced = d in dims
        if n == 1:
            continue
        if runs and runs[-1][0] == reduced:
            runs[-1] = (reduced, runs[-1][1] * n)
        else:
            runs.append((reduced, n))
    kinds = "".join("r" if reduced else "k" for reduced, _ in runs)
    size = [n for _, n in runs]
    if kinds in ("", "k"):
        return Space("row", math.prod(size), 1, 1, 1, 0)
    if kinds == "r":
        return Space("row", 1, 1, size[0], size[0], 0)
    if kinds == "kr":
        return Space("row", size[0], 1, size[1], size[1], 0)
    if kinds == "rkr":
        return Space("row", size[1], size[0], size[2], size[2], size[1] * size[2])
    if kinds == "rk":
        return Space("col", 1, 1, size[0], 0, 0, size[1])
    if kinds == "krk":
        return Space("col", size[0], 1, size[1], 0, 0, size[2])
    raise ValueError(f"rows over dimensions {tuple(dims)} of shape {tuple(shape)} alternate too much")


def launch(r: Rowwise, space: Space, caps: DeviceCaps) -> Launch:
    """The launch that computes ``r`` on the rows of ``space`` (which must not be empty)."""
    acc = r.accumulate
    passes = tuple(tuple((s.combine, cast(s.value, acc), cast(s.post, acc)) for s in group)
                   for group in r.passes)
    outs = tuple((o.kind, o.dtype, cast(o.value, register_dtype(o.dtype))) for o in r.outputs)
    exprs = [e for group in passes for s in group for e in s[1:]] + [o[2] for o in outs]
    inputs = tuple((i.kind, i.dtype, i.held or register_dtype(i.dtype)) for i in r.inputs)
    # A row input is held in lanes only in mode "col"; otherwise its own width does not matter.
    widths = [d for kind, m, h in inputs for d in ((m, h) if kind in ("full", "column") or space.mode == "col"
                                                   else (h,))]
    width = plan_vector_width([acc, *widths, *(e.dtype for e in postorder(*exprs))], caps)
    columns = space.mode == "col" and 1 < width <= space.inner
    whole = (space.inner if space.mode == "col" else space.n) % width == 0
    stash = r.stash
    if columns and not whole and stash is not None:
        # Vectors overlap, so a value left in the result may be overwritten before it is read.
        left: dict[Expr, Expr] = {
            Arg(STASH, acc): [s[1] for group in passes for s in group][stash]}
        outs = tuple((kind, dtype, substitute(e, left)) for kind, dtype, e in outs)
        stash = None
    pick = SPACE.choice(caps, f"{r.name} {acc.name} {space.mode}", space.rows, space.segments, space.n, space.inner)
    unroll = 1
    if width > 1 and space.mode == "row":
        unroll = pick("unroll", UNROLL if space.n % (UNROLL * width) == 0 else 1)
        unroll = unroll if space.n % (unroll * width) == 0 else 1
    wide = max(space.numel, space.rows * max(space.row_stride, 1)) >= _INDEX_LIMIT
    index = "ulong" if wide else "uint"
    args: list[Any] = []
    arg_types: list[str | None] = []
    for i, (kind, _, held) in zip(r.inputs, inputs):
        if kind == "number":
            args.append(i.arg)
            arg_types.append(held.storage.name)
        elif kind != "position":
            args.append(i.arg)
            arg_types += [None, "uint64"]
    for o in r.outputs:
        args.append(o.arg)
        arg_types += [None, "uint64"]
    if r.target is not None:
        args.append(r.ignored)
        arg_types.append("int64")
    if space.mode == "col":
        scalars = [space.rows, space.n, space.inner]
    else:
        scalars = [space.rows, space.segments, space.n, space.row_stride, space.segment_stride]
    vectors = -(-space.inner // width) if space.mode == "col" else 1
    if columns:
        block = _column_block(space, width, space.rows * vectors, caps)
        scalars.append(block)
        vectors = -(-vectors // block)
    tasks = space.rows * vectors
    args += scalars
    arg_types += ["uint64" if wide else "uint32"] * len(scalars)
    group_rows = space.mode == "row" and width == 1
    local = 1 if width > 1 else _power_of_two(min(
        pick("group", LONG_GROUP if group_rows and space.n >= LONG else GPU_GROUP), caps.max_work_group_size))
    if width > 1:
        workers = caps.units * pick("workers_per_unit", CPU_WORKERS_PER_UNIT)
        size = 1 if space.numel <= CPU_GRAIN else min(tasks, workers)
    else:
        groups = tasks if group_rows else -(-tasks // local)
        size = min(groups, caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT)) * local
    faults = "target" if r.target is not None else ""
    layout: tuple[tuple[str, Any], ...] = (("mode", space.mode), ("whole", whole), ("unroll", unroll))
    if columns:
        layout = (("most", COLUMN_BLOCK),
                  ("post_reads", tuple(tuple(arguments(s[2])) for group in passes for s in group)),
                  ("row_reads", tuple(arguments(*(o[2] for o in outs if o[0] == "row")))))
    spec = KernelSpec(
        "rowwise_columns" if columns else "rowwise", r.name,
        (("inputs", inputs), ("passes", passes), ("outs", outs), ("acc", acc), ("width", width), *layout,
         ("stash", stash), ("target", r.target), ("index_type", index),
         ("STAT", STAT), ("RAW", RAW), ("STASH", STASH),
         ("pass_reads", tuple(tuple(arguments(*(s[1] for s in group))) for group in passes)),
         ("out_reads", tuple(arguments(*(o[2] for o in outs if o[0] == "full")))),
         ("fault_code", fault_code(r.name, faults) if faults else 0)),
        (local,), tuple(arg_types), faults)
    return Launch(spec, (size,), tuple(args))


def _column_block(space: Space, width: int, vectors: int, caps: DeviceCaps) -> int:
    """Vectors of neighbouring rows per task: in cache between passes, and something for every worker."""
    cached = max(COLUMN_BLOCK_LEAST, COLUMN_BLOCK_ELEMENTS // (space.n * width))
    return max(1, min(COLUMN_BLOCK, cached, vectors // (caps.units * CPU_WORKERS_PER_UNIT)))


def _power_of_two(n: int) -> int:
    return 1 << (n.bit_length() - 1)


def stashes(dtype: DType) -> bool:
    """Whether a result of this type can hold an intermediate value without rounding it."""
    return dtype in (dt.float32, dt.float64)
