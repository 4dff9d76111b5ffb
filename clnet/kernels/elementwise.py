"""Plans of elementwise kernels: one expression per output over broadcast operands."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..codegen import softdouble
from ..codegen.expr import Apply, Arg, Expr, arguments, cast, postorder, substitute
from ..codegen.render import plan_vector_width
from ..codegen.spec import KernelSpec
from ..codegen.types import STREAM_BYTES, register_dtype
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.errors import fault_code
from ..core.layout import Layout
from ..core.plan import Launch, Number, Operand, Plan, Position, Result, ScalarOperand
from ..core.tunables import GROUP, GROUPS, WORKERS, Choice, Parameter, family
from . import transpose

# Tunables, CPU class: elements below which one work-item does everything (starting a second
# thread costs more than the work), and tasks per compute unit above it (balance against overhead).
CPU_GRAIN = 8192
CPU_TASKS_PER_UNIT = 4
# GPU class: work-items per group, and groups per compute unit of the grid-stride loop.
GPU_GROUP = 64
GPU_GROUPS_PER_UNIT = 32
# Expressions of more nodes than this are bound by arithmetic rather than by memory.
LONG = 24

SPACE = family("elementwise", ("elements",), Parameter("lanes", (8, 16)), WORKERS, GROUP, GROUPS)

_INDEX_LIMIT = 1 << 31


def position_dtype(numel: int) -> DType:
    """The integer type that counts the elements."""
    return dt.int32 if numel < _INDEX_LIMIT else dt.int64


def number_dtype(number: Number, wide: DType) -> DType:
    """The type in which a Python number is passed: a real one stays real beside complex elements."""
    return wide if number.kind == "complex" else wide.to_real()


def output_layout(operands: Sequence[Layout | Number | Position], shape: Sequence[int], dtype: DType) -> Layout:
    """A new result's layout: the dimension order of the first operand that has the full shape."""
    for o in operands:
        if isinstance(o, Layout) and o.shape == shape:
            return lay.like(o, dtype)
    return lay.dense(shape, dtype)


def broadcast(operands: Sequence[Layout | Number | Position]) -> tuple[int, ...]:
    """The common shape of the operands that have one (RuntimeError if there is none)."""
    return lay.broadcast_shapes(*(o.shape for o in operands if isinstance(o, Layout)))


def plan(name: str, build: Callable[..., Sequence[Expr]], operands: Sequence[Layout | Number | Position],
         compute: DType, outputs: Sequence[Layout], caps: DeviceCaps,
         conditions: Sequence[int] = ()) -> Plan:
    """The plan of one elementwise call.

    Args:
        name: readable kernel name.
        build: the operands' expressions (each cast to ``compute``, bool conditions as they are)
            to one expression per output.
        operands: layouts, or Number for a Python number (passed at run time as ``compute``).
        compute: common dtype of the computation, before widening to registers.
        outputs: layout of each output, all of the broadcast shape.
        conditions: operands that are bool whatever the others are.
    """
    plan_outputs = tuple(outputs)
    shape = outputs[0].shape
    if outputs[0].numel == 0:
        return Plan(plan_outputs, (), single=len(outputs) == 1)
    wide = register_dtype(compute)
    nodes: list[Expr] = []
    for i, o in enumerate(operands):
        if i in conditions:
            nodes.append(cast(Arg(i, register_dtype(o.dtype) if isinstance(o, Layout) else dt.bool_),
                              dt.bool_))
        elif isinstance(o, Position):
            nodes.append(cast(Arg(i, position_dtype(outputs[0].numel)), wide))
        elif isinstance(o, Layout):
            stored: Expr = Arg(i, register_dtype(o.dtype))
            # A type narrower than registers rounds the others as the stored value would be.
            if o.dtype is not compute and compute is not wide:
                stored = cast(stored, compute)
            nodes.append(cast(stored, wide))
        else:
            nodes.append(cast(Arg(i, number_dtype(o, wide)), wide))
    exprs = tuple(cast(e, register_dtype(o.dtype)) for e, o in zip(build(*nodes), outputs))
    return launch_plan(name, exprs, operands, wide, plan_outputs, shape, caps, conditions)


