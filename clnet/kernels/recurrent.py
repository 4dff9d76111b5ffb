"""Plans of recurrent cells: all steps of a sequence in one launch, the batch shared out."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..codegen.spec import KernelSpec
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result
from ..core.tunables import GROUP, Parameter, family
from .attention import in_order_of

# Hidden sizes are padded to multiples of this.
ALIGN = 16
GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
# Tunables: rows of the batch that a product takes at a time (CPU class); the work-group, and the rows
# of one where the batch is large (GPU class).
CPU_ROWS = 8
GPU_GROUP = 256
GPU_ROWS = 4

SPACE = family("recurrent", ("steps", "batch", "hidden"), Parameter("rows", (1, 2, 4, 8)), GROUP)


def _sizes(inputs: Layout, cell: str) -> tuple[int, int, int]:
    """(steps, batch, hidden size) of inputs (T, N, gates * H)."""
    steps, n, width = inputs.shape
    return steps, n, width // GATES[cell]


def _launch(mode: str, reads: dict[str, Any], writes: dict[str, Any], y: Layout, inputs: Layout, g: Layout,
            attrs: dict[str, Any], caps: DeviceCaps) -> Launch:
    cell, acc = attrs["cell"], y.dtype
    steps, n, hidden = y.shape
    cpu = caps.plan_class == "cpu"
    lanes = (16 if acc.itemsize == 4 else 8) if cpu else 1
    pick = SPACE.choice(caps, f"{cell} {mode} {acc.name}", steps, n, hidden)
    if cpu:
        share = -(-n // caps.units)
        rows = min(pick("rows", CPU_ROWS), 1 << (share - 1).bit_length())
        share = min(n, -(-share // rows) * rows)
        local = 1
    else:
        rows = share = pick("rows", 1 if n < GPU_ROWS * caps.units else GPU_ROWS)
        local = pick("group", GPU_GROUP)
        while local > caps.max_work_group_size or local // 2 >= hidden:
            local //= 2
    block = attrs["block"]
    params = {"mode": mode, "cell": cell, "lanes": lanes, "rows": rows, "pack": ALIGN,
              "block": block, "vectors": block // lanes if cpu else 1,
              "acc": acc, "reverse": attrs["reverse"], "reads": tuple(reads), "writes": tuple(writes)}
    time, row = y.strides[0] // hidden, y.strides[1] // hidden
    spec = KernelSpec("recurrent", f"recurrent_{cell}_{mode}", tuple(params.items()), (local,),
                      (*[None, "uint64"] * (len(reads) + len(writes)), *["uint64"] * 10))
    args = (steps, n, hidden, share, time, row, *inputs.strides[:2], *g.strides[:2])
    return Launch(spec, (-(-n // share) * local,), (*reads.values(), *writes.values(), *args))


def _roles(names: Sequence[str], start: int = 0) -> dict[str, Any]:
    return {name: Operand(start + i) for i, name in enumerate(names)}


def plan_forward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """States (T, N, H) of every step and the last (N, H), then what the backward reads.

    Args:
        operands: inputs (T, N, gates * H), the weight (not read), the packed weight, h0, then c0
            (lstm), the bias of the recurrent product and the lengths as ``attrs`` tell.
    """
    inputs, cell = operands[0], attrs["cell"]
    steps, n, hidden = _sizes(inputs, cell)
    names = ["inputs", "", "weight", "h0", *attrs["given"]]
    y = in_order_of((steps, n, hidden), inputs, inputs.dtype)
    last = lay.dense((n, hidden), y.dtype)
    results = [("y", y), ("h_last", last)]
    if cell == "lstm":
        results += [("c_last", last), ("c", y)]
    if GATES[cell] > 1:
        results.append(("gates", in_order_of((steps, n, 4 * hidden), inputs, y.dtype)))
    layouts = tuple(layout for _, layout in results)
    if not y.numel:
        return Plan(layouts, (), single=False)
    reads = {k: v for k, v in _roles(names).items() if k}
    writes = {name: Result(i) for i, (name, _) in enumerate(results)}
    return Plan(layouts, (_launch("forward", reads, writes, y, inputs, y, attrs, caps),), single=False)


def plan_backward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """Cotangents of the recurrent product (T, N, gates * H), h0, c0; the past states; the inputs'.

    Args:
        operands: the packed weight, the cotangents of all states and the last, h0, the states; then
            lstm: the last cell's cotangent, c0, all cells; lstm and gru: the gates; the lengths if any.
    """
    cell = attrs["cell"]
    y = operands[4]
    steps, n, hidden = y.shape
    names = ["weight", "g", "g_last", "h0", "y"]
    if cell == "lstm":
        names += ["g_cell", "c0", "c"]
    if GATES[cell] > 1:
        names.append("gates")
    if "lengths" in attrs["given"]:
        names.append("lengths")
    slopes = in_order_of((steps, n, GATES[cell] * hidden), y, y.dtype)
    state = lay.dense((n, hidden), y.dtype)
    results = [("slopes", slopes), ("dh", state), ("past", in_order_of(y.shape, y, y.dtype))]
    if cell == "lstm":
        results.append(("dc", state))
    elif cell == "gru":
        results.append(("x_slopes", slopes))
    layouts = tuple(layout for _, layout in results)
    if not y.numel:
        return Plan(layouts, (), single=False)
    writes = {name: Result(i) for i, (name, _) in enumerate(results)}
    launch = _launch("backward", _roles(names), writes, y, y, operands[1], attrs, caps)
    return Plan(layouts, (launch,), single=False)
