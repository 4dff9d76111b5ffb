"""Plans of binary search in sorted lines."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result

# Tunables: searches for one worker; workers per unit.
GRAIN = 512
WORKERS_PER_UNIT = {"cpu": 4, "gpu": 256}
GPU_GROUP = 64


def plan(operands: Sequence[Layout], right: bool, narrow: bool, caps: DeviceCaps) -> Plan:
    """Places (int32 if ``narrow``, else int64) of operand 1's values in operand 0's sorted lines.

    All operands are row-major; operand 0 is one line for all values, or has a line per line of
    values.  Operand 2, if given, holds the order (int64) in which operand 0's lines are sorted.

    Raises:
        NotImplementedError: 2**31 elements or more.
    """
    sequence, values = operands[:2]
    result = lay.dense(values.shape, dt.int32 if narrow else dt.int64)
    if not values.numel:
        return Plan((result,), ())
    if max(sequence.numel, values.numel) >= 1 << 31:
        raise NotImplementedError(f"search among {sequence.numel} elements: clnet searches fewer than 2**31")
    n = sequence.shape[-1]
    local = 1 if caps.plan_class == "cpu" else min(GPU_GROUP, caps.max_work_group_size)
    workers = min(-(-values.numel // GRAIN) if local == 1 else values.numel,
                  caps.units * WORKERS_PER_UNIT[caps.plan_class])
    spec = KernelSpec(
        "search", "search",
        (("dtype", sequence.dtype), ("result", result.dtype), ("right", right), ("ordered", len(operands) > 2)),
        (local,), (None, "uint64") * (len(operands) + 1) + ("uint32",) * 4)
    buffers: list[Any] = [*(Operand(i) for i in range(len(operands))), Result(0)]
    per_line = values.shape[-1] if values.ndim else 1
    shared = math.prod(sequence.shape[:-1]) == 1
    launch = Launch(spec, (-(-workers // local) * local,), (*buffers, n, per_line, int(shared), values.numel))
    return Plan((result,), (launch,))
