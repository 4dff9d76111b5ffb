"""Plans of pooling: largest or mean element of each window, and the way back by gathering.

Everything is laid out with three spatial dimensions; 1-d and 2-d have leading ones of size 1.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result
from ..core.tunables import GROUP, GROUPS, WORKERS, Parameter, family
from .product import accumulator

# Tunables.  Elements below which one work-item does everything; work-items per unit; the largest
# window whose size is compiled in; neighbouring windows that are walked together (CPU class).
CPU_GRAIN = 4096
CPU_WORKERS_PER_UNIT = 4
GPU_GROUP = 64
GPU_GROUPS_PER_UNIT = 64
FIXED_WINDOW = 32
VECTOR = 8

_INDEX_LIMIT = 1 << 31
_AXES = "dhw"

# Adjoints, CPU class: whether each work-item spreads the windows of planes of its own.
SPACE = family("pool", ("planes", "elements", "window"), Parameter("scatter", (False, True)), WORKERS, GROUP, GROUPS)


@dataclass(frozen=True)
class Windows:
    """Which inputs an output covers: p * stride - padding + r * dilation for r < size, or with
    ``adaptive`` everything from floor(p * in / out) up to ceil((p + 1) * in / out)."""

    size: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    adaptive: bool = False
    include_pad: bool = True
    divisor: int = 0


def _triple(values: Sequence[int], fill: int) -> tuple[int, ...]:
    return (fill,) * (3 - len(values)) + tuple(values)


def plan_max(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """x -> the largest element of each window, and its flat index in the input plane."""
    x = operands[0]
    shape = (*x.shape[:2], *attrs["size"])
    values, indices = lay.dense(shape, x.dtype), lay.dense(shape, dt.int64)
    launches = _launch("max", attrs["windows"], [x], [values, indices], x.shape, shape, shape, caps)
    return Plan((values, indices), launches, single=False)


def plan_mean(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """x -> the mean of each window."""
    x = operands[0]
    shape = (*x.shape[:2], *attrs["size"])
    y = lay.dense(shape, x.dtype)
    return Plan((y,), _launch("mean", attrs["windows"], [x], [y], x.shape, shape, shape, caps))


def plan_spread(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """g -> the adjoint of the mean: each input sums its share of the windows that cover it."""
    g = operands[0]
    shape = (*g.shape[:2], *attrs["size"])
    y = lay.dense(shape, g.dtype)
    return Plan((y,), _launch("spread", attrs["windows"], [g], [y], shape, g.shape, shape, caps))


def plan_route(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """g, indices -> each input sums the elements of g whose index names it."""
    g = operands[0]
    shape = (*g.shape[:2], *attrs["size"])
    y = lay.dense(shape, g.dtype)
    return Plan((y,), _launch("route", attrs["windows"], list(operands), [y], shape, g.shape, shape, caps))


def plan_take(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """x, indices -> the elements of each plane of x that the indices name."""
    x, indices = operands
    y = lay.dense(indices.shape, x.dtype)
    return Plan((y,), _launch("take", attrs["windows"], list(operands), [y], x.shape, indices.shape,
                              indices.shape, caps))


def _in_vectors(kind: str, cpu: bool, index: str, fixed: Sequence[tuple[str, int]], x: Layout) -> bool:
    """Whether neighbouring windows can be walked together."""
    return (kind == "max" and cpu and index == "int" and dict(fixed).get("stride_w") in (1, 2)
            and accumulator(x.dtype) is dt.float32)


def _launch(kind: str, windows: Windows, operands: list[Layout], results: list[Layout],
            wide_shape: Sequence[int], narrow_shape: Sequence[int], shape: Sequence[int],
            caps: DeviceCaps) -> tuple[Launch, ...]:
    """One launch over the elements of ``shape``: planes of ``narrow_shape`` hold one element per
    window over planes of ``wide_shape``."""
    numel = math.prod(shape)
    if not numel:
        return ()
    scalars: dict[str, int] = {"channels": shape[1]}
    for name, o in zip(("x", "i"), operands):
        steps = (*o.strides[:2], *_triple(o.strides[2:], 0))
        scalars |= {f"{name}_{axis}": s for axis, s in zip("nc" + _AXES, steps)}
    described = {"in": wide_shape[2:], "out": narrow_shape[2:]}
    if not windows.adaptive:
        described |= {"tap": windows.size, "stride": windows.stride, "pad": windows.padding, "dil": windows.dilation}
    for name, values in described.items():
        fill = 0 if name == "pad" else 1
        scalars |= {f"{name}_{axis}": v for axis, v in zip(_AXES, _triple(values, fill))}
    fixed: tuple[tuple[str, int], ...] = ()
    if not windows.adaptive and math.prod(windows.size) <= FIXED_WINDOW:
        names = [f"{name}_{axis}" for name in ("tap", "stride", "dil") for axis in _AXES]
        fixed = tuple((name, scalars.pop(name)) for name in names)
    if windows.divisor:
        scalars["divisor"] = windows.divisor
    cpu = caps.plan_class == "cpu"
    last = shape[-1]
    tasks = numel // last if cpu else numel
    scalars["tasks"] = tasks
    reach = max(o.extent() for o in (*operands, *results))
    index, number = ("long", "int64") if max(reach, 2 * numel) >= _INDEX_LIMIT else ("int", "int32")
    tiled = (kind in ("route", "spread") and not windows.adaptive and windows.size == windows.stride
             and not any(windows.padding) and max(windows.dilation) == 1
             and all(n * s <= w for n, s, w in zip(narrow_shape[2:], windows.stride, wide_shape[2:])))
    # Sums in memory must not be rounded: narrow types are gathered.
    planes, few = shape[0] * shape[1], numel <= CPU_GRAIN
    scatter = cpu and kind in ("route", "spread") and not tiled and operands[0].dtype is accumulator(
        operands[0].dtype)
    pick = SPACE.choice(caps, f"{kind} {operands[0].dtype.name}", planes, numel // planes, math.prod(windows.size))
    if scatter:
        scatter = pick("scatter", planes >= min(numel // CPU_GRAIN + 1, caps.units))
    if scatter:
        scalars["tasks"] = tasks = planes
    params = {"kind": kind, "tiled": tiled, "scatter": scatter,
              "vector": VECTOR if _in_vectors(kind, cpu, index, fixed, operands[0]) else 0,
              "dtypes": tuple(o.dtype for o in operands),
              "accumulate": accumulator(operands[0].dtype),
              "adaptive": windows.adaptive, "include_pad": windows.include_pad, "has_divisor": bool(windows.divisor),
              "fixed": fixed, "rows": cpu, "index_type": index, "scalars": tuple(scalars)}
    local = 1 if cpu else min(pick("group", GPU_GROUP), caps.max_work_group_size)
    spec = KernelSpec("pool", f"pool_{kind}", tuple(params.items()), (local,),
                      (*[None, "uint64"] * (len(operands) + len(results)), *[number] * len(scalars)))
    if cpu:
        size = 1 if few else min(tasks, caps.units * pick("workers_per_unit", CPU_WORKERS_PER_UNIT))
    else:
        size = min(-(-numel // local), caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT)) * local
    args = [Operand(i) for i in range(len(operands))] + [Result(k) for k in range(len(results))]
    return (Launch(spec, (size,), (*args, *scalars.values())),)
