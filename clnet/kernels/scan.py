"""Plans of scans: running sums, products, extremes and recurrences along one dimension."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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

# Tunables: elements below which one work-item suffices; workers per unit; elements of a part.
GRAIN = 8192
WORKERS_PER_UNIT = {"cpu": 4, "gpu": 256}
PART = 4096
GPU_GROUP = 64
# GPU class: items of a group, at most, that scan a line together, and elements of each in a step; contiguous
# lines or fewer than LONE are scanned so; groups per unit share lines of more than so many steps.
TOGETHER, PER_ITEM = 256, 4
LONE = 32
STEPS = 4
GROUPS_PER_UNIT = 8

_INDEX_LIMIT = 1 << 31

SPACE = family("scan", ("lines", "elements"), Parameter("part", (1024, 2048, 4096, 8192, 16384)), WORKERS,
               Parameter("items_per_unit", (64, 128, 256, 512, 1024)))


def plan(name: str, combine: str, operands: Sequence[Layout], dim: int, result: DType, reverse: bool,
         caps: DeviceCaps) -> Plan:
    """A scan of operand 0 along ``dim``.

    Args:
        combine: "sum", "prod", "logaddexp", "max" or "min" (with int64 indices as second result), or
            "linear": y[i] = a[i] * y[i-1] + x[i] with operand 1 as ``a``.
        reverse: from the end to the beginning.
    """
    x = operands[0]
    outputs = [lay.dense(x.shape, result)]
    if combine in ("max", "min"):
        outputs.append(lay.dense(x.shape, dt.int64))
    single = len(outputs) == 1
    if not x.numel:
        return Plan(tuple(outputs), (), single=single)
    walked = [*operands, *outputs]
    outer = [d for d in range(x.ndim) if d != dim]
    sizes, steps = lay.collapse([x.shape[d] for d in outer], [[o.strides[d] for d in outer] for o in walked])
    n = x.shape[dim] if x.ndim else 1
    line_steps = [o.strides[dim] if x.ndim else 1 for o in walked]
    acc = register_dtype(result)
    width = plan_vector_width([*(o.dtype for o in walked[:2]), acc], caps) if not acc.is_complex else 1
    simple = combine in ("sum", "prod")
    across = (simple and all(s[-1] == 1 for s in steps) and line_steps[0] != 1 and sizes[-1] >= width > 1)
    if not across and not (simple and all(s == 1 for s in line_steps)):
        width = 1
    mode = "across" if across else "line"
    lines = math.prod(sizes)
    together = (caps.plan_class == "gpu" and combine != "linear" and n > 4 * PER_ITEM
                and (lines < LONE or line_steps[len(operands)] == 1))
    if together:
        mode, width = "group", 1
    groups = math.prod(sizes[:-1]) * -(-sizes[-1] // width) if across else lines
    pick = SPACE.choice(caps, f"{combine} {x.dtype.name} {mode}", lines, n)
    workers = caps.units * (pick("workers_per_unit" if caps.plan_class == "cpu" else "items_per_unit",
                                 WORKERS_PER_UNIT[caps.plan_class]) if x.numel > GRAIN else 1)
    parts, part = 1, n
    local = 1 if caps.plan_class == "cpu" else min(GPU_GROUP, caps.max_work_group_size)
    if together:
        local = min(32, caps.max_work_group_size)
        while (local < min(TOGETHER, caps.max_work_group_size) and local * PER_ITEM < n
               and 2 * local * (PER_ITEM + 2) * (acc.itemsize + 8) <= caps.local_mem_size):
            local *= 2
        step = local * PER_ITEM
        part = step * -(-n // (step * min(-(-n // (STEPS * step)), -(-caps.units * GROUPS_PER_UNIT // lines))))
        parts = -(-n // part)
    elif simple and not across and lines < workers and lines * n > GRAIN:
        part = max(pick("part", PART), -(-n // max(1, workers // lines)))
        part = -(-part // width) * width
        parts = -(-n // part)
    wide = max(o.extent() for o in walked) >= _INDEX_LIMIT
    tasks = groups * parts
    count = 1 if x.numel <= GRAIN else min(tasks, workers)
    size = min(tasks, caps.units * 4 * GROUPS_PER_UNIT) * local if together else -(-count // local) * local
    scalars: list[int] = []
    for d, s in enumerate(sizes):
        scalars += [s, *(st[d] for st in steps)]
    scalars += [*line_steps, n, part, parts, lines, tasks]
    buffers: list[Any] = [Operand(i) for i in range(len(operands))] + [Result(k) for k in range(len(outputs))]
    temporaries: tuple[Layout, ...] = ()
    if parts > 1:
        temporaries = tuple(lay.dense((lines, parts), d) for d in (acc, dt.int64)[:len(outputs) if together else 1])
        buffers += [Temporary(k) for k in range(len(temporaries))]
    launches = []
    for adjust in (False, True)[:1 + (parts > 1)]:
        spec = KernelSpec(
            "scan", f"{name}_adjust" if adjust else name,
            (("dtype", x.dtype), ("result", result), ("acc", acc), ("combine", combine), ("mode", mode),
             ("width", width), ("reverse", reverse), ("outer_rank", len(sizes)), ("split", parts > 1),
             ("adjust", adjust), ("per_item", PER_ITEM), ("wide", wide)),
            (local,), (None, "uint64") * len(buffers) + ("uint64" if wide else "uint32",) * len(scalars))
        launches.append(Launch(spec, (size,), (*buffers, *scalars)))
    return Plan(tuple(outputs), tuple(launches), temporaries, single=single)
