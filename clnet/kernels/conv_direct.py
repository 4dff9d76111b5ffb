"""CPU class: convolutions over padded planes, read by windows in place."""
from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

from ..core import layout as lay
from ..core.dtypes import DType
from ..core.plan import Operand, Result, Temporary
from .conv_depth import correlate_planes, fits, weight_planes
from .conv_panel import correlate_panels, weight_panels
from .conv_planes import (
    CPU_WORKERS_PER_UNIT,
    Call,
    Geometry,
    Laid,
    Planes,
    Target,
    Triple,
    axes,
    lanes_of,
    lay_scalars,
    window_scalars,
)
from .conv_space import WEIGHT, WINDOWS
from .conv_winograd import correlate_tiles, suits, suits_weight, weight_tiles
from .product import accumulator, sum_partials

# Tunables.  Output channels above which, and depth of the windows from which, a convolution runs as a
# product of gathered panels; output channels from which, and input channels below which, the weight
# gradient does.  Of the others: size of the weights from which they are passed only once; taps whose
# sums a task of the weight gradient holds, (tap, register tile) pairs that it holds in all, and
# vectors of a block of planes that stays in cache meanwhile.
PANEL_ROWS = 4
PANEL_DEPTH = 8
WEIGHT_ROWS = 96
WEIGHT_INNER = 4
WEIGHT_CACHE = 512 << 10
WEIGHT_TAPS = 16
WEIGHT_BLOCK = 64
WEIGHT_SUMS = 36


def _lay(call: Call, x: Planes, size: Triple, phases: Triple, lo: Triple, insert: Triple, acc: DType,
         slack: int) -> Laid:
    """Copy ``x`` into padded planes, ``insert - 1`` zeros between its elements."""
    strides = (size[1] * size[2], size[2], 1)
    plane = math.prod(size) * math.prod(phases)
    n, c = x.shape[:2]
    total = n * c * plane
    arg = call.temporary(total + slack, acc)
    scalars, mode = lay_scalars(x, size, phases, lo, insert)
    scalars |= {"planes": n * c, "volume": plane, "slack": slack, "total": total}
    params = {"source": x.dtype, "target": acc, "lanes": lanes_of(acc), "mode": mode}
    workers = call.workers(total)
    call.launch("conv_lay", params, [x.arg, arg], scalars, 1, min(workers, n * c + 1))
    return Laid(arg, acc, size, strides, plane)


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


def _source(call: Call, x: Planes, g: Geometry, lo: Triple, phases: Triple, insert: Triple,
            acc: DType) -> tuple[Laid, _Lanes]:
    """The planes that windows read, laid out unless they can be read where they are."""
    size: Triple = tuple(-(-((p - 1) * s + d * (r - 1) + 1) // s) for p, s, d, r in zip(
        g.output, phases, g.dilation, g.taps))  # type: ignore[assignment]
    lanes = lanes_of(acc)
    strides = (size[1] * size[2], size[2], 1)
    cover = _cover(g.output, strides, lanes)
    dense = lay.contiguous_strides(x.shape)
    if (x.dtype is acc and not any(lo) and phases == insert == (1, 1, 1) and size == x.shape[2:]
            and all(s == t or n == 1 for s, t, n in zip(x.strides, dense, x.shape))
            and (g.output == size or not cover.flat) and (
                math.prod(size) if cover.flat else g.output[2]) % lanes == 0):
        return Laid(x.arg, acc, size, strides, math.prod(size)), cover
    return _lay(call, x, size, phases, lo, insert, acc, 2 * lanes + sum(
        d * (r - 1) for d, r in zip(g.dilation, g.taps))), cover


def correlate(call: Call, x: Planes, w: Planes, bias: Any, g: Geometry, transposed: bool) -> None:
    """Forward, or with ``transposed`` its adjoint in the input."""
    if fits(call, w, g, transposed):
        correlate_planes(call, x, w, bias, g, transposed)
        return
    windows = _mirrored(g) if transposed else g
    if g.stride == (1, 1, 1) and suits(call, x, w, w.shape[1] if transposed else w.shape[0], windows):
        correlate_tiles(call, x, w, bias, windows, transposed)
        return
    acc = accumulator(x.dtype)
    one = (1, 1, 1)
    if not transposed:
        laid, cover = _source(call, x, g, g.padding, g.stride, one, acc)
        out = Target(Result(0), x.dtype, g.output, _dense(g.output), math.prod(g.output), bias)
        _windows(call, laid, cover, x.shape[0], w, g.groups, g.taps, g.dilation, g.stride, False, out)
        return
    out = Target(Result(0), x.dtype, g.input, _dense(g.input), math.prod(g.input), bias)
    if g.stride == one or g.dilation != one:
        mirrored = _mirrored(g)
        laid, cover = _source(call, x, mirrored, mirrored.padding, one, g.stride, acc)
        _windows(call, laid, cover, x.shape[0], w, g.groups, g.taps, g.dilation, one, True, out)
    else:
        _strided_input(call, x, w, g, out, acc)