def positioned(name: str, build: Callable[..., Sequence[Expr]], x: Layout, out: Layout,
               caps: DeviceCaps) -> Plan:
    """A kernel whose expression sees the element's position (an integer) beside its value."""
    if not out.numel:
        return Plan((out,), ())
    wide = register_dtype(x.dtype)
    exprs = tuple(build(Arg(1, position_dtype(out.numel)), Arg(0, wide)))
    return launch_plan(name, exprs, (x, Position()), wide, (out,), out.shape, caps)


def launch_plan(name: str, exprs: tuple[Expr, ...], operands: Sequence[Layout | Number | Position],
                wide: DType, outputs: tuple[Layout, ...], shape: tuple[int, ...],
                caps: DeviceCaps, conditions: Sequence[int] = ()) -> Plan:
    """Collapse the iteration space, choose the kernel, and size the launch."""
    element = (lambda dtype: dtype) if caps.fp64 else softdouble.held
    if not caps.fp64:
        exprs, wide = softdouble.soften(name, exprs, caps.name), element(wide)
    used = arguments(*exprs)
    # Operands that the expressions don't read are not passed; the rest are renumbered densely.
    renumber = {old: new for new, old in enumerate(used)}
    exprs = tuple(_renumber(e, renumber) for e in exprs)
    kept = [(i, operands[i]) for i in used]
    tensors = [(i, o) for i, o in kept if isinstance(o, Layout)]
    order = sorted(range(len(shape)), key=lambda d: -outputs[0].strides[d])
    strides = [[lay.expand_strides(o, shape)[d] for d in order] for _, o in tensors]
    strides += [[o.strides[d] for d in order] for o in outputs]
    sizes, steps = lay.collapse([shape[d] for d in order], strides)
    if sizes == [1]:
        steps = [[1] for _ in steps]
    if len(tensors) == len(kept) == len(outputs) == 1 and _is_copy(exprs[0]):
        [(at, x)] = tensors
        moved = transpose.launch(name, at, x.dtype, outputs[0].dtype, sizes, steps[0], steps[1], caps)
        if moved is not None:
            return Plan(outputs, (moved,))
    rank = len(sizes)
    classes = [tuple("b" if s == 0 else "u" if s == 1 and d == rank - 1 else "s"
                     for d, s in enumerate(st)) for st in steps]
    reach = max(sum((n - 1) * abs(s) for n, s in zip(sizes, st)) for st in steps)
    numel = outputs[0].numel
    index = "uint" if max(reach, numel) < _INDEX_LIMIT else "ulong"
    described, args, arg_types = _describe(kept, classes, wide, position_dtype(numel), conditions, element)
    results = tuple(("tensor", element(o.dtype), c) for o, c in zip(outputs, classes[len(tensors):]))
    dtypes = [d[1] for d in described + list(results)]
    nodes = postorder(*exprs)
    dtypes += [e.dtype for e in nodes]
    width = plan_vector_width(dtypes, caps)
    pick = None
    if numel > CPU_GRAIN:
        pick = SPACE.choice(caps, f"{outputs[0].dtype.name} {len(dtypes) - len(nodes)} {rank} "
                            f"{'long' if len(nodes) > LONG else 'short'}", numel)
        width = pick("lanes", width) if width == 16 else width
    touched = [math.prod(n for n, s in zip(sizes, st) if s) for st in steps]
    layouts = [o for _, o in tensors] + list(outputs)
    large = width > 1 and sum(n * o.dtype.itemsize for n, o in zip(touched, layouts)) >= STREAM_BYTES
    faults = next((e.primitive.fault for e in nodes if isinstance(e, Apply) and e.primitive.fault), "")
    index_type = "uint32" if index == "uint" else "uint64"
    for k in range(len(outputs)):
        args.append(Result(k))
        arg_types += [None, "uint64"]
    scalars = sizes[:-1] + [st[d] for st, c in zip(steps, classes) for d in range(rank) if c[d] == "s"]
    n = sizes[-1]
    local = 1
    if width == 1:
        local = min(pick("group", GPU_GROUP) if pick else GPU_GROUP, caps.max_work_group_size)
    groups, chunk, chunks, tasks = _shape_grid(sizes, width, local, caps, pick)
    scalars += [n, chunk, chunks, tasks]
    if width == 1 and index == "uint":
        scalars += [v for size in sizes[1:] for v in _magic(size)]
    args += scalars
    arg_types += [index_type] * len(scalars)
    spec = KernelSpec(
        "elementwise", name,
        (("exprs", exprs), ("operands", tuple(described)), ("outputs", results),
         ("rank", rank), ("width", width), ("index_type", index), ("large", large),
         ("fault_code", fault_code(name, faults) if faults else 0)),
        (local,), tuple(arg_types), faults)
    return Plan(outputs, (Launch(spec, (groups * local,), tuple(args)),), single=len(outputs) == 1)


