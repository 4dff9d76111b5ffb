"""Plans of connectionist temporal classification."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.errors import fault_code
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary

# Tunables: work-items that share a sequence's states (GPU class), work-items per unit (CPU class).
GPU_GROUP = 64
CPU_WORKERS_PER_UNIT = 4
_MOST_GROUPS = 32768


def _launch(name: str, x: Layout, attrs: dict[str, Any], args: Sequence[Any], caps: DeviceCaps) -> Launch:
    times, batch, classes = x.shape
    backward = name == "ctc_loss_backward"
    cpu = caps.plan_class == "cpu"
    local = 1 if cpu else min(GPU_GROUP, 1 << (caps.max_work_group_size.bit_length() - 1))
    groups = min(batch, caps.units * CPU_WORKERS_PER_UNIT if cpu else _MOST_GROUPS)
    scalars = [times, batch, classes, attrs["width"], attrs["blank"], int(attrs["zero_infinity"])]
    faults = "" if backward else "index"
    spec = KernelSpec(
        "ctc", name,
        (("dtype", x.dtype), ("acc", register_dtype(x.dtype)), ("backward", backward),
         ("fault_code", fault_code("ctc_loss", "index") if faults else 0)),
        (local,), (None, "uint64") * len(args) + ("uint32",) * len(scalars), faults)
    return Launch(spec, (groups * local,), (*args, *scalars))


def forward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """Operands (log-probabilities (T, N, C), labels, spans (3, N)): the losses (N) and alpha (N, T, width).

    Losses have the type of the computation.  Spans are where each sequence's labels begin, how many times
    it has, and how many labels.
    """
    x = operands[0]
    times, batch, _ = x.shape
    acc = register_dtype(x.dtype)
    outputs = (lay.dense((batch,), acc), lay.dense((batch, times, attrs["width"]), acc))
    if not batch:
        return Plan(outputs, (), single=False)
    args = (Operand(0), Operand(1), Operand(2), Result(0), Result(1))
    return Plan(outputs, (_launch("ctc_loss", x, attrs, args, caps),), single=False)


def backward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """Operands (those of ``forward``, the losses' cotangents, the losses, alpha): the gradient (T, N, C)."""
    x = operands[0]
    _, batch, classes = x.shape
    acc = register_dtype(x.dtype)
    result = lay.dense(x.shape, x.dtype)
    if not result.numel:
        return Plan((result,), ())
    scratch = (lay.dense((batch, 2, attrs["width"]), acc), lay.dense((batch, classes), acc))
    args = (*(Operand(i) for i in range(6)), Temporary(0), Temporary(1), Result(0))
    return Plan((result,), (_launch("ctc_loss_backward", x, attrs, args, caps),), scratch)
