"""Plans of random numbers: an expression of Philox variates and parameters, element by element."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..codegen.expr import Arg, Expr, cast
from ..codegen.spec import KernelSpec
from ..codegen.types import register_dtype
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.errors import fault_code
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, ScalarOperand, Temporary
from . import elementwise

# Tunables.  Elements below which one work-item suffices; work-items per unit above it (CPU class);
# work-items per group and groups per unit (GPU class).
CPU_GRAIN = 4096
CPU_WORKERS_PER_UNIT = 4
GPU_GROUP = 64
GPU_GROUPS_PER_UNIT = 32

# Bits of a number in [0, 1): as many as the type can hold for all of them.
MANTISSA = {dt.float16: 11, dt.bfloat16: 8, dt.float32: 24, dt.float64: 53}


@dataclass(frozen=True)
class Distribution:
    """How a variate becomes an element.

    Attributes:
        kind: "unit" (in [0, 1)), "normal", or "integer" (below parameter 1, as int64).
        value: (variate, *parameters) -> element.
        refused: (variate, *parameters) -> whether parameters are invalid (kind ``fault``), or None.
    """

    name: str
    kind: str
    value: Callable[..., Expr]
    refused: Callable[..., Expr] | None = None
    fault: str = ""


def plan(d: Distribution, operands: Sequence[Any], shape: Sequence[int], dtype: DType, compute: DType,
         bits: int, caps: DeviceCaps, out: Layout | None = None) -> Plan:
    """The plan of one draw.

    Args:
        operands: (seed, call, *parameters); parameters are numbers or dense layouts of the shape.
        dtype: of the result.  compute: of the expression (a storage type means its register type).
        bits: 32 or 64, of one variate.
        out: the tensor to fill; one that is not dense receives a copy.
    """
    result = lay.dense(shape, dtype) if out is None else out
    if not result.numel:
        return Plan((result,), ())
    dense_result = lay.dense(shape, dtype)
    direct = result is dense_result
    launch = _launch(d, operands, dense_result, compute, bits, caps, Result(0) if direct else Temporary(0))
    if direct:
        return Plan((result,), (launch,))
    copy = elementwise.plan("copy", lambda x: [x], (dense_result,), dtype, (result,), caps).launches
    moved = tuple(Launch(c.spec, c.global_size, tuple(
        Temporary(0) if isinstance(a, Operand) else a for a in c.args)) for c in copy)
    return Plan((result,), (launch, *moved), (dense_result,))


def _launch(d: Distribution, operands: Sequence[Any], result: Layout, compute: DType, bits: int,
            caps: DeviceCaps, target: Any) -> Launch:
    wide = register_dtype(compute)
    variate = dt.int64 if d.kind == "integer" else dt.float64 if bits == 64 else dt.float32
    described: list[tuple[str, DType]] = []
    nodes: list[Expr] = [cast(Arg(0, variate), wide)]
    args: list[Any] = [ScalarOperand(0, dt.int64), ScalarOperand(1, dt.int64)]
    arg_types: list[str | None] = ["int64", "int64"]
    for i, o in enumerate(operands[2:], 2):
        if isinstance(o, Layout):
            described.append(("tensor", o.dtype))
            nodes.append(cast(Arg(i - 1, register_dtype(o.dtype)), wide))
            args.append(Operand(i))
            arg_types += [None, "uint64"]
        else:
            described.append(("number", wide))
            nodes.append(Arg(i - 1, wide))
            args.append(ScalarOperand(i, wide))
            arg_types.append(wide.storage.name)
    expr = cast(d.value(*nodes), register_dtype(result.dtype))
    refused = d.refused(*nodes) if d.refused is not None else None
    cpu = caps.plan_class == "cpu"
    width, local = (16, 1) if cpu else (1, min(GPU_GROUP, caps.max_work_group_size))
    group = 16 * 128 // bits
    tasks = -(-result.numel // group) * (1 if cpu else 16)
    if cpu:
        size = 1 if result.numel <= CPU_GRAIN else min(tasks, caps.units * CPU_WORKERS_PER_UNIT)
    else:
        size = min(-(-tasks // local), caps.units * GPU_GROUPS_PER_UNIT) * local
    faults = d.fault if refused is not None else ""
    spec = KernelSpec(
        "random", d.name,
        (("kind", d.kind), ("bits", bits), ("mantissa", MANTISSA.get(compute, 24)), ("variate", variate),
         ("params", tuple(described)), ("dtype", result.dtype), ("expr", expr), ("refused", refused),
         ("width", width), ("fault_code", fault_code(d.name, faults) if faults else 0)),
        (local,), (*arg_types, None, "uint64", "uint64", "uint64"), faults)
    return Launch(spec, (size,), (*args, target, result.numel, tasks))


def philox(seed: int, call: int, blocks: int) -> np.ndarray:
    """The first ``blocks`` blocks of a call, as uint32 (blocks, 4): the reference of the kernel."""
    number = np.arange(blocks, dtype="uint64")
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [number & low, number >> half, np.full(blocks, call & 0xFFFFFFFF, "uint64"),
         np.full(blocks, call >> 32 & 0xFFFFFFFF, "uint64")]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> half) ^ c[1] ^ np.uint64(k0), b & low, (a >> half) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = k0 + 0x9E3779B9 & 0xFFFFFFFF, k1 + 0xBB67AE85 & 0xFFFFFFFF
    return np.stack(c, 1).astype("uint32")


def words(seed: int, call: int, count: int, bits: int) -> np.ndarray:
    """The words that ``count`` elements take, as uint32 or uint64 (see core/generator.py)."""
    per_block = 128 // bits
    group = 16 * per_block
    groups = -(-count // group)
    drawn = philox(seed, call, groups * 16)
    if bits == 64:
        drawn = drawn[:, 0::2].astype("uint64") | (drawn[:, 1::2].astype("uint64") << np.uint64(32))
    return drawn.reshape(groups, 16, per_block).swapaxes(1, 2).reshape(-1)[:count]


def multinomial(operands: Sequence[Layout], attrs: Any, caps: DeviceCaps,
                out: Any = None) -> Plan:
    """Categories (rows, samples) chosen by uniform numbers: operands (weights, uniforms), dense."""
    weights, uniforms = operands
    rows, n = weights.shape
    result = lay.dense(uniforms.shape, dt.int64)
    if not result.numel:
        return Plan((result,), ())
    local = 1 if caps.plan_class == "cpu" else min(GPU_GROUP, caps.max_work_group_size)
    launches = []
    for picks, tasks in ((False, rows), (True, result.numel)):
        params = (("picks", picks), ("bad_weight", fault_code("multinomial", "probability")),
                  ("bad_sum", fault_code("multinomial", "probability_sum")))
        arg_types = (None, "uint64") * (3 if picks else 2) + ("uint64",) * 3
        spec = KernelSpec("multinomial", "multinomial_pick" if picks else "multinomial_sums", params,
                          (local,), arg_types, "" if picks else "probability")
        head = (Temporary(0), Operand(1), Result(0)) if picks else (Operand(0), Temporary(0))
        size = min(-(-tasks // local), caps.units * GPU_GROUPS_PER_UNIT) * local
        launches.append(Launch(spec, (size,), (*head, n, uniforms.shape[1], tasks)))
    return Plan((result,), tuple(launches), (lay.dense((rows, n), dt.float32),))
