"""Plans of sorting: stable radix sort of lines, whole or in parts, by work-items or (GPU class) work-groups."""
from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from ..core.tunables import WORKERS, Choice, Parameter, family
from ..core.tuned import Value

# Tunables: lines of at most so many elements are sorted by insertion; a line is cut into parts
# when there are fewer lines than workers and it is longer than PART.
INSERTION = 32
PART = 8192
WORKERS_PER_UNIT = 2
# GPU class: work-items of a group at most and elements of each in a step; a line is shared by groups when
# lines are fewer than units and longer than that many steps; groups and work-items per unit.
GROUP_ITEMS = 256
PER_ITEM = 8
STEPS = 4
GROUPS_PER_UNIT = 8
ITEMS_PER_UNIT = 2048


def _fits(caps: DeviceCaps, sizes: Mapping[str, int], values: Mapping[str, Value]) -> bool:
    return 36 * int(values.get("group", 32)) + 256 <= caps.local_mem_size


SPACE = family("sort", ("lines", "elements"), Parameter("part", (2048, 4096, 8192, 16384)), WORKERS,
               Parameter("group", (64, 128, 256)), Parameter("per_item", (4, 8, 16)), allows=_fits)

KEYS = {1: dt.uint8, 2: dt.int16, 4: dt.int32, 8: dt.int64}


def plan(x: Layout, dim: int, descending: bool, caps: DeviceCaps) -> Plan:
    """Sorted values and their int64 positions along ``dim``; equal elements keep their order.

    Raises:
        NotImplementedError: a line or the tensor has 2**31 elements or more.
        RuntimeError: complex elements, which have no order.
    """
    if x.dtype.is_complex:
        raise NotImplementedError(f"sort: not implemented for {x.dtype}")
    outputs = (lay.dense(x.shape, x.dtype), lay.dense(x.shape, dt.int64))
    if not x.numel:
        return Plan(outputs, (), single=False)
    if max(x.extent(), x.numel) >= 1 << 31:
        raise NotImplementedError(f"sort of {x.numel} elements: clnet sorts fewer than 2**31 at once")
    walked = (x, *outputs)
    outer = [d for d in range(x.ndim) if d != dim]
    sizes, steps = lay.collapse([x.shape[d] for d in outer], [[o.strides[d] for d in outer] for o in walked])
    n = x.shape[dim] if x.ndim else 1
    lines = math.prod(sizes)
    geometry: list[int] = []
    for d, s in enumerate(sizes):
        geometry += [s, *(st[d] for st in steps)]
    geometry += [o.strides[dim] if x.ndim else 1 for o in walked]
    key = KEYS[x.dtype.itemsize]
    temporaries: tuple[Layout, ...]

    def launch(phase: str, buffers: list[Any], extra: list[int], part: int, parts: int, size: int,
               local: int = 1) -> Launch:
        scalars = [*extra, *geometry, n, part, parts, lines, lines * parts]
        spec = KernelSpec(
            "sort", f"sort_{phase}",
            (("dtype", x.dtype), ("descending", descending), ("phase", phase), ("outer_rank", len(sizes)),
             ("insertion_limit", INSERTION)),
            (local,), (None, "uint64") * len(buffers) + ("uint32",) * len(scalars))
        return Launch(spec, (size,), (*buffers, *scalars))

    pick = SPACE.choice(caps, x.dtype.name, lines, n)
    if caps.plan_class == "gpu":
        temporaries = (lay.dense((2, lines, n), key), lay.dense((2, lines, n), dt.int32))
        local = min(GROUP_ITEMS, caps.max_work_group_size)
        size = -(-min(x.numel, caps.units * ITEMS_PER_UNIT) // local) * local
        launches, counts = _digits(n, lines, key, caps, pick)
        # In these two each work-item walks over elements of its own, neighbours side by side.
        keys = launch("keys", [Operand(0), Temporary(0), Temporary(1)], [], 1, n, size, local)
        finish = launch("finish", [Operand(0), Result(0), Result(1), Temporary(0), Temporary(1)], [], 1, n, size, local)
        return Plan(outputs, (keys, *launches, finish), temporaries + counts, single=False)
    workers = caps.units * pick("workers_per_unit", WORKERS_PER_UNIT) if x.numel > PART else 1
    least = pick("part", PART) if n > PART and lines < workers else n
    if n <= least:
        size = min(lines, workers)
        temporaries = (lay.dense((size, 2, n), key), lay.dense((size, 2, n), dt.int32))
        only = launch("lines", [Operand(0), Result(0), Result(1), Temporary(0), Temporary(1)], [], n, 1, size)
        return Plan(outputs, (only,), temporaries, single=False)
    part = max(least, -(-n * lines // workers))
    parts = -(-n // part)
    size = min(lines * parts, workers)
    temporaries = (lay.dense((2, lines, n), key), lay.dense((2, lines, n), dt.int32),
                   lay.dense((lines, parts, 256), dt.int32))
    scratch: list[Any] = [Operand(0), Temporary(0), Temporary(1)]
    launches = [launch("keys", scratch, [], part, parts, size)]
    for digit in range(x.dtype.itemsize):
        for phase in ("count", "move"):
            launches.append(launch(phase, [*scratch, Temporary(2)], [8 * digit, digit % 2], part, parts, size))
    # After an odd number of passes the result lies in the second buffer.
    final = Temporary(1, shift=(x.dtype.itemsize % 2) * lines * n)
    launches.append(launch("finish", [Operand(0), Result(0), Result(1), Temporary(0), final], [], part, parts, size))
    return Plan(outputs, tuple(launches), temporaries, single=False)


def _digits(n: int, lines: int, key: DType, caps: DeviceCaps,
            pick: Choice) -> tuple[list[Launch], tuple[Layout, ...]]:
    """GPU class: the passes over all digits of keys and places, which end in the first of two buffers, and
    the counts that they keep."""
    items, per_item = pick("group", GROUP_ITEMS), pick("per_item", PER_ITEM)
    while items > 32 and (items > caps.max_work_group_size or items * per_item >= 2 * n):
        items //= 2
    chunk = items * per_item
    parts = -(-n // chunk)
    digits = 2 * key.itemsize
    c_type = {1: "uchar", 2: "ushort", 4: "uint", 8: "ulong"}[key.itemsize]
    pair = (Temporary(0), Temporary(1))

    def launch(phase: str, buffers: tuple[Temporary, ...], digit: int, groups: int) -> Launch:
        spec = KernelSpec("sort_radix", f"sort_radix_{phase}",
                          (("phase", phase), ("key", c_type), ("per_item", per_item)), (items,),
                          (None, "uint64") * len(buffers) + ("uint32",) * 4)
        return Launch(spec, (groups * items,), (*buffers, digit, n, parts, lines))

    if lines >= caps.units or parts <= STEPS:
        return [launch("line", pair, digits, min(lines, caps.units * GROUPS_PER_UNIT))], ()
    launches = []
    for digit in range(digits):
        launches += [launch("count", (*pair, Temporary(2)), digit, lines * parts),
                     launch("scan", (Temporary(2),), digit, lines),
                     launch("move", (*pair, Temporary(2)), digit, lines * parts)]
    return launches, (lay.dense((lines, 16, parts), dt.int32),)
