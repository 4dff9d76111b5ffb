"""Plans of optimizer updates: one launch writes many tensors of one kind.

Tensors are the launch's slots: each has a (buffer, offset) pair per role (parameter, gradient, state) and an
element count, so that nothing is uploaded and no two need to share a buffer.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..codegen.expr import Arg, Expr, arguments, cast
from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Number, Operand, Plan, Result, ScalarOperand
from ..core.tunables import GROUP, GROUPS, WORKERS, Parameter, family
from . import elementwise

# Tunables.  Bytes of kernel arguments that slots may take: every device accepts 1024 in all.
ARGUMENT_BYTES = 864
SMALL_SLOTS = 4
# Elements of one task; tasks are dealt out to units * CPU_WORKERS_PER_UNIT work-items (CPU class) or
# to units * GPU_GROUPS_PER_UNIT groups of GPU_GROUP work-items.
CPU_CHUNK = 4096
CPU_WORKERS_PER_UNIT = 4
GPU_CHUNK = 1024
GPU_GROUP = 64
GPU_GROUPS_PER_UNIT = 32

_INDEX_LIMIT = 1 << 31

SPACE = family("update", ("tensors", "elements"), Parameter("chunk", (1024, 4096, 16384)), WORKERS, GROUP, GROUPS)
Build = Callable[..., Sequence[Expr]]


def most_slots(roles: int) -> int:
    """How many tensors one launch takes, each with ``roles`` buffers."""
    return max(ARGUMENT_BYTES // (16 * roles + 8), 1)


def gapless(layout: Layout) -> bool:
    """Whether the elements fill a stretch of memory, in any order."""
    return layout.contiguous or (layout.extent() == layout.numel and not lay.overlaps(layout))


def plan(name: str, build: Build, operands: Sequence[Layout | Number], roles: int, written: Sequence[int],
         out: Sequence[Layout], caps: DeviceCaps) -> Plan:
    """The plan of one update.

    Args:
        build: (values of the roles, uniform values) -> the new values of the ``written`` roles.
        operands: the roles of the first tensor, of the second, ..., then uniform values: numbers, or 0-d
            tensors.  A tensor's roles have equal strides without gaps, unless there is only one tensor.
        written: roles that are results; ``out`` has these of the first tensor, of the second, ...
    """
    count = len(out) // len(written)
    # 16-bit parameters compute in float32 throughout and are rounded once, on writing.
    compute = register_dtype(out[0].dtype)
    if count == 1:
        return elementwise.plan(name, build, operands, compute, out, caps)
    kinds = [o.dtype for o in operands[:roles] if isinstance(o, Layout)]
    uniforms = operands[count * roles:]
    nodes = [cast(Arg(r, register_dtype(d)), compute) for r, d in enumerate(kinds)]
    held = [u.dtype if isinstance(u, Layout) else compute for u in uniforms]
    nodes += [cast(Arg(roles + i, register_dtype(d)), compute) for i, d in enumerate(held)]
    exprs = tuple(cast(e, register_dtype(kinds[r])) for e, r in zip(build(*nodes), written))
    read = arguments(*exprs)
    taken = [r for r in range(roles) if r in read or r in written]
    slots = SMALL_SLOTS if count <= SMALL_SLOTS else most_slots(roles)
    counts = [o.numel for o in operands[:count * roles:roles] if isinstance(o, Layout)]
    wide = max(counts) * 2 >= _INDEX_LIMIT
    width = plan_vector_width([compute, *(kinds[r] for r in taken)], caps)
    pick = SPACE.choice(caps, f"{name} {compute.name}", count, sum(counts))
    chunk = pick("chunk", CPU_CHUNK if width > 1 else GPU_CHUNK)
    args: list[Any] = []
    arg_types: list[str | None] = []
    index = "uint64" if wide else "uint32"
    for k in range(slots):
        s = min(k, count - 1)  # slots to spare have the last tensor and no elements
        for r in taken:
            args.append(Result(s * len(written) + list(written).index(r)) if r in written else
                        Operand(s * roles + r))
            arg_types += [None, "uint64"]
        args.append(counts[k] if k < count else 0)
        arg_types.append(index)
    passed: list[tuple[int, DType, bool]] = []
    for i, u in enumerate(uniforms):
        if roles + i not in read:
            continue
        passed.append((roles + i, held[i], isinstance(u, Layout)))
        if isinstance(u, Layout):
            args.append(Operand(count * roles + i))
            arg_types += [None, "uint64"]
        else:
            args.append(ScalarOperand(count * roles + i, compute))
            arg_types.append(compute.storage.name)
    tasks = sum(-(-n // chunk) for n in counts)
    args.append(tasks)
    arg_types.append(index)
    local = 1 if width > 1 else min(pick("group", GPU_GROUP), caps.max_work_group_size)
    workers = caps.units * (pick("workers_per_unit", CPU_WORKERS_PER_UNIT) if width > 1 else
                            pick("groups_per_unit", GPU_GROUPS_PER_UNIT))
    spec = KernelSpec(
        "update", name,
        (("exprs", exprs), ("slots", slots),
         ("taken", tuple((r, kinds[r], r in written, r in read) for r in taken)), ("written", tuple(written)),
         ("uniforms", tuple(passed)), ("compute", compute), ("width", width), ("chunk", chunk),
         ("index_type", "ulong" if wide else "uint")),
        (local,), tuple(arg_types))
    return Plan(tuple(out), (Launch(spec, (min(tasks, workers) * local,), tuple(args)),), single=False)
