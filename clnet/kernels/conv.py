"""Plans of convolutions: forward, backward to the input, backward to the weight."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Operand, Plan, Result
from .conv_direct import correlate, weight_gradient
from .conv_planes import Call, Geometry, Planes, axes, geometry_of, planes_of
from .conv_space import LOCAL
from .matmul import plan_product
from .product import Matrix, Product, accumulator, sum_partials

# Tunables, GPU class: work-group edge, tile edges, depth of a tile; work-groups per unit that the
# weight gradient is split for, and the depth below which it isn't.
GPU_EDGE = 16
GPU_TILES = (64, 32, 16)
GPU_DEPTH = 16
GPU_GROUPS_PER_UNIT = 4
GPU_SPLIT = 1024


def plan_forward(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """x (n, c, *input), w (o, c / groups, *taps), optionally bias (o) -> (n, o, *size)."""
    x, w = operands[:2]
    layout = lay.dense((x.shape[0], w.shape[0], *attrs["size"]), x.dtype)
    call = Call(caps, (*operands, layout))
    if layout.numel:
        g = geometry_of(attrs, w.shape[2:], x.shape[2:], attrs["size"])
        bias = (Operand(2), operands[2]) if len(operands) > 2 else None
        if _pointwise(g) and w.shape[0] > g.groups and x.strides[2:] == _run(x):
            _product(call, x, w, bias, layout, g, False)
        elif caps.plan_class == "cpu":
            correlate(call, planes_of(Operand(0), x), planes_of(Operand(1), w), bias, g, False)
        else:
            _local(call, "forward", planes_of(Operand(0), x), planes_of(Operand(1), w), bias, layout, g)
    return call.plan(layout)


def plan_input(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """g (n, o, *output), w (o, c / groups, *taps), optionally bias (c) -> (n, c, *size)."""
    g, w = operands[:2]
    layout = lay.dense((g.shape[0], w.shape[1] * attrs["groups"], *attrs["size"]), g.dtype)
    call = Call(caps, (*operands, layout))
    if layout.numel:
        geometry = geometry_of(attrs, w.shape[2:], attrs["size"], g.shape[2:])
        bias = (Operand(2), operands[2]) if len(operands) > 2 else None
        if _pointwise(geometry) and w.shape[1] > 1 and g.strides[2:] == _run(g):
            _product(call, g, w, bias, layout, geometry, True)
        elif caps.plan_class == "cpu":
            correlate(call, planes_of(Operand(0), g), planes_of(Operand(1), w), bias, geometry, True)
        else:
            _local(call, "input", planes_of(Operand(0), g), planes_of(Operand(1), w), bias, layout, geometry)
    return call.plan(layout)


def plan_weight(operands: Sequence[Layout], attrs: dict[str, Any], caps: DeviceCaps) -> Plan:
    """g (n, o, *output), x (n, c, *input) -> (o, c / groups, *size)."""
    g, x = operands
    layout = lay.dense((g.shape[1], x.shape[1] // attrs["groups"], *attrs["size"]), g.dtype)
    call = Call(caps, (*operands, layout))
    if layout.numel:
        geometry = geometry_of(attrs, attrs["size"], x.shape[2:], g.shape[2:])
        if caps.plan_class == "cpu":
            weight_gradient(call, planes_of(Operand(0), g), planes_of(Operand(1), x), geometry)
        else:
            _local(call, "weight", planes_of(Operand(0), g), planes_of(Operand(1), x), None, layout, geometry)
    return call.plan(layout)


def _pointwise(g: Geometry) -> bool:
    """Whether each output reads the one input at its own place."""
    return g.taps == g.stride == (1, 1, 1) and g.padding == (0, 0, 0) and g.input == g.output


def _run(x: Layout) -> tuple[int, ...]:
    """Strides with which the positions of a plane follow one another at the last stride."""
    return tuple(s * x.strides[-1] for s in lay.contiguous_strides(x.shape[2:]))


def _product(call: Call, x: Layout, w: Layout, bias: Any, y: Layout, g: Geometry, transposed: bool) -> None:
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


# GPU class ---

def _local(call: Call, kind: str, a: Planes, b: Planes, bias: Any, layout: Layout, g: Geometry) -> None:
    """An implicit matrix product per group through local memory.

    forward: (o) x (c, taps) x (n, output); input: (c) x (o, taps) x (n, input); weight: (o) x
    (n, output) x (c, taps).
    """
    caps = call.caps
    acc = accumulator(a.dtype)
    taps = math.prod(g.taps)
    n = a.shape[0]
    if kind == "forward":
        x, w = a, b
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
    pick = LOCAL.choice(caps, f"{a.dtype.name} {kind}", g.groups, m, columns, k)
    edge = pick("edge", GPU_EDGE)
    while edge * edge > caps.max_work_group_size:
        edge //= 2
    tile = pick("tile", next((t for t in GPU_TILES if t <= 2 * max(min(m, columns), 8) and
                              -(-m // t) * -(-columns // t) * g.groups >= caps.units), GPU_TILES[-1]))
    depth_tile = pick("depth", GPU_DEPTH)
    while 2 * depth_tile * (tile + 1) * acc.itemsize > min(caps.local_mem_size, 16 << 10):
        depth_tile //= 2
    tiles_m, tiles_n = -(-m // tile), -(-columns // tile)
    tasks = tiles_m * tiles_n * g.groups
    splits = 1
    if kind == "weight":
        groups_wanted = caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT)
        splits = max(1, min(groups_wanted // tasks, k // GPU_SPLIT))
    total = layout.numel
    target: Any = Result(0)
    if splits > 1:
        target = call.temporary(splits * total, acc)
    scalars = {"M": m, "N": columns, "K": k, "tiles_m": tiles_m, "tiles_n": tiles_n, "groups": g.groups,
               "splits": splits, "depth": -(-k // splits), "total": total, "out": out, "inner": inner,
               "a_0": x.strides[0], "a_1": x.strides[1], "b_0": w.strides[0], "b_1": w.strides[1]}
    scalars |= axes("a", x.strides[2:]) | axes("b", w.strides[2:]) | axes("in", g.input) | axes("out", g.output)
    scalars |= axes("tap", g.taps) | axes("stride", g.stride) | axes("pad", g.padding) | axes("dil", g.dilation)
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