def _magic(n: int) -> tuple[int, int]:
    """(m, s) with x // n == mul_hi(x, m) >> s for all x below 2**31 and n of 2 at least.

    Granlund and Montgomery, "Division by invariant integers using multiplication" (1994), theorem 4.2.
    """
    bits = (n - 1).bit_length()
    return -(-(1 << (31 + bits)) // n), bits - 1


def _describe(kept: Sequence[tuple[int, Layout | Number | Position]], classes: Sequence[tuple[str, ...]],
              wide: DType, place: DType, conditions: Sequence[int], element: Callable[[DType], DType],
              ) -> tuple[list[tuple[str, DType, tuple[str, ...] | None]], list[Any], list[str | None]]:
    """(kind, type and classes, launch arguments, their types) of the operands that are passed."""
    described: list[tuple[str, DType, tuple[str, ...] | None]] = []
    args: list[Any] = []
    arg_types: list[str | None] = []
    walked = iter(classes)
    for i, o in kept:
        if isinstance(o, Layout):
            described.append(("tensor", element(o.dtype), next(walked)))
            args.append(Operand(i))
            arg_types += [None, "uint64"]
        elif isinstance(o, Position):
            described.append(("position", place, None))
        else:
            passed = dt.bool_ if i in conditions else number_dtype(o, wide)
            described.append(("number", passed, None))
            args.append(ScalarOperand(i, passed))
            arg_types.append(passed.storage.name if passed is not dt.bool_ else "uint8")
    return described, args, arg_types


def _is_copy(e: Expr) -> bool:
    """Whether an expression only converts its operand."""
    return isinstance(e.operands[0] if isinstance(e, Apply) and e.primitive.name == "cast" else e, Arg)


def _renumber(e: Expr, mapping: dict[int, int]) -> Expr:
    args: dict[Expr, Expr] = {
        a: Arg(mapping[a.index], a.dtype) for a in postorder(e) if isinstance(a, Arg)}
    return substitute(e, args)


def _shape_grid(sizes: list[int], width: int, local: int, caps: DeviceCaps,
                pick: Choice | None) -> tuple[int, int, int, int]:
    """(work-groups, chunk, chunks per row, tasks) for the collapsed sizes; ``pick`` None for few elements."""
    n = sizes[-1]
    rows = 1
    for s in sizes[:-1]:
        rows *= s
    if width == 1:
        tasks = rows * n
        most = pick("groups_per_unit", GPU_GROUPS_PER_UNIT) if pick else GPU_GROUPS_PER_UNIT
        return min(-(-tasks // local), caps.units * most), n, 1, tasks
    workers = caps.units * pick("workers_per_unit", CPU_TASKS_PER_UNIT) if pick else 1
    chunks = 1 if rows >= workers else -(-workers // rows)
    chunk = -(-n // chunks)
    chunk = -(-chunk // width) * width
    chunks = -(-n // chunk)
    tasks = rows * chunks
    return min(workers, tasks), chunk, chunks, tasks
