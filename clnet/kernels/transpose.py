"""Plans of copies between layouts whose innermost dimensions disagree."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.plan import Launch, Operand, Result
from ..core.tunables import WORKERS, Parameter, family

# Tunables, CPU class: elements of a block along the source's and the target's contiguous dimension
# (its lines stay cached until they are used up), and elements below which one work-item does all.
CPU_BLOCK = (128, 128)
CPU_GRAIN = 8192
CPU_WORKERS_PER_UNIT = 4
# GPU class: side of the square in local memory, work-items per group and groups per unit; smallest
# sides for which the square pays.
GPU_SQUARE = 32
GPU_GROUP = 256
GPU_GROUPS_PER_UNIT = 16
GPU_LEAST = 8

_INDEX_LIMIT = 1 << 31

_BLOCKS = (32, 64, 128, 256, 512)
SPACE = family("transpose", ("outer", "source", "target"), Parameter("block_a", _BLOCKS), Parameter("block_b", _BLOCKS),
               WORKERS, Parameter("group", (64, 128, 256, 512)),
               Parameter("groups_per_unit", (4, 8, 16, 32, 64)))


def launch(name: str, operand: int, x_dtype: DType, y_dtype: DType, sizes: Sequence[int],
           x_steps: Sequence[int], y_steps: Sequence[int], caps: DeviceCaps) -> Launch | None:
    """The launch that copies operand ``operand`` to the result; None where rows need no transposing.

    Args:
        sizes: the collapsed iteration space; ``y_steps`` descend to 1 along the last dimension.
        x_steps, y_steps: strides of source and target.
    """
    last = len(sizes) - 1
    if y_steps[last] != 1 or x_steps[last] in (0, 1) or 1 not in x_steps:
        return None
    if x_dtype is not y_dtype and not _plain(x_dtype, y_dtype, caps):
        return None
    inner = list(x_steps).index(1)
    na, nb = sizes[inner], sizes[last]
    outer = [d for d in range(last) if d != inner]
    gpu = caps.plan_class == "gpu"
    pick = SPACE.choice(caps, f"{x_dtype.name} {y_dtype.name}", math.prod(sizes[d] for d in outer), na, nb)
    if gpu:
        if min(na, nb) < GPU_LEAST:
            return None
        width = 1
        tile_a = tile_b = _square(max(x_dtype.itemsize, y_dtype.itemsize), caps)
    else:
        width = plan_vector_width([x_dtype, y_dtype], caps) if y_dtype.itemsize <= 8 else 1
        tile_a, tile_b = pick("block_a", CPU_BLOCK[0]), pick("block_b", CPU_BLOCK[1])
    blocks_a, blocks_b = -(-na // tile_a), -(-nb // tile_b)
    tasks = math.prod(sizes[d] for d in outer) * blocks_a * blocks_b
    if gpu:
        rows = max(1, min(pick("group", GPU_GROUP), caps.max_work_group_size) // tile_a)
        local = rows * tile_a
        groups = min(tasks, caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT))
    else:
        local = 1
        workers = caps.units * pick("workers_per_unit", CPU_WORKERS_PER_UNIT)
        groups = 1 if math.prod(sizes) <= CPU_GRAIN else min(tasks, workers)
    reach = max(sum(n * abs(s) for n, s in zip(sizes, steps)) for steps in (x_steps, y_steps))
    wide = reach >= _INDEX_LIMIT
    scalars = [v for d in outer for v in (sizes[d], x_steps[d], y_steps[d])]
    scalars += [na, nb, x_steps[last], y_steps[inner], blocks_a, blocks_b, tasks]
    spec = KernelSpec(
        "transpose", name,
        (("x_dtype", x_dtype), ("y_dtype", y_dtype), ("outer_rank", len(outer)), ("W", width),
         ("tile_a", tile_a), ("tile_b", tile_b), ("gpu", gpu), ("index_type", "ulong" if wide else "uint")),
        (local,), (None, "uint64") * 2 + ("uint64" if wide else "uint32",) * len(scalars))
    args: tuple[Any, ...] = (Operand(operand), Result(0), *scalars)
    return Launch(spec, (groups * local,), args)


def _plain(x_dtype: DType, y_dtype: DType, caps: DeviceCaps) -> bool:
    """Whether one C conversion leads from one element type to the other."""
    return not any(d.is_complex or (d is dt.float64 and not caps.fp64) for d in (x_dtype, y_dtype))


def _square(itemsize: int, caps: DeviceCaps) -> int:
    """The side of a square (padded by a column) that fits local memory and a work-group."""
    side = GPU_SQUARE
    while side > 1 and (side * (side + 1) * max(itemsize, 4) > caps.local_mem_size
                        or side > caps.max_work_group_size):
        side //= 2
    return side
