"""Plans of writes and sums at indices along one dimension."""
from __future__ import annotations

import math
from typing import Any

from ..codegen.expr import Const
from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.errors import fault_code
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, ScalarOperand, Temporary
from ..core.tunables import GROUP, GROUPS, WORKERS, Choice, family
from . import elementwise
from .gather import CPU_GRAIN, CPU_WORKERS_PER_UNIT, GPU_GROUP, GPU_GROUPS_PER_UNIT, INDEX_LIMIT, row

# An index that no lookup can hold: nothing is skipped.
NOTHING = -1

SPACE = family("scatter", ("rows", "inner", "targets", "indices"), WORKERS, GROUP, GROUPS)


def onto(name: str, operands: Any, attrs: dict[str, Any], caps: DeviceCaps,
         out: tuple[Layout, ...] | None) -> Plan:
    """Operands (base, source, index): a copy of the base (``out`` itself in place), scattered into.

    Attributes: ``dim`` and ``mode`` ("set", "add", "multiply", "amax" or "amin").
    """
    base, source, index = operands
    result = lay.dense(base.shape, base.dtype) if out is None else out[0]
    if not result.numel:
        return Plan((result,), ())
    widened = _widened(result, attrs["mode"])
    if not index.numel and out is not None:
        return Plan((result,), ())
    target = widened or result
    place: Any = Temporary(0) if widened else Result(0)
    launches: list[Launch] = []
    if widened or out is None:
        launches += _copies(base, target, Operand(0) if out is None else Result(0), place, caps)
    if index.numel:
        launches.append(_launch(name, target, place, source, 1, index, 2, attrs["dim"], attrs["mode"],
                                NOTHING, caps))
    if widened:
        launches += _copies(widened, result, place, Result(0), caps)
    return Plan((result,), tuple(launches), (widened,) if widened else ())


