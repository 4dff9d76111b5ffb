"""CPU class: convolutions of 3 by 3 taps and stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3).

A quarter of the direct sums' multiplications.  Windows transform the tiles of a task where they are
used; the weight gradient, whose tasks share tiles, transforms a chunk at a time that is still in cache
afterwards.  An infinity or NaN spreads over its tile of 4 by 4 outputs.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..codegen import winograd
from ..core import dtypes as dt
from ..core.dtypes import DType
from ..core.plan import Result
from ..core.tunables import Choice
from .conv_planes import Call, Geometry, Planes, Triple
from .conv_space import WINOGRAD
from .product import accumulator, sum_partials

# Tunables.  Channels on either side from which the transforms pay, and by which factor tiles may
# exceed what they cover; vectors and rows of a register tile; tiles of a task, bytes of sums that it
# holds.  Of the weight gradient: bytes of transformed planes in a chunk, blocks of channels and panels
# of a task, tiles of a block of its sums, and tasks wanted for each unit.
CHANNELS = 16
WASTE = 2.0
VECTORS = 2
ROWS = 8
CHUNK = 4 << 20
SUMS = 512 << 10
TILES = 32
BLOCKS = 4
PANELS = 2
TILES_BLOCK = 256
TASKS_PER_UNIT = 4
WORKERS_PER_UNIT = 4

LANES = 16
POINTS = winograd.SIZE ** 2
_TAPS = (1, winograd.TAPS, winograd.TAPS)


def suits(call: Call, x: Planes, w: Planes, out: int, g: Geometry) -> bool:
    """Whether windows ``g`` over ``x`` with weights ``w`` for ``out`` channels can and should be computed so."""
    return (_fits(call, x.dtype, g) and _whole_rows(x, g.input) and w.strides[3:] == (winograd.TAPS, 1)
            and _pays("windows", call, x, out, g))


def suits_weight(call: Call, g: Planes, x: Planes, geometry: Geometry) -> bool:
    """Whether the weight gradient of such windows can and should be."""
    return (_fits(call, x.dtype, geometry) and _whole_rows(x, geometry.input) and _whole_rows(g, geometry.output)
            and _pays("weight", call, x, g.shape[1], geometry))


def _fits(call: Call, dtype: DType, g: Geometry) -> bool:
    one = (1, 1, 1)
    return (not call.wide and g.groups == 1 and g.taps == _TAPS and g.stride == g.dilation == one
            and accumulator(dtype) is dt.float32 and g.input[0] == g.output[0] == 1 and g.padding[0] == 0
            and min(*g.input[1:], *g.output[1:]) >= winograd.OUTPUTS
            and all(0 <= p < winograd.TAPS for p in g.padding[1:]))


def _choice(kind: str, call: Call, x: Planes, out: int, g: Geometry) -> Choice:
    return WINOGRAD.choice(call.caps, f"{x.dtype.name} {kind}", x.shape[0], out, x.shape[1], *g.output[1:])


def _pays(kind: str, call: Call, x: Planes, out: int, g: Geometry) -> bool:
    channels = min(out, x.shape[1])
    covered = math.prod(_tiles(g.output)) * winograd.OUTPUTS ** 2
    return channels > 0 and _choice(kind, call, x, out, g)(
        "winograd", channels >= CHANNELS and covered <= WASTE * math.prod(g.output))


def _whole_rows(x: Planes, size: Triple) -> bool:
    """Whether the rows of a plane follow one another."""
    return x.strides[3:] == (size[2], 1)


def _tiles(output: Triple) -> tuple[int, int]:
    return -(-output[1] // winograd.OUTPUTS), -(-output[2] // winograd.OUTPUTS)


@dataclass(frozen=True)
class _Chunk:
    """Rows of tiles, numbered through all images."""

    first: int
    lines: int
    tiles_h: int
    tiles_w: int

    @property
    def tiles(self) -> int:
        return self.lines * self.tiles_w


def _chunks(images: int, output: Triple, channels: int, chunk: int) -> list[_Chunk]:
    """Equal parts of all rows of tiles, of about ``chunk`` bytes."""
    tiles_h, tiles_w = _tiles(output)
    lines = images * tiles_h
    size = max(1, chunk // (POINTS * -(-channels // LANES) * LANES * 4 * tiles_w))
    step = -(-lines // -(-lines // size))
    return [_Chunk(first, min(step, lines - first), tiles_h, tiles_w) for first in range(0, lines, step)]


def _workers(call: Call, tasks: int) -> int:
    return min(tasks, call.caps.units * WORKERS_PER_UNIT)


def _reads(x: Planes, size: Triple, padding: Triple, tiles_h: int, tiles_w: int, first: int,
           pitch: int) -> dict[str, int]:
    """What transforming the planes' tiles reads, from row of tiles ``first``."""
    return {"x_n": x.strides[0], "x_c": x.strides[1], "channels": x.shape[1], "in_h": size[1], "in_w": size[2],
            "pad_h": padding[1], "pad_w": padding[2], "tiles_h": tiles_h, "tiles_w": tiles_w, "line_first": first,
            "blocks": -(-x.shape[1] // LANES), "pitch": pitch}


def _transform(call: Call, kind: str, x: Planes, size: Triple, padding: Triple, c: _Chunk, v: Any) -> None:
    """Tiles of the planes of ``size`` into v[point][block][tile][channel]."""
    blocks = -(-x.shape[1] // LANES)
    patch = winograd.SIZE if kind == "input" else winograd.OUTPUTS
    pitch = winograd.OUTPUTS * (c.tiles_w - 1) + patch
    tasks = c.lines * blocks
    workers = _workers(call, tasks)
    scratch = call.temporary(workers * patch * pitch * LANES, dt.float32)
    scalars = _reads(x, size, padding, c.tiles_h, c.tiles_w, c.first, pitch)
    scalars |= {"tiles": c.tiles, "point": blocks * c.tiles * LANES, "tasks": tasks}
    call.launch("winograd_planes", {"x_dtype": x.dtype, "kind": kind, "lanes": LANES}, [x.arg, v, scratch], scalars,
                1, workers)


def _room(call: Call, channels: int, chunks: list[_Chunk]) -> Any:
    return call.temporary(POINTS * -(-channels // LANES) * LANES * max(c.tiles for c in chunks), dt.float32)


def correlate_tiles(call: Call, x: Planes, w: Planes, bias: Any, g: Geometry, transposed: bool) -> None:
    """Windows ``g`` over ``x``; ``transposed`` swaps the channels of the weights and turns them round."""
    out, inner = (w.shape[1], w.shape[0]) if transposed else w.shape[:2]
    w_o, w_c = (w.strides[1], w.strides[0]) if transposed else w.strides[:2]
    width = VECTORS * LANES
    panels, blocks = -(-out // width), -(-inner // LANES)
    # Points lie an odd number of cache lines apart, or their lines would share few sets of the caches.
    point = panels * inner * width + LANES
    u = call.temporary(POINTS * point, dt.float32)
    tasks = panels * VECTORS * inner
    call.launch("winograd_weight", {"w_dtype": w.dtype, "lanes": LANES, "vectors": VECTORS, "flip": transposed},
                [w.arg, u], {"out": out, "inner": inner, "w_o": w_o, "w_c": w_c, "point": point,
                             "tasks": tasks}, 1, _workers(call, tasks))
    tiles_h, tiles_w = _tiles(g.output)
    lines = x.shape[0] * tiles_h
    lines_held = min(lines, max(1, _choice("windows", call, x, out, g)("tiles", TILES) // tiles_w))
    held = -(-lines_held * tiles_w // ROWS) * ROWS
    groups = -(-lines // lines_held)
    # Each share of the panels transforms its tiles again: only as many as keep all units busy.
    share = -(-panels // -(-call.caps.units // groups))
    panels_held = max(1, min(SUMS // (POINTS * held * width * 4), share))
    tasks = groups * -(-panels // share)
    workers = _workers(call, tasks)
    pitch = winograd.OUTPUTS * (tiles_w - 1) + winograd.SIZE
    point_step = blocks * held * LANES + LANES
    step = POINTS * point_step + panels_held * POINTS * width * held + LANES * max(
        winograd.SIZE * pitch, winograd.OUTPUTS * g.output[2])
    scratch = call.temporary(workers * step, dt.float32)
    scalars = _reads(x, g.input, g.padding, tiles_h, tiles_w, 0, pitch)
    scalars |= {"inner": inner, "out": out, "u_point": point, "point_step": point_step, "panels": panels,
                "panels_held": panels_held, "panels_share": share, "lines": lines, "lines_held": lines_held,
                "tiles_held": held, "groups": groups, "out_h": g.output[1], "out_w": g.output[2],
                "scratch_step": step, "tasks": tasks}
    if bias:
        scalars["bias_step"] = bias[1].strides[0]
    params = {"x_dtype": x.dtype, "y_dtype": x.dtype, "bias": bias[1].dtype if bias else None, "lanes": LANES,
              "vectors": VECTORS, "rows": ROWS}
    call.launch("winograd_product", params, [x.arg, u, *([bias[0]] if bias else []), Result(0), scratch], scalars, 1,
                workers)


def weight_tiles(call: Call, g: Planes, x: Planes, geometry: Geometry) -> None:
    """The weight gradient from the cotangent ``g`` (n, o, output) and ``x`` (n, c, input)."""
    n, inner, out = x.shape[0], x.shape[1], g.shape[1]
    chunk = _choice("weight", call, x, out, geometry)("chunk", CHUNK)
    chunks = _chunks(n, geometry.output, max(inner, out), chunk)
    v, d = _room(call, inner, chunks), _room(call, out, chunks)
    blocks, out_blocks = -(-inner // LANES), -(-out // LANES)
    block_groups, panel_groups = -(-blocks // BLOCKS), -(-out_blocks // (VECTORS * PANELS))
    total = out * inner * winograd.TAPS ** 2
    wanted = -(-call.caps.units * TASKS_PER_UNIT // (block_groups * panel_groups))
    splits = [max(1, min(wanted, c.tiles // TILES_BLOCK)) for c in chunks]
    partial = sum(splits) > 1 or g.dtype is not dt.float32
    y: Any = call.temporary(sum(splits) * total, dt.float32) if partial else Result(0)
    step = POINTS * BLOCKS * LANES * PANELS * VECTORS * LANES
    for i, c in enumerate(chunks):
        _transform(call, "input", x, geometry.input, geometry.padding, c, v)
        _transform(call, "output", g, geometry.output, (0, 0, 0), c, d)
        tasks = splits[i] * block_groups * panel_groups
        workers = _workers(call, tasks)
        scratch = call.temporary(workers * step, dt.float32)
        scalars = {"inner": inner, "blocks": blocks, "blocks_held": BLOCKS, "block_groups": block_groups, "out": out,
                   "out_blocks": out_blocks, "panels_held": PANELS, "panel_groups": panel_groups, "tiles": c.tiles,
                   "tiles_share": -(-c.tiles // splits[i]), "tiles_block": TILES_BLOCK,
                   "total": total, "split_first": sum(splits[:i]), "scratch_step": step, "tasks": tasks}
        call.launch("winograd_gradient", {"y_dtype": dt.float32, "lanes": LANES, "vectors": VECTORS, "rows": ROWS},
                    [v, d, y, scratch], scalars, 1, workers)
    if partial:
        call.launches.append(sum_partials(y, sum(splits), total, g.dtype, dt.float32, call.caps))
