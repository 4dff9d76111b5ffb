"""Plans of convolutions: forward, backward to the input, backward to the weight.

Everything is laid out with three spatial dimensions; 1-d and 2-d have leading ones of size 1.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.spec import KernelSpec
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from .matmul import Matrix, Product, accumulator, plan_product, sum_partials

# Tunables, CPU class.  Output channels of a register tile; work-items per unit; multiply-adds below
# which one work-item does everything; taps whose sums a task of the weight gradient holds; vectors
# of a block that it keeps in cache; blocks below which it is not split.
CPU_WORKERS_PER_UNIT = 8
CPU_GRAIN = 1 << 14
WEIGHT_CACHE = 512 << 10
WEIGHT_TAPS = 16
WEIGHT_BLOCK = 64
WEIGHT_SUMS = 36
# GPU class: work-group edge, tile edges, depth of a tile.
GPU_EDGE = 16
GPU_TILES = (64, 32, 16)
GPU_DEPTH = 16
GPU_GROUPS_PER_UNIT = 4
GPU_SPLIT = 1024

_INDEX_LIMIT = 1 << 31
Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Geometry:
    """The windows: output p reads input p * stride - padding + r * dilation for tap r."""

    stride: Triple
    padding: Triple
    dilation: Triple
    groups: int
    taps: Triple
    input: Triple
    output: Triple


@dataclass(frozen=True)
class Planes:
    """A tensor (n, channels, d, h, w) in memory."""

    arg: Any
    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _triple(values: Sequence[int], fill: int) -> Triple:
    return (fill,) * (3 - len(values)) + tuple(values)  # type: ignore[return-value]


def _planes(arg: Any, layout: Layout) -> Planes:
    rank = layout.ndim - 2
    return Planes(arg, layout.dtype, (*layout.shape[:2], *_triple(layout.shape[2:], 1)),
                  (*layout.strides[:2], *_triple(layout.strides[2:], 0))) if rank <= 3 else _refuse(rank)


def _refuse(rank: int) -> Any:
    raise NotImplementedError(f"convolutions over {rank} dimensions are not supported")


def _geometry(attrs: dict[str, Any], taps: Sequence[int], input: Sequence[int], output: Sequence[int]) -> Geometry:
    return Geometry(_triple(attrs["stride"], 1), _triple(attrs["padding"], 0), _triple(attrs["dilation"], 1),
                    attrs["groups"], _triple(taps, 1), _triple(input, 1), _triple(output, 1))


class _Call:
    """Collects the launches and temporaries of one plan."""

    def __init__(self, caps: DeviceCaps, layouts: Sequence[Layout]) -> None:
        self.caps = caps
        self.launches: list[Launch] = []
        self.temporaries: list[Layout] = []
        self.wide = max(o.extent() for o in layouts) >= _INDEX_LIMIT

    def temporary(self, size: int, dtype: DType) -> Temporary:
        self.temporaries.append(lay.dense((size,), dtype))
        self.wide |= size >= _INDEX_LIMIT
        return Temporary(len(self.temporaries) - 1)

    def launch(self, template: str, params: dict[str, Any], buffers: Sequence[Any], scalars: dict[str, int],
               local: int, size: int) -> None:
        if not size:
            return
        index, number = ("ulong", "uint64") if self.wide else ("uint", "uint32")
        spec = KernelSpec(template, template,
                          (*params.items(), ("index_type", index), ("scalars", tuple(scalars))), (local,),
                          (*[None, "uint64"] * len(buffers), *[number] * len(scalars)))
        self.launches.append(Launch(spec, (size,), (*buffers, *scalars.values())))

    def workers(self, work: int) -> int:
        return 1 if work <= CPU_GRAIN else self.caps.units * CPU_WORKERS_PER_UNIT

    def plan(self, layout: Layout) -> Plan:
        return Plan((layout,), tuple(self.launches), tuple(self.temporaries))


def _axes(name: str, values: Sequence[int]) -> dict[str, int]:
    return {f"{name}_{axis}": v for axis, v in zip("dhw", values)}


def plan_forward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """x (n, c, *input), w (o, c / groups, *taps), optionally bias (o) -> (n, o, *size)."""
    x, w = operands[:2]
    layout = lay.dense((x.shape[0], w.shape[0], *attrs["size"]), x.dtype)
    call = _Call(caps, (*operands, layout))
    if layout.numel:
        g = _geometry(attrs, w.shape[2:], x.shape[2:], attrs["size"])
        bias = (Operand(2), operands[2]) if len(operands) > 2 else None
        if _pointwise(g) and w.shape[0] > g.groups and x.strides[2:] == _run(x):
            _product(call, x, w, bias, layout, g, False)
        elif caps.plan_class == "cpu":
            _correlate(call, _planes(Operand(0), x), _planes(Operand(1), w), bias, g, False)
        else:
            _local(call, "forward", _planes(Operand(0), x), _planes(Operand(1), w), bias, layout, g)
    return call.plan(layout)


def plan_input(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """g (n, o, *output), w (o, c / groups, *taps), optionally bias (c) -> (n, c, *size)."""
    g, w = operands[:2]
    layout = lay.dense((g.shape[0], w.shape[1] * attrs["groups"], *attrs["size"]), g.dtype)
    call = _Call(caps, (*operands, layout))
    if layout.numel:
        geometry = _geometry(attrs, w.shape[2:], attrs["size"], g.shape[2:])
        bias = (Operand(2), operands[2]) if len(operands) > 2 else None
        if _pointwise(geometry) and w.shape[1] > 1 and g.strides[2:] == _run(g):
            _product(call, g, w, bias, layout, geometry, True)
        elif caps.plan_class == "cpu":
            _correlate(call, _planes(Operand(0), g), _planes(Operand(1), w), bias, geometry, True)
        else:
            _local(call, "input", _planes(Operand(0), g), _planes(Operand(1), w), bias, layout, geometry)
    return call.plan(layout)


def plan_weight(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """g (n, o, *output), x (n, c, *input) -> (o, c / groups, *size)."""
    g, x = operands
    layout = lay.dense((g.shape[1], x.shape[1] // attrs["groups"], *attrs["size"]), g.dtype)
    call = _Call(caps, (*operands, layout))
    if layout.numel:
        geometry = _geometry(attrs, attrs["size"], x.shape[2:], g.shape[2:])
        if caps.plan_class == "cpu":
            _weight(call, _planes(Operand(0), g), _planes(Operand(1), x), geometry)
        else:
            _local(call, "weight", _planes(Operand(0), g), _planes(Operand(1), x), None, layout, geometry)
    return call.plan(layout)


def _pointwise(g: Geometry) -> bool:
    """Whether each output reads the one input at its own place."""
    return g.taps == g.stride == (1, 1, 1) and g.padding == (0, 0, 0) and g.input == g.output


def _run(x: Layout) -> tuple[int, ...]:
    """Strides with which the positions of a plane follow one another at the last stride."""
    return tuple(s * x.strides[-1] for s in lay.contiguous_strides(x.shape[2:]))


def _product(call: _Call, x: Layout, w: Layout, bias: Any, y: Layout, g: Geometry, transposed: bool) -> None:
    """A window of one element: for each image and group a matrix product with the weight."""
    groups, acc = g.groups, accumulator(x.dtype)
    rows, inner = y.shape[1] // groups, x.shape[1] // groups
    row, column = (w.strides[1], w.strides[0]) if transposed else w.strides[:2]
    group_step = (inner if transposed else rows) * w.strides[0]
    factors = [Matrix(Operand(1), w.dtype, (0, group_step), row, column),
               Matrix(Operand(0), x.dtype, (x.strides[0], inner * x.strides[1]), x.strides[1], x.strides[-1]),
               Matrix(Result(0), y.dtype, (y.strides[0], rows * y.strides[1]), y.strides[1], 1)]
    if bias:
        step = bias[1].strides[0]
        factors.append(Matrix(bias[0], bias[1].dtype, (0, rows * step), step, 0))
    product = Product.of((x.shape[0], groups), rows, math.prod(g.output), inner, factors, acc,
                         "ulong" if call.wide else "uint")
    launches, temporaries = plan_product(product, call.caps)
    call.launches += launches
    call.temporaries += temporaries


# CPU class ---------------------------------------------------------------------------------------

@dataclass(frozen=True)
class _Laid:
    """Planes with their padding, one after the other: [n][channel][phase][d][h][w].

    A window of stride s reads one phase (coordinates equal modulo s) for each tap, so that
    neighbouring outputs always read neighbouring elements.
    """

    arg: Any
    dtype: DType
    size: Triple          # of one phase
    strides: Triple       # of one phase
    plane: int            # of one channel


def _lay(call: _Call, x: Planes, size: Triple, phases: Triple, lo: Triple, insert: Triple, acc: DType,
         slack: int) -> _Laid:
    """Copy ``x`` into padded planes, ``insert - 1`` zeros between its elements."""
    strides = (size[1] * size[2], size[2], 1)
    plane = math.prod(size) * math.prod(phases)
    n, c = x.shape[:2]
    total = n * c * plane
    arg = call.temporary(total + slack, acc)
    rows = total // max(size[2], 1)
    scalars = {"rows": rows, "slack": slack, "total": total, "channels": c, "x_n": x.strides[0], "x_c": x.strides[1]}
    scalars |= _axes("x", x.strides[2:]) | _axes("in", x.shape[2:]) | _axes("size", size)
    scalars |= _axes("phases", phases) | _axes("insert", insert)
    # Padding may be negative (an input's border that no window reads): it travels as two numbers.
    scalars |= _axes("lo", [max(v, 0) for v in lo]) | _axes("skip", [max(-v, 0) for v in lo])
    params = {"source": x.dtype, "target": acc, "lanes": _lanes(acc),
              "mode": "insert" if insert[2] > 1 else {1: "plain", 2: "pair"}.get(phases[2], "step")}
    workers = call.workers(total)
    call.launch("conv_lay", params, [x.arg, arg], scalars, 1, min(workers, rows + 1))
    return _Laid(arg, acc, size, strides, plane)


def _lanes(acc: DType) -> int:
    return 16 if acc.itemsize == 4 else 8


@dataclass(frozen=True)
class _Lanes:
    """How vectors of lanes cover the outputs of one plane: each row by itself, or all in one run
    over the padded rows, whose surplus columns are computed in vain."""

    flat: bool
    rows: int             # runs of vectors
    row_vectors: int      # vectors in each

    @property
    def vectors(self) -> int:
        return self.rows * self.row_vectors


def _cover(g: Triple, strides: Triple, lanes: int) -> _Lanes:
    by_row = _Lanes(False, g[0] * g[1], -(-g[2] // lanes))
    run = (g[0] - 1) * strides[0] + (g[1] - 1) * strides[1] + g[2]
    flat = _Lanes(True, 1, -(-run // lanes))
    return by_row if by_row.vectors <= flat.vectors else flat


def _source(call: _Call, x: Planes, g: Geometry, lo: Triple, phases: Triple, insert: Triple,
            acc: DType) -> tuple[_Laid, _Lanes]:
    """The planes that windows read, laid out unless they can be read where they are."""
    size: Triple = tuple(-(-((p - 1) * s + d * (r - 1) + 1) // s) for p, s, d, r in zip(
        g.output, phases, g.dilation, g.taps))  # type: ignore[assignment]
    lanes = _lanes(acc)
    strides = (size[1] * size[2], size[2], 1)
    cover = _cover(g.output, strides, lanes)
    dense = lay.contiguous_strides(x.shape)
    if (x.dtype is acc and not any(lo) and phases == insert == (1, 1, 1) and size == x.shape[2:]
            and all(s == t or n == 1 for s, t, n in zip(x.strides, dense, x.shape))
            and (g.output == size or not cover.flat) and (
                math.prod(size) if cover.flat else g.output[2]) % lanes == 0):
        return _Laid(x.arg, acc, size, strides, math.prod(size)), cover
    return _lay(call, x, size, phases, lo, insert, acc, 2 * lanes + sum(
        d * (r - 1) for d, r in zip(g.dilation, g.taps))), cover


def _window_scalars(laid: _Laid, g: Geometry, phases: Triple) -> dict[str, int]:
    """Where the taps lie in laid planes: (coordinate // phases, coordinate % phases) per step."""
    volume = math.prod(laid.size)
    steps = (volume * phases[1] * phases[2], volume * phases[2], volume)
    return (_axes("tap", g.taps) | _axes("phases", phases) | _axes("phase_step", steps)
            | _axes("shift", [d // s for d, s in zip(g.dilation, phases)])
            | _axes("turn", [d % s for d, s in zip(g.dilation, phases)])
            | {"pitch_d": laid.strides[0], "pitch_h": laid.strides[1], "plane": laid.plane})


def _correlate(call: _Call, x: Planes, w: Planes, bias: Any, g: Geometry, transposed: bool) -> None:
    """Forward, or with ``transposed`` its adjoint, as windows of stride 1 over a stretched x."""
    acc = accumulator(x.dtype)
    lanes = _lanes(acc)
    one = (1, 1, 1)
    if transposed:
        lo: Triple = tuple(d * (r - 1) - p for d, r, p in zip(g.dilation, g.taps, g.padding))  # type: ignore[assignment]
        phases, insert = one, g.stride
        g = Geometry(one, lo, g.dilation, g.groups, g.taps, g.output, g.input)
        inner, out = w.shape[0] // g.groups, w.shape[1]
        w_strides = (inner * w.strides[0], w.strides[1], w.strides[0])
    else:
        lo, phases, insert = g.padding, g.stride, one
        inner, out = w.shape[1], w.shape[0] // g.groups
        w_strides = (out * w.strides[0], w.strides[0], w.strides[1])
    laid, cover = _source(call, x, g, lo, phases, insert, acc)
    taps = math.prod(g.taps)
    rows = 8 if out > 4 else 4 if out > 2 else out
    vectors = 2 if rows >= 4 else 4
    vectors = min(vectors, cover.vectors)
    vectors = 1 << (vectors.bit_length() - 1)
    tiles = -(-out // rows)
    packed = call.temporary(g.groups * tiles * inner * taps * rows, acc)
    call.launch("conv_pack", {"source": w.dtype, "target": acc, "rows": rows, "flip": transposed},
                [w.arg, packed], {"tiles": tiles, "out": out, "inner": inner, "w_g": w_strides[0],
                                  "w_m": w_strides[1], "w_c": w_strides[2], **_axes("w", w.strides[2:]),
                                  **_axes("tap", g.taps), "tasks": g.groups * tiles * inner},
                1, min(call.workers(g.groups * out * inner * taps), g.groups * tiles * inner))
    n = x.shape[0]
    row_tiles = -(-cover.vectors // vectors)
    tasks = n * g.groups * row_tiles * tiles
    buffers = [laid.arg, packed, *([bias[0]] if bias else []), Result(0)]
    scalars = {"inner": inner, "out": out, "groups": g.groups, "tiles": tiles, "vector_tiles": row_tiles,
               "row_vectors": cover.row_vectors, "vectors": cover.vectors, "tasks": tasks}
    scalars |= _axes("out", g.output) | _window_scalars(laid, g, phases)
    if bias:
        scalars["bias_step"] = bias[1].strides[0]
    params = {"accumulate": acc, "y_dtype": x.dtype, "lanes": lanes, "rows": rows, "row_vectors_count": vectors,
              "flat": cover.flat, "phased": phases != one, "bias": bias[1].dtype if bias else None,
              # Weights beyond the cache are passed once, the images again for each tile of them.
              "tile_outer": tiles * rows * inner * taps * acc.itemsize > WEIGHT_CACHE}
    work = tasks * rows * vectors * lanes * inner * taps
    call.launch("conv_direct", params, buffers, scalars, 1, min(call.workers(work), tasks))


def _weight(call: _Call, g: Planes, x: Planes, geometry: Geometry) -> None:
    """Sums over images and positions of products of two planes, one shifted by each tap."""
    acc = accumulator(x.dtype)
    lanes = _lanes(acc)
    taps = math.prod(geometry.taps)
    one = (1, 1, 1)
    n = x.shape[0]
    out, inner = g.shape[1] // geometry.groups, x.shape[1] // geometry.groups
    if n == 0 or g.shape[1] == 0 or not math.prod(geometry.output):
        total = g.shape[1] * inner * taps
        call.launches.append(sum_partials(call.temporary(0, acc), 0, total, g.dtype, acc, call.caps))
        return
    laid, cover = _source(call, x, geometry, geometry.padding, geometry.stride, one, acc)
    # The cotangent lies in planes walked in step with the input's, zero where there is no output.
    if cover.flat:
        # The last vector must find zeros behind the plane, not the next one.
        missing = max(0, cover.vectors * lanes - math.prod(laid.size))
        d, h, width = laid.size
        size = (1, h + -(-missing // width), width) if d == 1 else (d + -(-missing // (h * width)), h, width)
        run = laid.strides
    else:
        row = cover.row_vectors * lanes
        size = (geometry.output[0], geometry.output[1], row)
        run = (geometry.output[1] * row, row, 1)
    dense = lay.contiguous_strides(g.shape)
    if g.dtype is acc and size == geometry.output and g.strides == dense and (
            not cover.flat or math.prod(size) % lanes == 0):
        cotangent = _Laid(g.arg, acc, size, run, math.prod(size))
    else:
        cotangent = _lay(call, g, size, one, (0, 0, 0), one, acc, lanes)
    tile_o, tile_c = (4, 4) if inner > 2 and out > 2 else (8, 1) if out > 4 else (1, 8) if inner > 4 else (1, 1)
    held = min(taps, WEIGHT_TAPS)
    tap_chunks = -(-taps // held)
    # Several register tiles share a pass over the input's planes, as far as their sums stay in cache.
    tiles_o = max(1, min(WEIGHT_SUMS // held, -(-out // tile_o)))
    o_tiles, c_tiles = -(-out // (tile_o * tiles_o)), -(-inner // tile_c)
    block = min(cover.row_vectors, WEIGHT_BLOCK) if cover.flat else max(
        1, min(cover.rows, WEIGHT_BLOCK // cover.row_vectors)) * cover.row_vectors
    blocks = -(-cover.vectors // block)
    tasks = geometry.groups * o_tiles * c_tiles * tap_chunks
    workers = call.workers(g.shape[1] * inner * taps * n * cover.vectors * lanes)
    splits = max(1, min(-(-workers // tasks), n * blocks)) if 2 * tasks <= workers else 1
    total = g.shape[1] * inner * taps
    target: Any = Result(0)
    direct = splits == 1 and g.dtype is acc
    if not direct:
        target = call.temporary(splits * total, acc)
    scalars = {"inner": inner, "out": out, "groups": geometry.groups, "o_tiles": o_tiles, "c_tiles": c_tiles,
               "tap_chunks": tap_chunks, "taps": taps, "splits": splits, "blocks": blocks, "block": block,
               "all_blocks": n * blocks, "row_vectors": cover.row_vectors, "vectors": cover.vectors,
               "rows_h": geometry.output[1] if not cover.flat else 1, "total": total,
               "g_plane": cotangent.plane, "tasks": tasks * splits}
    scalars |= _window_scalars(laid, geometry, geometry.stride)
    params = {"accumulate": acc, "lanes": lanes, "tile_o": tile_o, "tile_c": tile_c, "tiles_o": tiles_o,
              "held": held}
    call.launch("conv_weight", params, [laid.arg, cotangent.arg, target], scalars, 1,
                min(workers, tasks * splits))
    if not direct:
        call.launches.append(sum_partials(target, splits, total, g.dtype, acc, call.caps))


# GPU class ---------------------------------------------------------------------------------------

def _local(call: _Call, kind: str, a: Planes, b: Planes, bias: Any, layout: Layout, g: Geometry) -> None:
    """An implicit matrix product per group through local memory.

    forward: (o) x (c, taps) x (n, output); input: (c) x (o, taps) x (n, input); weight: (o) x
    (n, output) x (c, taps).
    """
    caps = call.caps
    acc = accumulator(a.dtype)
    taps = math.prod(g.taps)
    n = a.shape[0]
    if kind == "forward":
        x, w, y_channels = a, b, layout.shape[1] // g.groups
        out, inner = w.shape[0] // g.groups, w.shape[1]
        m, k, columns = out, inner * taps, n * math.prod(g.output)
    elif kind == "input":
        x, w = a, b
        out, inner = w.shape[0] // g.groups, w.shape[1]
        m, k, columns = inner, out * taps, n * math.prod(g.input)
    else:
        x, w = b, a
        out, inner = a.shape[1] // g.groups, b.shape[1] // g.groups
        m, k, columns = out, n * math.prod(g.output), inner * taps
    edge = GPU_EDGE
    while edge * edge > caps.max_work_group_size:
        edge //= 2
    tile = next((t for t in GPU_TILES if t <= 2 * max(min(m, columns), 8) and
                 -(-m // t) * -(-columns // t) * g.groups >= caps.units), GPU_TILES[-1])
    depth_tile = GPU_DEPTH
    while 2 * depth_tile * (tile + 1) * acc.itemsize > min(caps.local_mem_size, 16 << 10):
        depth_tile //= 2
    tiles_m, tiles_n = -(-m // tile), -(-columns // tile)
    tasks = tiles_m * tiles_n * g.groups
    splits = 1
    if kind == "weight" and tasks < caps.units * GPU_GROUPS_PER_UNIT:
        splits = max(1, min(caps.units * GPU_GROUPS_PER_UNIT // tasks, k // GPU_SPLIT))
    total = layout.numel
    target: Any = Result(0)
    if splits > 1:
        target = call.temporary(splits * total, acc)
    scalars = {"M": m, "N": columns, "K": k, "tiles_m": tiles_m, "tiles_n": tiles_n, "groups": g.groups,
               "splits": splits, "depth": -(-k // splits), "total": total, "out": out, "inner": inner,
               "a_0": x.strides[0], "a_1": x.strides[1], "b_0": w.strides[0], "b_1": w.strides[1]}
    scalars |= _axes("a", x.strides[2:]) | _axes("b", w.strides[2:]) | _axes("in", g.input) | _axes("out", g.output)
    scalars |= _axes("tap", g.taps) | _axes("stride", g.stride) | _axes("pad", g.padding) | _axes("dil", g.dilation)
    if bias:
        scalars["bias_step"] = bias[1].strides[0]
    local = edge * edge
    params = {"kind": kind, "edge": edge, "tile": tile, "tile_k": depth_tile, "accumulate": acc,
              "x_dtype": x.dtype, "y_dtype": acc if splits > 1 else layout.dtype,
              "bias": bias[1].dtype if bias else None}
    call.launch("conv_local", params, [x.arg, w.arg, *([bias[0]] if bias else []), target], scalars, local,
                tasks * splits * local)
    if splits > 1:
        call.launches.append(sum_partials(target, splits, total, layout.dtype, acc, call.caps))
