"""Plans of attention in the streaming form: the matrix of scores is never in memory.

Operands are stacks of matrices with unit stride along the rows, widths multiples of ``ALIGN``.  The
forward leaves, beside the result, each row's logarithm (of base 2) of the sum of powers, from which
the backward computes the weights again.  Milakov & Gimelshein 2018; Dao et al. 2022.
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
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, ScalarOperand, Temporary
from ..core.tunables import WORKERS, Choice, Parameter, family
from .product import sum_partials

# Widths of heads are padded to multiples of this.
ALIGN = 16
# Tunables.  CPU class: keys of a block, work-items per unit, multiply-adds below which one suffices,
# tasks per unit below which the backward shares out the keys of a stack.
BLOCK = 64
CPU_WORKERS_PER_UNIT = 8
CPU_GRAIN = 1 << 14
SHARES_PER_UNIT = 4
# GPU class: work-group edge, largest tile edge, most columns of a result per work-group, depth of a
# tile.
GPU_EDGE = 16
GPU_TILES = (64, 32, 16)
GPU_COLUMNS = 128
GPU_DEPTH = 16

SPACE = family("attention", ("stacks", "queries", "keys", "width", "value_width"), Parameter("block", (32, 64, 128)),
               WORKERS, Parameter("shares_per_unit", (1, 2, 4, 8)), Parameter("tile", GPU_TILES),
               Parameter("columns", (32, 64, 128, 256)), Parameter("depth", (8, 16)))

_LOG2E = 1.4426950408889634


@dataclass(frozen=True)
class Sizes:
    """The problem: stacks, queries, keys, widths of heads and of values."""

    batch: tuple[int, ...]
    queries: int
    keys: int
    width: int
    value_width: int

    @property
    def count(self) -> int:
        return math.prod(self.batch)

    @property
    def work(self) -> int:
        return self.count * self.queries * self.keys * (self.width + self.value_width)


def sizes(q: Layout, k: Layout, v: Layout) -> Sizes:
    """Those of operands (..., L, E), (..., S, E), (..., S, D) whose leading dimensions broadcast."""
    batch = lay.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    return Sizes(tuple(batch), q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1])


def in_order_of(shape: Sequence[int], source: Layout, dtype: DType) -> Layout:
    """A new tensor's layout with rows kept whole and, where ``source`` has its rank, in its order."""
    if len(shape) == source.ndim and source.shape[:-1] == tuple(shape[:-1]):
        strides = (*lay.dense_strides(source.shape[:-1], source.strides[:-1]), 1)
        return lay.make(shape, (*(s * shape[-1] for s in strides[:-1]), 1), dtype)
    return lay.dense(shape, dtype)


