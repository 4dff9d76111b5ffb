"""Plans of selection: the k first elements of lines in order, or one element by its rank."""
from __future__ import annotations

import math
from typing import Any

from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from ..core.tunables import GROUP, GROUPS, WORKERS, family
from .sort import INSERTION, KEYS

# Tunables: a list of the best holds at most so many; workers per unit; elements for one worker.
FEW = 16
WORKERS_PER_UNIT = {"cpu": 4, "gpu": 16}
GRAIN = 8192
# On GPUs: work-items that share a line, groups per unit, and elements sorted in local memory.
GPU_GROUP = 256
GROUPS_PER_UNIT = 16
CAPACITY = 1024

SPACE = family("select", ("lines", "elements", "k"), WORKERS, GROUP, GROUPS)


def plan(x: Layout, dim: int, mode: str, k: int, largest: bool, caps: DeviceCaps) -> Plan:
    """Values and their int64 positions along ``dim``.

    Args:
        mode: "topk": the ``k`` first in order (descending if ``largest``); "rank": the ``k``-th
            smallest from 1; "median": the lower median, or the first NaN; "nanmedian": the lower
            median of what is no NaN.  All but "topk" leave size 1 along ``dim``.

    Raises:
        NotImplementedError: the tensor has 2**31 elements or more.
        RuntimeError: complex elements, which have no order.
    """
    if x.dtype.is_complex:
        raise NotImplementedError(f"{mode}: not implemented for {x.dtype}")
    held = k if mode == "topk" else 1
    shape = tuple(held if d == dim else n for d, n in enumerate(x.shape))
    outputs = (lay.dense(shape, x.dtype), lay.dense(shape, dt.int64))
    if not outputs[0].numel:
        return Plan(outputs, (), single=False)
    if max(x.extent(), x.numel) >= 1 << 31:
        raise NotImplementedError(f"selection from {x.numel} elements: clnet selects from fewer than 2**31")
    walked = (x, *outputs)
    outer = [d for d in range(x.ndim) if d != dim]
    sizes, steps = lay.collapse([x.shape[d] for d in outer], [[o.strides[d] for d in outer] for o in walked])
    n = x.shape[dim] if x.ndim else 1
    step = x.strides[dim] if x.ndim else 1
    lines = math.prod(sizes)
    pick = SPACE.choice(caps, f"{mode} {x.dtype.name}", lines, n, k)
    shared = caps.plan_class == "gpu" and (mode != "topk" or k <= CAPACITY)
    scalars: list[int] = []
    for d, s in enumerate(sizes):
        scalars += [s, *(st[d] for st in steps)]
    scalars += [o.strides[dim] if x.ndim else 1 for o in walked]
    scalars += [n, k, lines]
    buffers: list[Any] = [Operand(0), Result(0), Result(1)]
    params: tuple[tuple[str, Any], ...] = (("dtype", x.dtype), ("largest", largest), ("outer_rank", len(sizes)))
    if shared:
        local = min(pick("group", GPU_GROUP), caps.max_work_group_size)
        capacity = 1 << max(k - 1, 15).bit_length()
        spec = KernelSpec("select_group", f"select_{mode}", (*params, ("mode", mode), ("capacity", capacity)),
                          (local,), (None, "uint64") * 3 + ("uint32",) * len(scalars))
        groups = min(lines, caps.units * pick("groups_per_unit", GROUPS_PER_UNIT))
        return Plan(outputs, (Launch(spec, (groups * local,), (*buffers, *scalars)),), single=False)
    if mode == "topk":
        mode = "few" if k <= FEW else "many"
    size = 1
    if x.numel > GRAIN:
        size = min(lines, caps.units * pick("workers_per_unit", WORKERS_PER_UNIT[caps.plan_class]))
    width = plan_vector_width([x.dtype], caps) if mode == "few" and (step == 1 or n == 1) else 1
    temporaries: tuple[Layout, ...] = ()
    if mode != "few":
        temporaries = (lay.dense((size, 2, n), KEYS[x.dtype.itemsize]), lay.dense((size, 2, n), dt.int32))
        buffers += [Temporary(0), Temporary(1)]
    spec = KernelSpec(
        "select", f"select_{mode}",
        (*params, ("mode", mode), ("width", width), ("few", FEW), ("insertion_limit", INSERTION)),
        (1,), (None, "uint64") * len(buffers) + ("uint32",) * len(scalars))
    return Plan(outputs, (Launch(spec, (size,), (*buffers, *scalars)),), temporaries, single=False)
