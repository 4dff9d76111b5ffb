"""The backward of layer normalisation with weight and bias, reading its operands once."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from ..core.tunables import GROUP, GROUPS, WORKERS, family

# Rows have a multiple of this many elements.
ALIGN = 16
# Tunables.  CPU class: workers per unit, elements below which one suffices.  GPU class: the work-group,
# workers per unit.
CPU_WORKERS_PER_UNIT = 4
CPU_GRAIN = 4096
GPU_GROUP = 128
GPU_WORKERS_PER_UNIT = 4

SPACE = family("norm_backward", ("rows", "elements"), WORKERS, GROUP, GROUPS)


def plan(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """Cotangents of x, of the weight and of the bias.

    Args:
        operands: g and x (..., n), mean and scale of every row, the weight (n); all dense.
        attrs: nothing.
    """
    g, x, _, _, weight = operands
    n = weight.numel
    rows = x.numel // n
    acc = register_dtype(x.dtype)
    column = lay.dense(weight.shape, weight.dtype)
    results = (lay.dense(x.shape, x.dtype), column, column)
    cpu = caps.plan_class == "cpu"
    lanes = (16 if acc.itemsize == 4 else 8) if cpu else 1
    pick = SPACE.choice(caps, f"{x.dtype.name} {acc.name}", rows, n)
    local = 1 if cpu else 1 << (min(pick("group", GPU_GROUP), caps.max_work_group_size).bit_length() - 1)
    share = rows
    if x.numel > CPU_GRAIN:
        share = math.ceil(rows / caps.units / (pick("workers_per_unit", CPU_WORKERS_PER_UNIT) if cpu else
                                               pick("groups_per_unit", GPU_WORKERS_PER_UNIT)))
    workers = math.ceil(rows / share)
    params = (("g_dtype", g.dtype), ("x_dtype", x.dtype), ("w_dtype", weight.dtype), ("acc", acc), ("lanes", lanes))
    walk = KernelSpec("norm_backward", "norm_backward_rows", (("mode", "rows"), *params), (local,),
                      (*[None, "uint64"] * 7, *["uint64"] * 3))
    add = KernelSpec("norm_backward", "norm_backward_columns", (("mode", "columns"), *params), (local,),
                     (*[None, "uint64"] * 3, *["uint64"] * 2))
    launches = (Launch(walk, (workers * local,), (*(Operand(i) for i in range(5)), Result(0), Temporary(0), rows, n,
                                                  share)),
                Launch(add, (math.ceil(n / lanes / local) * local if not cpu else min(n // lanes, caps.units),),
                       (Temporary(0), Result(1), Result(2), workers, n)))
    return Plan(results, launches, (lay.dense((workers, 2, n), acc),), single=False)
