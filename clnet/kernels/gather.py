"""Plans of lookups along one dimension."""
from __future__ import annotations

import math
from collections.abc import Sequence

from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.errors import fault_code
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result
from ..core.tunables import GROUP, GROUPS, WORKERS, family

# Tunables: elements below which one work-item suffices, work-items per unit above it (CPU class);
# work-items per group and groups per unit (GPU class).
CPU_GRAIN = 8192
CPU_WORKERS_PER_UNIT = 4
GPU_GROUP = 64
GPU_GROUPS_PER_UNIT = 32

INDEX_LIMIT = 1 << 31

SPACE = family("gather", ("rows", "elements"), WORKERS, GROUP, GROUPS)
_BITS = {1: "uchar", 2: "ushort", 4: "uint", 8: "ulong", 16: "ulong2"}


def row(layout: Layout) -> Layout:
    """A 0-d layout as one dimension of one element."""
    return layout if layout.ndim else lay.dense((1,), layout.dtype)


def plan(name: str, x: Layout, index: Layout, dim: int, wraps: bool, fault: str,
         caps: DeviceCaps) -> Plan:
    """``x`` looked up along ``dim`` at ``index`` (of the result's shape, strides of 0 allowed).

    Args:
        wraps: negative indices count from the end.
        fault: kind of error that an index outside the dimension is.
    """
    result = lay.dense(index.shape, x.dtype)
    if not result.numel:
        return Plan((result,), ())
    x, index, y = row(x), row(index), row(result)
    x_steps = [0 if d == dim else s for d, s in enumerate(x.strides)]
    sizes, (xs, cs, _) = lay.collapse(index.shape, [x_steps, index.strides, y.strides])
    last = len(sizes) - 1

    def classes(steps: Sequence[int]) -> tuple[str, ...]:
        return tuple("b" if s == 0 else "u" if s == 1 and d == last else "s" for d, s in enumerate(steps))

    n, rows = sizes[-1], math.prod(sizes[:-1])
    cpu = caps.plan_class == "cpu"
    width = plan_vector_width([x.dtype], caps)
    chunk = n
    pick = SPACE.choice(caps, f"{x.dtype.itemsize} {''.join(classes(xs))} {''.join(classes(cs))}", rows, n)
    if cpu:
        local = 1
        workers = 1 if y.numel <= CPU_GRAIN else caps.units * pick(
            "workers_per_unit", CPU_WORKERS_PER_UNIT)
        if rows < workers:
            share = -(-n * rows // workers)
            chunk = -(-share // width) * width
        chunks = -(-n // chunk)
        tasks = rows * chunks
        size = min(workers, tasks)
    else:
        local = min(pick("group", GPU_GROUP), caps.max_work_group_size)
        chunks, tasks = 1, y.numel
        size = min(-(-tasks // local), caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT)) * local
    wide = max(x.extent() + x.shape[dim], index.extent(), y.numel) >= INDEX_LIMIT
    scalars = [*sizes[:-1], *(s for pair in zip(xs, cs) for s in pair), x.shape[dim], x.strides[dim],
               n, chunk, chunks, tasks]
    spec = KernelSpec(
        "gather", name,
        (("bits", _BITS[x.dtype.itemsize]), ("index_dtype", index.dtype), ("rank", len(sizes)),
         ("x_classes", classes(xs)), ("index_classes", classes(cs)), ("width", width), ("wraps", wraps),
         ("index_type", "ulong" if wide else "uint"), ("fault_code", fault_code(name, fault))),
        (local,), (None, "uint64") * 3 + ("uint64" if wide else "uint32",) * len(scalars), fault)
    launch = Launch(spec, (size,), (Operand(0), Operand(1), Result(0), *scalars))
    return Plan((result,), (launch,))
