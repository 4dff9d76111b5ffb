"""Plans of unfolding planes into the columns of their windows, and of the adjoint sum."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result

# Tunables: elements below which one work-item does everything, work-items per unit (CPU class);
# work-items per group, groups per unit (GPU class).
CPU_GRAIN = 4096
CPU_WORKERS_PER_UNIT = 4
GPU_GROUP = 64
GPU_GROUPS_PER_UNIT = 64

_INDEX_LIMIT = 1 << 31
Pair = tuple[int, int]


@dataclass(frozen=True)
class Blocks:
    """Windows over planes (h, w): as many rows and columns of them as ``count`` says."""

    plane: Pair
    kernel: Pair
    dilation: Pair
    padding: Pair
    stride: Pair

    @property
    def count(self) -> Pair:
        rows, columns = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(
            self.plane, self.padding, self.dilation, self.kernel, self.stride))
        return rows, columns


def plan_unfold(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """x (n, c, h, w) -> columns (n, c * taps, blocks)."""
    x, blocks = operands[0], attrs["blocks"]
    y = lay.dense((x.shape[0], x.shape[1] * math.prod(blocks.kernel), math.prod(blocks.count)), x.dtype)
    steps = {f"x_{axis}": s for axis, s in zip("nchw", x.strides)}
    return _plan("unfold", x, y, x.shape[1], blocks, steps, blocks.count[1], caps)


def plan_fold(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """Columns (n, c * taps, blocks) -> planes (n, c, h, w) of the sums of what lies at each place."""
    x, blocks = operands[0], attrs["blocks"]
    channels = x.shape[1] // math.prod(blocks.kernel)
    y = lay.dense((x.shape[0], channels, *blocks.plane), x.dtype)
    steps = {f"x_{axis}": s for axis, s in zip(("n", "row", "block"), x.strides)}
    return _plan("fold", x, y, channels, blocks, steps, blocks.plane[1], caps)


def _plan(kind: str, x: Layout, y: Layout, channels: int, blocks: Blocks, steps: dict[str, int], row: int,
          caps: DeviceCaps) -> Plan:
    if not y.numel:
        return Plan((y,), ())
    scalars = {"channels": channels, **steps}
    for name, values in (("in", blocks.plane), ("out", blocks.count), ("tap", blocks.kernel),
                         ("dil", blocks.dilation), ("pad", blocks.padding), ("stride", blocks.stride)):
        scalars |= {f"{name}_h": values[0], f"{name}_w": values[1]}
    cpu = caps.plan_class == "cpu"
    scalars["tasks"] = tasks = y.numel // row if cpu else y.numel
    wide = max(x.extent(), y.numel) * 2 >= _INDEX_LIMIT
    local = 1 if cpu else min(GPU_GROUP, caps.max_work_group_size)
    spec = KernelSpec("fold", kind, (("kind", kind), ("dtype", x.dtype), ("acc", register_dtype(x.dtype)),
                                     ("rows", cpu), ("index_type", "long" if wide else "int"),
                                     ("scalars", tuple(scalars))),
                      (local,), (None, "uint64") * 2 + ("int64" if wide else "int32",) * len(scalars))
    if cpu:
        size = 1 if y.numel <= CPU_GRAIN else min(tasks, caps.units * CPU_WORKERS_PER_UNIT)
    else:
        size = min(-(-tasks // local), caps.units * GPU_GROUPS_PER_UNIT) * local
    return Plan((y,), (Launch(spec, (size,), (Operand(0), Result(0), *scalars.values())),))
