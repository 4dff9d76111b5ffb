"""Plans of reads and writes at positions given by index tensors, and of finding non-zeros."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.errors import fault_code
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from ..core.tunables import GROUP, WORKERS, Parameter, family
from . import elementwise

# Tunables: elements below which one work-item suffices; owners of target positions of a write
# (each visits every index, so more is not better); workers per unit of a read; GPU class: items of a group,
# and at most so many that write neighbouring elements for one owner.
GRAIN = 4096
OWNERS_PER_UNIT = 2
WORKERS_PER_UNIT = {"cpu": 4, "gpu": 1024}
GPU_GROUP = 64
NEIGHBOURS = 256

# What is only moved is bits: one kernel for all types of a size, also of types the device cannot compute with.
_MOVED = {1: dt.uint8, 2: dt.int16, 4: dt.int32, 8: dt.int64}

_INDEX_LIMIT = 1 << 31

SPACE = family("index", ("batches", "elements"), Parameter("owners_per_unit", (1, 2, 4, 8)), WORKERS, GROUP,
               Parameter("items_per_unit", (256, 512, 1024, 2048)))


def _launch(name: str, base: Layout, base_arg: Any, indices: Sequence[Layout], first_index: int,
            data: Layout, data_arg: Any, writes: bool, accumulate: bool, caps: DeviceCaps) -> Launch:
    k = len(indices)
    batch_shape = lay.broadcast_shapes(*(i.shape for i in indices))
    index_steps = [lay.expand_strides(i, batch_shape) for i in indices]
    nb = len(batch_shape)
    data_batch = data.strides[:nb]
    sizes, steps = lay.collapse(batch_shape, [*index_steps, data_batch])
    rest_sizes, (rest_x, rest_y) = lay.collapse(base.shape[k:], [base.strides[k:], data.strides[nb:]])
    wide = max(base.extent(), data.extent(), data.numel) >= _INDEX_LIMIT
    scalars: list[int] = []
    for j in range(k):
        scalars += [base.shape[j], base.strides[j], *steps[j]]
    for n, s in zip(sizes, steps[k]):
        scalars += [n, s]
    for n, sx, sy in zip(rest_sizes, rest_x, rest_y):
        scalars += [n, sx, sy]
    batches, rows = math.prod(sizes), math.prod(rest_sizes[:-1])
    kind = "adds" if accumulate else "writes" if writes else "reads"
    pick = SPACE.choice(caps, f"{kind} {base.dtype.name}", batches, math.prod(rest_sizes))
    cpu = caps.plan_class == "cpu"
    local = 1 if cpu else min(pick("group", GPU_GROUP), caps.max_work_group_size)
    small = data.numel <= GRAIN and cpu
    parts = lanes = 1
    if writes:
        parts = 1 if small else caps.units * pick("owners_per_unit", OWNERS_PER_UNIT)
        lanes = 1 if cpu else min(rest_sizes[-1], NEIGHBOURS)
        parts = -(-parts // local) * local
        size = parts * lanes
    else:
        size = 1 if small else min(batches if cpu else data.numel, caps.units * pick(
            "workers_per_unit" if cpu else "items_per_unit", WORKERS_PER_UNIT[caps.plan_class]))
        size = -(-size // local) * local
    scalars += [batches, rows, parts, lanes]
    dtype = base.dtype if accumulate else _MOVED.get(base.dtype.itemsize, base.dtype)
    width = plan_vector_width([dtype], caps)
    if not cpu or accumulate or dtype.is_complex or (rest_x[-1], rest_y[-1]) != (1, 1) or rest_sizes[-1] < width:
        width = 1
    spec = KernelSpec(
        "index", name,
        (("dtype", dtype), ("width", width),
         ("index_types", tuple(i.dtype for i in indices)), ("writes", writes),
         ("accumulate", accumulate), ("batch_rank", len(sizes)), ("rest_rank", len(rest_sizes)),
         ("wide", wide), ("fault_code", fault_code("index", "index"))),
        (local,), (None, "uint64") * (k + 2) + ("uint64" if wide else "uint32",) * len(scalars), "index")
    args = [base_arg, *(Operand(first_index + j) for j in range(k)), data_arg, *scalars]
    return Launch(spec, (size,), tuple(args))


def gather(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    """Operand 0 read at the positions that the other operands give for its first dimensions."""
    x, *indices = operands
    shape = (*lay.broadcast_shapes(*(i.shape for i in indices)), *x.shape[len(indices):])
    y = lay.dense(shape, x.dtype)
    if not y.numel:
        return Plan((y,), ())
    return Plan((y,), (_launch("index", x, Operand(0), indices, 1, y, Result(0), False, False, caps),))


def put(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps,
        out: tuple[Layout, ...] | None = None) -> Plan:
    """A copy of operand 0 (or ``out`` itself, in place) with operand 1 written or added to it.

    The further operands give positions along operand 0's first dimensions.
    """
    x, values, *indices = operands
    y = lay.dense(x.shape, x.dtype) if out is None else out[0]
    launches: tuple[Launch, ...] = ()
    if out is None and x.numel:
        launches = elementwise.plan("copy", lambda v: [v], (x,), x.dtype, (y,), caps).launches
    if values.numel:
        launches += (_launch("index_put", y, Result(0), indices, 2, values, Operand(1), True,
                             attrs["accumulate"], caps),)
    return Plan((y,), launches)


def nonzero(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    """int64 coordinates (count, rank) of non-zero elements; ``count`` is known from the host."""
    x = operands[0]
    y = lay.dense((attrs["count"], x.ndim), dt.int64)
    if not y.numel:
        return Plan((y,), ())
    parts = 1 if x.numel <= GRAIN else caps.units * WORKERS_PER_UNIT["cpu"]
    share = -(-x.numel // parts)
    wide = max(x.extent(), x.numel) >= _INDEX_LIMIT
    kind = "uint64" if wide else "uint32"
    geometry = [v for pair in zip(x.shape, x.strides) for v in pair]
    launches = []
    for fills in (False, True):
        params = (("dtype", x.dtype), ("rank", x.ndim), ("fills", fills), ("wide", wide))
        head: list[Any] = [Operand(0), Temporary(0), *([Result(0), attrs["count"]] if fills else [])]
        types = (None, "uint64") * 2 + ((None, "uint64", "int64") if fills else ())
        types += (kind,) * (len(geometry) + 2)
        spec = KernelSpec("nonzero", "nonzero_fill" if fills else "nonzero_count", params, (1,), types)
        launches.append(Launch(spec, (parts,), (*head, *geometry, x.numel, share)))
    return Plan((y,), tuple(launches), (lay.dense((parts,), dt.int64),))
