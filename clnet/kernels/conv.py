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
from .conv_gpu import gather_forward, gather_input, gather_weight
from .conv_planes import Call, Geometry, geometry_of, planes_of
from .matmul import plan_product
from .product import Matrix, Product, accumulator


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
            gather_forward(call, planes_of(Operand(0), x), planes_of(Operand(1), w), bias, layout, g)
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
            gather_input(call, planes_of(Operand(0), g), planes_of(Operand(1), w), bias, layout, geometry)
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
            gather_weight(call, planes_of(Operand(0), g), planes_of(Operand(1), x), layout, geometry)
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