def zeros(name: str, operands: Any, attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """Operands (source, index): zeros of ``shape`` with the source added; index ``skip`` is left out."""
    source, index = operands
    result = lay.dense(attrs["shape"], source.dtype)
    if not result.numel:
        return Plan((result,), ())
    widened = _widened(result, "add") if index.numel else None
    target = widened or result
    place: Any = Temporary(0) if widened else Result(0)
    wide = register_dtype(target.dtype)
    fill = elementwise.plan("zeros", lambda: [Const(0, wide)], (), target.dtype, (target,), caps)
    launches = [_moved(k, {Result: place}) for k in fill.launches]
    if index.numel:
        launches.append(_launch(name, target, place, source, 0, index, 1, attrs["dim"], "add",
                                attrs["skip"], caps))
    if widened:
        launches += _copies(widened, result, place, Result(0), caps)
    return Plan((result,), tuple(launches), (widened,) if widened else ())


def _widened(result: Layout, mode: str) -> Layout | None:
    """Where a 16-bit float's sums are kept meanwhile: in float32, so that they round once."""
    if result.dtype in (dt.float16, dt.bfloat16) and mode in ("add", "multiply"):
        return lay.dense(result.shape, dt.float32)
    return None


def _moved(launch: Launch, places: dict[type, Any]) -> Launch:
    return Launch(launch.spec, launch.global_size, tuple(places.get(type(a), a) for a in launch.args))


def _copies(source: Layout, target: Layout, read: Any, write: Any, caps: DeviceCaps) -> list[Launch]:
    plan = elementwise.plan("copy", lambda x: [x], (source,), target.dtype, (target,), caps)
    return [_moved(k, {Operand: read, Result: write}) for k in plan.launches]


def _launch(name: str, y: Layout, y_arg: Any, source: Any, source_at: int, index: Layout, index_at: int,
            dim: int, mode: str, skip: int, caps: DeviceCaps) -> Launch:
    y, index = row(y), row(index)
    shape = index.shape
    source = row(source) if isinstance(source, Layout) else source
    x_steps = source.strides if isinstance(source, Layout) else (0,) * len(shape)
    free = [d for d in range(len(shape)) if d != dim and shape[d] > 1]
    # The densest free dimension is the inner one; neighbours that continue it join it.
    free.sort(key=lambda d: -y.strides[d])
    sizes, (ys, xs, cs) = lay.collapse([shape[d] for d in free],
                                       [[s[d] for d in free] for s in (y.strides, x_steps, index.strides)])
    n = sizes[-1]
    outer = list(zip(sizes[:-1], ys[:-1], xs[:-1], cs[:-1]))
    rows = math.prod(sizes[:-1])
    limit, count = y.shape[dim], shape[dim]
    shared = cs[-1] == 0
    width = plan_vector_width([y.dtype, *([source.dtype] if isinstance(source, Layout) else [])], caps)
    width = 1 if y.dtype.is_complex and caps.plan_class == "cpu" else width
    pick = SPACE.choice(caps, f"{mode} {y.dtype.name}{' shared' if shared else ''}", rows, n, limit, index.numel)
    chunks, owners = _split(rows, n, limit, index.numel, shared, width, caps, pick)
    chunk = -(-n // chunks)
    chunks = -(-n // chunk)
    span = -(-limit // owners)
    owners = -(-limit // span)
    tasks = rows * chunks * owners
    if caps.plan_class == "cpu":
        local, size = 1, 1 if tasks == 1 else min(tasks, caps.units * pick("workers_per_unit", CPU_WORKERS_PER_UNIT))
    else:
        local = min(pick("group", GPU_GROUP), caps.max_work_group_size)
        size = min(-(-tasks // local), caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT)) * local
    wide = max(y.extent() + limit, index.extent(), index.numel, tasks) >= INDEX_LIMIT or (
        isinstance(source, Layout) and source.extent() >= INDEX_LIMIT)
    kind = "uint64" if wide else "uint32"
    register = register_dtype(y.dtype)
    # PyTorch's classes: IndexError of index_copy and relatives, RuntimeError of the others.
    fault = "index" if name.startswith("index") and name != "index_add" else "bounds"
    args: list[Any] = [y_arg]
    arg_types: list[str | None] = [None, "uint64"]
    if isinstance(source, Layout):
        args.append(Operand(source_at))
        arg_types += [None, "uint64"]
    else:
        args.append(ScalarOperand(source_at, register))
        arg_types.append("uint8" if register is dt.bool_ else register.storage.name)
    args.append(Operand(index_at))
    arg_types += [None, "uint64"]
    scalars = [v for o in outer for v in o]
    scalars += [count, y.strides[dim], x_steps[dim], index.strides[dim], limit, n, ys[-1], xs[-1], cs[-1],
                chunk, chunks, span, owners, tasks]
    args += [*scalars, skip]
    arg_types += [kind] * len(scalars) + ["int64"]
    spec = KernelSpec(
        "scatter", name,
        (("dtype", y.dtype), ("x_dtype", source.dtype if isinstance(source, Layout) else None),
         ("index_dtype", index.dtype), ("mode", mode), ("outer_rank", len(outer)), ("y_unit", ys[-1] == 1),
         ("x_classes", ("", "", _class(xs[-1]))), ("index_classes", ("", "", _class(cs[-1]))),
         ("width", width), ("index_type", "ulong" if wide else "uint"),
         ("fault_code", fault_code(name, fault))),
        (local,), tuple(arg_types), fault)
    return Launch(spec, (size,), tuple(args))


def _class(stride: int) -> str:
    return "b" if stride == 0 else "u" if stride == 1 else "s"


def _split(rows: int, n: int, limit: int, work: int, shared: bool, width: int,
           caps: DeviceCaps, pick: Choice) -> tuple[int, int]:
    """(chunks of the inner dimension, owners of target indices) that keep the device busy.

    Every owner reads all indices of its rows, so owners cost reads; chunks cost them only where the
    index is shared along the inner dimension.
    """
    if caps.plan_class == "cpu":
        # Where rows are short, reading the indices is the work, and every owner reads them all.
        wanted = 1 if work <= CPU_GRAIN or n < 2 * width else caps.units * pick(
            "workers_per_unit", CPU_WORKERS_PER_UNIT)
        pieces = max(1, n // max(width * 4, 1))
    else:
        wanted = caps.units * GPU_GROUP * 4
        pieces = n
    missing = -(-wanted // rows)
    if caps.plan_class == "cpu" and shared:
        owners = min(limit, missing)
        return min(pieces, -(-missing // owners)), owners
    chunks = min(pieces, missing) if caps.plan_class == "cpu" else pieces
    return chunks, min(limit, -(-missing // chunks))