class _Call:
    """Collects a kernel's arguments: tensors by role, then the rest by name."""

    def __init__(self, size: Sizes, attrs: dict[str, Any], acc: DType) -> None:
        self.size, self.attrs, self.acc = size, attrs, acc
        self.reads: dict[str, Any] = {}
        self.writes: dict[str, Any] = {}
        self.matrices: dict[str, tuple[int, ...]] = {}
        self.mask_class = ""
        self.scalars: dict[str, int] = {}
        self.numbers: dict[str, float] = {}

    def copy(self) -> _Call:
        """Another call with the same arguments so far."""
        new = _Call(self.size, self.attrs, self.acc)
        new.reads, new.writes, new.matrices = dict(self.reads), dict(self.writes), dict(self.matrices)
        new.scalars, new.numbers = dict(self.scalars), dict(self.numbers)
        return new

    def matrix(self, name: str, arg: Any, layout: Layout, rows: int, columns: int, write: bool = False) -> None:
        """A stack of matrices (or, with one column less, of vectors) expanded to the whole batch."""
        (self.writes if write else self.reads)[name] = arg
        self.matrices[name] = lay.expand_strides(layout, (*self.size.batch, rows, columns))

    def launch(self, template: str, params: dict[str, Any], local: int, items: int) -> Launch:
        batch, steps = lay.collapse(self.size.batch, [m[:-2] for m in self.matrices.values()])
        scalars = {"L": self.size.queries, "S": self.size.keys, "E": self.size.width, "D": self.size.value_width}
        for d, n in enumerate(batch):
            scalars[f"size{d}"] = n
        for (name, strides), step in zip(self.matrices.items(), steps):
            if name != "lse":
                scalars[f"{name}_row"] = strides[-2]
            if name == "mask":
                scalars["mask_column"] = strides[-1]
                self.mask_class = "b" if strides[-2] == 0 else "s"
            for d, stride in enumerate(step):
                scalars[f"{name}_b{d}"] = stride
        scalars |= self.scalars
        dropout = self.attrs["dropout"]
        given = (ScalarOperand(self.attrs["seed_at"], dt.int64), ScalarOperand(self.attrs["seed_at"] + 1, dt.int64),
                 _threshold(dropout)) if dropout else ()
        numbers = dict(self.numbers)
        if dropout:
            numbers["rescale"] = 1.0 / (1.0 - dropout)
        number = self.acc.storage.name
        spec = KernelSpec(
            template, template,
            (*params.items(), ("acc", self.acc), ("reads", tuple(self.reads)), ("writes", tuple(self.writes)),
             ("numbers", tuple(numbers)), ("scalars", tuple(scalars)), ("batch_rank", len(batch)),
             ("causal", self.attrs["causal"]), ("dropout", bool(dropout)), ("mask_class", self.mask_class)),
            (local,),
            (*[None, "uint64"] * (len(self.reads) + len(self.writes)),
             *(("int64", "int64", "uint32") if dropout else ()), *[number] * len(numbers),
             *["uint64"] * len(scalars)))
        return Launch(spec, (items,), (*self.reads.values(), *self.writes.values(), *given, *numbers.values(),
                                       *scalars.values()))


def _threshold(p: float) -> int:
    """The words of 32 bits below this are those dropped with probability ``p``."""
    return min(round(p * 2.0 ** 32), 0xFFFFFFFF)


def _choice(call: _Call, mode: str, caps: DeviceCaps) -> Choice:
    size = call.size
    kind = f"{call.acc.name} {mode}{' causal' if call.attrs['causal'] else ''}"
    return SPACE.choice(caps, kind, size.count, size.queries, size.keys, size.width, size.value_width)


def _workers(tasks: int, work: int, caps: DeviceCaps, pick: Choice) -> int:
    if work <= CPU_GRAIN:
        return 1
    return min(tasks, caps.units * pick("workers_per_unit", CPU_WORKERS_PER_UNIT))


