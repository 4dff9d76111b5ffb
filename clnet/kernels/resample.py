"""Plans of resampling along one dimension: each result is a weighted sum of a few elements.

Padding by mirrored or repeated elements and interpolation of every kind have this form.  A first
launch writes a table of the places and weights that each position reads; a second one sums.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from ..core.tunables import GROUP, GROUPS, WORKERS, family
from .product import accumulator

# Tunables: elements below which one work-item does everything, work-items per unit (CPU class);
# work-items per group, groups per unit (GPU class).
CPU_GRAIN = 4096
CPU_WORKERS_PER_UNIT = 4
GPU_GROUP = 64
GPU_GROUPS_PER_UNIT = 64

_INDEX_LIMIT = 1 << 31
_FILTERS = {"linear_antialias": 2, "cubic_antialias": 4, "lanczos_antialias": 6}
_TAPS = {"linear": 2, "cubic": 4}
SPACE = family("resample", ("outer", "results", "inner", "taps"), WORKERS, GROUP, GROUPS)
COPIES = ("reflect", "replicate", "circular", "nearest", "nearest-exact")


@dataclass(frozen=True)
class Axis:
    """Which elements of a line of ``size`` each of ``count`` results reads.

    Attributes:
        mode: "reflect", "replicate" or "circular" (padding), "nearest", "nearest-exact", "linear",
            "cubic", or with "_antialias" "linear", "cubic" or "lanczos" (interpolation).
        scale: distance of neighbouring results, in elements (interpolation).
        shift: results before the first element (padding).
        corners: results and elements are aligned at the corners' centres, not at their edges.
    """

    mode: str
    size: int
    count: int
    scale: float = 0.0
    shift: int = 0
    corners: bool = False

    @property
    def support(self) -> float:
        """Half the width of an antialiasing filter, in elements."""
        return _FILTERS[self.mode] * 0.5 * max(self.scale, 1.0)

    @property
    def taps(self) -> int:
        """Elements that a result reads at most."""
        if self.mode in _FILTERS:
            return math.ceil(self.support) * 2 + 1
        return _TAPS.get(self.mode, 1)


def plan(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """``x`` with dimension ``dim`` resampled by ``axis``; with ``adjoint``, its adjoint."""
    x, axis, dim, adjoint = operands[0], attrs["axis"], attrs["dim"], attrs["adjoint"]
    shape = tuple((axis.size if adjoint else axis.count) if d == dim else n for d, n in enumerate(x.shape))
    y = lay.dense(shape, x.dtype)
    if not y.numel:
        return Plan((y,), ())
    acc = accumulator(x.dtype)
    outer, inner = math.prod(shape[:dim]), math.prod(shape[dim + 1:])
    cpu = caps.plan_class == "cpu"
    width = plan_vector_width([x.dtype, acc], caps) if not acc.is_complex else 1
    width = width if inner >= width else 1
    weighted = axis.mode not in COPIES
    real = acc if acc in (dt.float32, dt.float64) else dt.float32
    wide = max(axis.count * axis.taps, x.numel, y.numel) >= _INDEX_LIMIT
    common = (("mode", axis.mode), ("corners", axis.corners), ("dtype", x.dtype), ("acc", acc), ("real", real),
              ("width", width), ("weighted", weighted), ("index_type", "ulong" if wide else "uint"))
    number = "uint64" if wide else "uint32"
    places = Temporary(0)
    tables = [places, *([Temporary(1)] if weighted else [])]
    temporaries = (lay.dense((axis.count * axis.taps,), dt.int32),
                   *([lay.dense((axis.count * axis.taps,), real)] if weighted else []))
    pick = SPACE.choice(caps, f"{x.dtype.name} {'adjoint' if adjoint else 'forward'}", outer, axis.count, inner,
                        axis.taps)
    local = 1 if cpu else min(pick("group", GPU_GROUP), caps.max_work_group_size)

    def launch(kind: str, size: int, buffers: Sequence[Any], scalars: Sequence[int], reals: Sequence[float]) -> Launch:
        spec = KernelSpec("resample", f"resample_{kind}", (("kind", kind), *common), (local,),
                          ((None, "uint64") * len(buffers) + (number,) * len(scalars) + (real.name,) * len(reals)))
        return Launch(spec, (-(-size // local) * local,), (*buffers, *scalars, *reals))

    support = axis.support if axis.mode in _FILTERS else 0.0
    table = launch("table", min(axis.count, caps.units) if cpu else axis.count, tables,
                   (axis.size, axis.count, axis.taps, axis.shift), (axis.scale, support))
    # Adjoint: a task adds up the lines of a few neighbouring positions, one result after the other.
    line = -(-inner // width)
    tasks = outer * line if adjoint else outer * axis.count * (line if not cpu else 1)
    if cpu:
        workers = 1 if x.numel + y.numel <= CPU_GRAIN else caps.units * pick(
            "workers_per_unit", CPU_WORKERS_PER_UNIT)
    else:
        workers = caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT) * local
    scalars = (axis.size, axis.count, axis.taps, inner, line, tasks)
    main = launch("adjoint" if adjoint else "forward", min(workers, tasks), (Operand(0), *tables, Result(0)),
                  scalars, ())
    return Plan((y,), (table, main), temporaries)