def _mirrored(g: Geometry) -> Geometry:
    """The windows of stride 1 through which the input collects the outputs, `stride` apart."""
    lo: Triple = tuple(d * (r - 1) - p for d, r, p in zip(g.dilation, g.taps, g.padding))  # type: ignore[assignment]
    return Geometry((1, 1, 1), lo, g.dilation, g.groups, g.taps, g.output, g.input)


def _dense(size: Triple) -> Triple:
    return (size[1] * size[2], size[2], 1)


@dataclass(frozen=True)
class _Residue:
    """The input positions of one axis with the same remainder: they see every stride-th tap."""

    tap: int              # the first one
    taps: int
    position: int         # the first one
    count: int
    output: int           # the last output that the first position sees


def _residues(size: int, stride: int, padding: int, taps: int) -> list[_Residue]:
    found = []
    for r in range(stride):
        output = -((r - padding) // stride)
        position = stride * output + r - padding
        count = -(-(size - position) // stride)
        if count > 0:
            found.append(_Residue(r, max(0, -(-(taps - r) // stride)), position, count, output))
    return found


def _strided_input(call: Call, x: Planes, w: Planes, g: Geometry, out: Target, acc: DType) -> None:
    """The adjoint of a strided convolution: for each remainder of the input's coordinates modulo the
    stride a convolution of stride 1 with every stride-th tap."""
    axes = [_residues(n, s, p, r) for n, s, p, r in zip(g.input, g.stride, g.padding, g.taps)]
    lo: Triple = tuple(max(0, *(r.taps - 1 - r.output for r in axis)) for axis in axes)  # type: ignore[assignment]
    size: Triple = tuple(lo_ + max(r.output + r.count for r in axis) for lo_, axis in zip(lo, axes))  # type: ignore[assignment]
    lanes = lanes_of(acc)
    one = (1, 1, 1)
    laid = _lay(call, x, size, one, lo, one, acc, 2 * lanes + sum(g.taps))
    for parts in itertools.product(*axes):
        shift = sum((lo_ + r.output - r.taps + 1) * s for lo_, r, s in zip(lo, parts, laid.strides))
        seen: Triple = tuple(r.taps for r in parts)  # type: ignore[assignment]
        count: Triple = tuple(r.count for r in parts)  # type: ignore[assignment]
        part = replace(laid, arg=Temporary(laid.arg.index, shift if math.prod(seen) else 0))
        weights = replace(
            w, arg=Operand(1, sum(r.tap * s for r, s in zip(parts, w.strides[2:])) if math.prod(seen) else 0),
            strides=(*w.strides[:2], *(s * t for s, t in zip(w.strides[2:], g.stride))))
        target = replace(
            out, arg=Result(0, sum(r.position * s for r, s in zip(parts, out.strides))), size=count,
            strides=tuple(s * t for s, t in zip(out.strides, g.stride)))  # type: ignore[arg-type]
        _windows(call, part, _cover(count, laid.strides, lanes), x.shape[0], weights, g.groups, seen, one, one,
                 True, target)


def _windows(call: Call, laid: Laid, cover: _Lanes, n: int, w: Planes, groups: int, taps: Triple,
             dilation: Triple, phases: Triple, transposed: bool, target: Target) -> None:
    """Pack the weights and run the windows; ``transposed`` swaps their channels and turns them round."""
    acc = laid.dtype
    lanes = lanes_of(acc)
    if transposed:
        inner, out = w.shape[0] // groups, w.shape[1]
        w_strides = (inner * w.strides[0], w.strides[1], w.strides[0])
    else:
        inner, out = w.shape[1], w.shape[0] // groups
        w_strides = (out * w.strides[0], w.strides[0], w.strides[1])
    count = math.prod(taps)
    pick = WINDOWS.choice(call.caps, f"{w.dtype.name}{' phased' if phases != (1, 1, 1) else ''}", n, groups, out,
                          inner, count, target.size[2], math.prod(target.size))
    panel = not call.wide and out > PANEL_ROWS and bool(count) and pick("panel", inner * count >= PANEL_DEPTH)
    rows = 8 if out > 4 else 4 if out > 2 else out
    vectors = min(2 if rows >= 4 else 4, cover.vectors)
    vectors = 1 << (vectors.bit_length() - 1)
    if not panel:
        rows, vectors = pick("rows", rows), pick("vectors", vectors)
    tiles = -(-out // rows)
    packed = call.temporary(groups * tiles * inner * count * rows, acc)
    if count:
        call.launch("conv_pack", {"source": w.dtype, "target": acc, "rows": rows, "flip": transposed},
                    [w.arg, packed],
                    {"tiles": tiles, "out": out, "inner": inner, "w_g": w_strides[0], "w_m": w_strides[1],
                     "w_c": w_strides[2], **axes("w", w.strides[2:]), **axes("tap", taps),
                     "tasks": groups * tiles * inner},
                    1, min(call.workers(groups * out * inner * count), groups * tiles * inner))
    if panel:
        correlate_panels(call, laid, n, packed, groups, inner, out, taps, dilation, phases, target)
        return
    vector_tiles = -(-cover.vectors // vectors)
    tasks = n * groups * vector_tiles * tiles
    work = n * groups * out * inner * max(count, 1) * cover.vectors * lanes
    workers = call.workers(work, pick("workers_per_unit", CPU_WORKERS_PER_UNIT))
    weight_bytes = tiles * rows * inner * count * acc.itemsize
    size = min(workers, tasks)
    bias = target.bias
    scalars = {"inner": inner, "out": out, "groups": groups, "tiles": tiles, "vector_tiles": vector_tiles,
               "row_vectors": cover.row_vectors, "vectors": cover.vectors, "tasks": tasks,
               "volume": target.volume}
    scalars |= axes("out", target.size) | axes("y", target.strides)
    scalars |= window_scalars(laid, taps, dilation, phases)
    if bias:
        scalars["bias_step"] = bias[1].strides[0]
    params = {"accumulate": acc, "y_dtype": target.dtype, "lanes": lanes, "rows": rows,
              "row_vectors_count": vectors, "flat": cover.flat, "phased": phases != (1, 1, 1),
              "unit": target.strides[2] == 1, "bias": bias[1].dtype if bias else None,
              # Weights beyond the cache are passed once, the images again for each tile of them.
              "tile_outer": pick("weights_once", weight_bytes > WEIGHT_CACHE)}
    buffers = [laid.arg, packed, *([bias[0]] if bias else []), target.arg]
    call.launch("conv_direct", params, buffers, scalars, 1, size)


def weight_gradient(call: Call, g: Planes, x: Planes, geometry: Geometry) -> None:
    """Sums over images and positions of products of two planes, one shifted by each tap."""
    acc = accumulator(x.dtype)
    lanes = lanes_of(acc)
    taps = math.prod(geometry.taps)
    one = (1, 1, 1)
    n = x.shape[0]
    out, inner = g.shape[1] // geometry.groups, x.shape[1] // geometry.groups
    if n == 0 or g.shape[1] == 0 or not math.prod(geometry.output):
        total = g.shape[1] * inner * taps
        call.launches.append(sum_partials(call.temporary(0, acc), 0, total, g.dtype, acc, call.caps))
        return
    if weight_planes(call, g, x, geometry):
        return
    if suits_weight(call, g, x, geometry):
        weight_tiles(call, g, x, geometry)
        return
    laid, cover = _source(call, x, geometry, geometry.padding, geometry.stride, one, acc)
    pick = WEIGHT.choice(call.caps, f"{g.dtype.name}{' phased' if geometry.stride != one else ''}", n,
                         geometry.groups, out, inner, taps, geometry.output[2], math.prod(geometry.output))
    panel = pick("panel", out >= WEIGHT_ROWS or inner < WEIGHT_INNER and taps > WEIGHT_TAPS)
    if not call.wide and out > PANEL_ROWS and panel:
        weight_panels(call, laid, g, geometry, inner)
        return
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
        cotangent = Laid(g.arg, acc, size, run, math.prod(size))
    else:
        cotangent = _lay(call, g, size, one, (0, 0, 0), one, acc, lanes)
    tile_o, tile_c = (4, 4) if inner > 2 and out > 2 else (8, 1) if out > 4 else (1, 8) if inner > 4 else (1, 1)
    held = min(taps, pick("taps", WEIGHT_TAPS))
    tap_chunks = -(-taps // held)
    # Several register tiles share a pass over the input's planes, as far as their sums stay in cache.
    tiles_o = max(1, min(pick("sums", WEIGHT_SUMS) // held, -(-out // tile_o)))
    o_tiles, c_tiles = -(-out // (tile_o * tiles_o)), -(-inner // tile_c)
    block = pick("block", WEIGHT_BLOCK)
    block = min(cover.row_vectors, block) if cover.flat else max(
        1, min(cover.rows, block // cover.row_vectors)) * cover.row_vectors
    blocks = -(-cover.vectors // block)
    tasks = geometry.groups * o_tiles * c_tiles * tap_chunks
    workers = call.workers(g.shape[1] * inner * taps * n * cover.vectors * lanes,
                           pick("workers_per_unit", CPU_WORKERS_PER_UNIT))
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
    scalars |= window_scalars(laid, geometry.taps, geometry.dilation, geometry.stride)
    params = {"accumulate": acc, "lanes": lanes, "tile_o": tile_o, "tile_c": tile_c, "tiles_o": tiles_o,
              "held": held}
    call.launch("conv_weight", params, [laid.arg, cotangent.arg, target], scalars, 1,
                min(workers, tasks * splits))
    if not direct:
        call.launches.append(sum_partials(target, splits, total, g.dtype, acc, call.caps))