def plan_forward(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """The weighted values (..., L, D) and the logarithms (..., L).

    Args:
        operands: q, k, v, then the mask (..., L, S) that is added to the scores if
            ``attrs["masked"]``, then the seed and call of the generator if ``attrs["dropout"]``.
    """
    q, k, v = operands[:3]
    size, acc = sizes(q, k, v), q.dtype
    shape = (*size.batch, size.queries)
    y = in_order_of((*shape, size.value_width), q, acc)
    lse = lay.dense(shape, acc)
    if not lse.numel:
        return Plan((y, lse), (), single=False)
    call = _Call(size, attrs, acc)
    call.matrix("q", Operand(0), q, size.queries, size.width)
    call.matrix("k", Operand(1), k, size.keys, size.width)
    call.matrix("v", Operand(2), v, size.keys, size.value_width)
    if attrs["masked"]:
        call.matrix("mask", Operand(3), operands[3], size.queries, size.keys)
    call.matrix("y", Result(0), y, size.queries, size.value_width, True)
    call.matrix("lse", Result(1), lay.make((*shape, 1), (*lse.strides, 0), acc), size.queries, 1, True)
    call.numbers["scale"] = attrs["scale"] * _LOG2E
    if caps.plan_class != "cpu":
        return Plan((y, lse), (_local(call, "forward", caps),), single=False)
    lanes = 16 if acc.itemsize == 4 else 8
    q_blocks = -(-size.queries // (2 * lanes))
    tasks = size.count * q_blocks
    pick = _choice(call, "forward", caps)
    block, workers = pick("block", BLOCK), _workers(tasks, size.work, caps, pick)
    step = 2 * lanes * (size.width + block + size.value_width)
    call.writes["scratch"] = Temporary(0)
    call.scalars |= {"q_blocks": q_blocks, "tasks": tasks, "scratch_step": step}
    launch = call.launch("attention_tile", {"lanes": lanes, "block": block}, 1, workers)
    return Plan((y, lse), (launch,), (lay.dense((workers, step), acc),), single=False)


def plan_backward(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """Cotangents of q, k and v, these expanded to the whole batch.

    Args:
        operands: the result's cotangent, q, k, v, the result, the logarithms, then as in the forward.
    """
    g, q, k, v, y, lse = operands[:6]
    size, acc = sizes(q, k, v), q.dtype
    results = (in_order_of((*size.batch, size.queries, size.width), q, acc),
               in_order_of((*size.batch, size.keys, size.width), k, acc),
               in_order_of((*size.batch, size.keys, size.value_width), v, acc))
    if not lse.numel:
        return Plan(results, (), single=False)
    call = _Call(size, attrs, acc)
    call.matrix("g", Operand(0), g, size.queries, size.value_width)
    call.matrix("q", Operand(1), q, size.queries, size.width)
    call.matrix("k", Operand(2), k, size.keys, size.width)
    call.matrix("v", Operand(3), v, size.keys, size.value_width)
    call.matrix("y", Operand(4), y, size.queries, size.value_width)
    call.matrix("lse", Operand(5), lay.make((*lse.shape, 1), (*lse.strides, 0), acc), size.queries, 1)
    if attrs["masked"]:
        call.matrix("mask", Operand(6), operands[6], size.queries, size.keys)
    call.numbers |= {"scale": attrs["scale"] * _LOG2E, "slope_scale": attrs["scale"]}
    if caps.plan_class != "cpu":
        return _local_backward(call, results, caps)
    return _tile_backward(call, results, caps)


def _tile_backward(call: _Call, results: tuple[Layout, ...], caps: DeviceCaps) -> Plan:
    size, acc = call.size, call.acc
    lanes = 16 if acc.itemsize == 4 else 8
    pick = _choice(call, "backward", caps)
    block, shares = pick("block", BLOCK), 1
    if size.count < caps.units * SHARES_PER_UNIT:
        wanted = caps.units * pick("shares_per_unit", SHARES_PER_UNIT)
        shares = max(1, min(wanted // size.count, size.keys // (2 * block)))
    share_keys = -(-size.keys // shares // block) * block if shares > 1 else size.keys
    shares = -(-size.keys // share_keys)
    dq = results[0]
    temporaries: list[Layout] = []
    target: Any = Result(0)
    if shares > 1:
        dq = lay.dense(dq.shape, acc)
        results = (dq, *results[1:])
        target = Temporary(0)
        temporaries.append(lay.dense((shares, dq.numel), acc))
    call.matrix("dq", target, dq, size.queries, size.width, True)
    call.matrix("dk", Result(1), results[1], size.keys, size.width, True)
    call.matrix("dv", Result(2), results[2], size.keys, size.value_width, True)
    tasks = size.count * shares
    workers = _workers(tasks, size.work, caps, pick)
    step = 2 * lanes * (size.width + size.value_width + 2 * block)
    call.writes["scratch"] = Temporary(len(temporaries))
    temporaries.append(lay.dense((workers, step), acc))
    call.scalars |= {"tasks": tasks, "shares": shares, "share_keys": share_keys, "dq_step": dq.numel,
                     "scratch_step": step}
    launches = [call.launch("attention_tile_backward", {
        "lanes": lanes, "block": block, "e_vectors": _vectors(size.width, lanes),
        "v_vectors": _vectors(size.value_width, lanes)}, 1, workers)]
    if shares > 1:
        launches.append(sum_partials(Temporary(0), shares, dq.numel, acc, acc, caps))
    return Plan(results, tuple(launches), tuple(temporaries), single=False)


def _vectors(width: int, lanes: int) -> int:
    return 2 if width % (2 * lanes) == 0 else 1



# GPU class ---

def _local(call: _Call, mode: str, caps: DeviceCaps) -> Launch:
    """The launch of one mode of the skeleton, whose tensors are in ``call``."""
    size, itemsize = call.size, call.acc.itemsize
    edge = GPU_EDGE
    while edge * edge > caps.max_work_group_size:
        edge //= 2
    owned = size.keys if mode == "key" else size.queries
    width = {"forward": size.value_width, "query": size.width}.get(mode, max(size.width, size.value_width))

    def needed(tile: int, depth: int, columns: int) -> int:
        return itemsize * (max(2 * depth * (tile + 1), depth * columns * edge) + tile * (tile + 4))

    tile = next((t for t in GPU_TILES if t <= 2 * owned and size.count * -(-owned // t) >= caps.units), GPU_TILES[-1])
    pick = _choice(call, mode, caps)
    tile, depth = max(pick("tile", tile), edge), pick("depth", GPU_DEPTH)
    columns = min(pick("columns", GPU_COLUMNS) // edge, 1 << (-(-width // edge) - 1).bit_length())
    memory = min(caps.local_mem_size, 32 << 10)
    while needed(tile, depth, columns) > memory:
        if tile > max(edge, GPU_TILES[-1]):
            tile //= 2
        elif columns > 1:
            columns //= 2
        else:
            depth //= 2
    tiles, chunks = -(-owned // tile), -(-width // (columns * edge))
    call.scalars |= {"tiles": tiles, "chunks": chunks}
    params = {"mode": mode, "edge": edge, "tile": tile, "columns": columns, "depth": depth}
    return call.launch("attention_local", params, edge * edge, size.count * tiles * chunks * edge * edge)


def _local_backward(call: _Call, results: tuple[Layout, ...], caps: DeviceCaps) -> Plan:
    """One launch for dq, which leaves the inner products that the one for dk and dv reads."""
    size = call.size
    keys = call.copy()
    call.matrix("dq", Result(0), results[0], size.queries, size.width, True)
    call.writes["inner"] = Temporary(0)
    keys.matrix("dk", Result(1), results[1], size.keys, size.width, True)
    keys.matrix("dv", Result(2), results[2], size.keys, size.value_width, True)
    keys.reads["inner"] = Temporary(0)
    launches = (_local(call, "query", caps), _local(keys, "key", caps))
    return Plan(results, launches, (lay.dense((size.count, size.queries), call.acc),), single=False)

def plan_keep(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """The factors of dropout, written out: (..., L, S)."""
    result = lay.dense(attrs["shape"], attrs["dtype"])
    local = 1 if caps.plan_class == "cpu" else min(64, caps.max_work_group_size)
    groups = min(-(-result.numel // local), caps.units * CPU_WORKERS_PER_UNIT)
    spec = KernelSpec("attention_keep", "attention_keep", (("acc", result.dtype),), (local,),
                      ("int64", "int64", None, "uint64", "uint32", result.dtype.storage.name, *["uint64"] * 3))
    args = (ScalarOperand(0, dt.int64), ScalarOperand(1, dt.int64), Result(0), _threshold(attrs["p"]),
            1.0 / (1.0 - attrs["p"]), attrs["shape"][-2], attrs["shape"][-1], result.numel)
    return Plan((result,), (Launch(spec, (groups * local,), args),) if result.numel else ())
