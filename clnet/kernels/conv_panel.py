"""CPU class: convolutions as matrix products whose right factor is gathered panel by panel.

Columns of the product run over all images, so that small planes leave no lanes idle; rows are
tiles of packed weights (or, for the weight gradient, of the cotangent's channels).
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..core.dtypes import DType
from ..core.plan import Result, Temporary
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
    window_scalars,
)
from .conv_space import PANEL
from .product import sum_partials

# Tunables.  Rows of a tile, vectors across a panel, steps of a block of the depth, panels that
# share a pass of the left factor, depth from which a product is split to keep all units busy, and
# size from which the left factor counts as large.
ROWS = 8
VECTORS = 2
BLOCK = 384
PANELS = 4
SPLIT_DEPTH = 2048
CACHE = 512 << 10


@dataclass(frozen=True)
class _Factor:
    """The offsets u[k] + v[j] of the right factor, and where its columns go."""

    u: Temporary
    v: Temporary
    target: Temporary | None
    depth: int
    columns: int
    piece: int            # neighbouring columns that are neighbours in memory


def _windows(call: Call, laid: Laid, inner: int, taps: Triple, dilation: Triple, phases: Triple,
             padded: int) -> Temporary:
    """Offsets of (channel, tap), with ``padded`` entries."""
    place = call.offsets(padded)
    count = inner * math.prod(taps)
    scalars = window_scalars(laid, taps, dilation, phases) | {"count": count, "last": count - 1, "entries": padded}
    call.launch("conv_places", {"kind": "windows"}, [place], scalars, 1, min(padded, call.caps.units))
    return place


def _positions(call: Call, laid: Laid, image: int, n: int, size: Triple, y_n: int, y: Triple, padded: int,
               piece: int) -> tuple[Temporary, Temporary]:
    """Offsets of (image, position) in laid planes and in the result, of every ``piece``-th of ``padded``."""
    entries, count = padded // piece, n * math.prod(size) // piece
    place, target = call.offsets(entries), call.offsets(entries)
    scalars = {"image": image, "pitch_d": laid.strides[0], "pitch_h": laid.strides[1], "y_n": y_n, "piece": piece,
               "count": count, "last": count - 1, "entries": entries}
    scalars |= axes("out", (size[0], size[1], size[2] // piece)) | axes("y", y)
    call.launch("conv_places", {"kind": "positions"}, [place, target], scalars, 1, min(entries, call.caps.units))
    return place, target


def correlate_panels(call: Call, laid: Laid, n: int, packed: Any, groups: int, inner: int, out: int, taps: Triple,
                     dilation: Triple, phases: Triple, target: Target) -> None:
    """Windows over laid planes, with weights packed in tiles of ``ROWS`` channels."""
    lanes = lanes_of(laid.dtype)
    depth, columns = inner * math.prod(taps), n * math.prod(target.size)
    piece = math.gcd(target.size[2], lanes)
    width = VECTORS * lanes
    u = _windows(call, laid, inner, taps, dilation, phases, depth)
    v, places = _positions(call, laid, groups * inner * laid.plane, n, target.size, groups * out * target.volume,
                           target.strides, -(-columns // width) * width, piece)
    factor = _Factor(u, v, places, depth, columns, piece)
    _product(call, laid, packed, factor, groups, out, inner * laid.plane, target.arg, target.dtype,
             (0, out * target.volume, target.volume, target.strides[2]), 1, target.bias)


def weight_panels(call: Call, laid: Laid, g: Planes, geometry: Geometry, inner: int) -> None:
    """The weight gradient: rows are the cotangent's channels, columns (channel, tap)."""
    acc, groups, taps = laid.dtype, geometry.groups, geometry.taps
    n, out, volume = g.shape[0], g.shape[1] // groups, math.prod(geometry.output)
    tiles = -(-out // ROWS)
    depth, columns = n * volume, inner * math.prod(taps)
    packed = call.temporary(groups * tiles * depth * ROWS, acc)
    scalars = {"images": n, "tiles": tiles, "out": out, "volume": volume, "x_n": g.strides[0], "x_c": g.strides[1],
               "tasks": groups * tiles * n} | axes("x", g.strides[2:]) | axes("size", geometry.output)
    call.launch("conv_interleave", {"source": g.dtype, "target": acc, "rows": ROWS}, [g.arg, packed], scalars, 1,
                min(call.workers(groups * out * depth), groups * tiles * n))
    width = VECTORS * lanes_of(acc)
    u, _ = _positions(call, laid, groups * inner * laid.plane, n, geometry.output, 0, (0, 0, 0), depth, 1)
    v = _windows(call, laid, inner, taps, geometry.dilation, geometry.stride, -(-columns // width) * width)
    factor = _Factor(u, v, None, depth, columns, 1)
    total = groups * out * columns
    tasks = groups * -(-columns // width)
    workers = call.workers(total * depth)
    splits = max(1, min(-(-workers // tasks), depth // SPLIT_DEPTH)) if 2 * tasks <= workers else 1
    direct = splits == 1
    result: Any = Result(0) if direct else call.temporary(splits * total, acc)
    _product(call, laid, packed, factor, groups, out, inner * laid.plane, result, g.dtype if direct else acc,
             (total, out * columns, columns, 1), splits, None)
    if not direct:
        call.launches.append(sum_partials(result, splits, total, g.dtype, acc, call.caps))


def _product(call: Call, laid: Laid, packed: Any, f: _Factor, groups: int, out: int, x_group: int, y: Any,
             y_dtype: DType, steps: tuple[int, int, int, int], splits: int, bias: Any) -> None:
    """``steps``: of a split, a group, a row and (where columns are scattered) a column of the result."""
    acc = laid.dtype
    lanes = lanes_of(acc)
    width, tiles = VECTORS * lanes, -(-out // ROWS)
    pick = PANEL.choice(call.caps, f"{acc.name}{' scattered' if f.target is not None else ''}", groups, out,
                        f.columns, f.depth)
    workers = call.workers(out * groups * f.columns * f.depth, pick("workers_per_unit", CPU_WORKERS_PER_UNIT))
    all_panels = -(-f.columns // width)
    # Weights beyond the cache are passed over several panels at a time, whatever is left to split.
    large = out * f.depth * acc.itemsize > CACHE
    panels = max(1, min(pick("panels", PANELS), all_panels if large else all_panels * groups * splits // workers))
    column_groups = -(-all_panels // panels)
    tasks = groups * column_groups * splits
    row_splits = max(1, min(tiles // 4, workers // tasks)) if tasks < workers else 1
    row_tiles = -(-tiles // row_splits)
    row_splits = -(-tiles // row_tiles)
    tasks *= row_splits
    size = min(workers, tasks)
    share = -(-f.depth // splits)
    block = min(pick("block", BLOCK), share)
    held = row_tiles * panels * ROWS * width if share > block else 0
    step = panels * block * width + held
    scratch = call.temporary(size * step, acc)
    scalars = {"groups": groups, "depth": f.depth, "columns": f.columns, "out": out, "tiles": tiles,
               "row_tiles": row_tiles, "row_splits": row_splits, "column_groups": column_groups, "panels": panels,
               "k_share": share, "k_block": block, "x_group": x_group, "y_split": steps[0], "y_group": steps[1],
               "y_row": steps[2], "y_w": steps[3], "scratch_step": step, "tasks": tasks}
    if bias:
        scalars["bias_step"] = bias[1].strides[0]
    params = {"accumulate": acc, "y_dtype": y_dtype, "lanes": lanes, "rows": ROWS, "row_vectors_count": VECTORS,
              "piece": f.piece, "scattered": f.target is not None, "unit": steps[3] == 1,
              "bias": bias[1].dtype if bias else None}
    buffers = [laid.arg, packed, *([bias[0]] if bias else []), f.u, f.v,
               *([f.target] if f.target is not None else []), y, scratch]
    call.launch("conv_panel", params, buffers, scalars, 1, size)
