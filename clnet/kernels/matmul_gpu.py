"""Plans of matrix products for GPUs: tiles of both factors pass through local memory."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..core import dtypes as dt
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Temporary
from ..core.tunables import Choice
from .matmul_space import LOCAL
from .product import (
    SPLIT_K,
    Arguments,
    Matrix,
    Product,
    choose,
    combine,
    partial_product,
    product_arguments,
    splits_of_k,
)

# Tunables: depth of a tile, work-groups per unit for which K is split.
GPU_DEPTH = 16
GPU_GROUPS_PER_UNIT = {"skinny": 8, "block": 2, "subgroup": 2, "mma": 2, "dpas": 2, "dot": 2}
# Rows of tiles whose work-groups run together; bytes of local memory that one work-group takes at most,
# so that several fit a unit.
BAND = 8
LOCAL_BYTES = 40 << 10
# Rows of a subgroup, columns of each of its lanes, and subgroups of a work-group.
SUBGROUP_ROWS = 8
SUBGROUP_COLUMNS = 4
SUBGROUPS = 8
# Lanes where a device has no subgroups and theirs are imitated.
IMITATED_LANES = 16
# Units of matrix instructions: subgroups along m and n, and fragments of each along m and n; the first that
# gives every unit of the device a tile.  Words along k of a tile, at most.
ARRANGEMENTS = {"mma": ((2, 4, 4, 4), (2, 2, 2, 4)), "dpas": ((4, 2, 2, 4), (2, 2, 2, 2)),
                "dot": ((16, 16, 4, 4), (8, 8, 4, 4))}
WORDS = 16
# Least edge of products that units multiply.  Columns of skinny products, of which an item sums this many rows; its
# work-group, and items that share a row.
LEAST = 16
SKINNY = 8
SKINNY_ROWS = 4
SKINNY_GROUP = 256
SKINNY_SHARERS = 32


# Bytes of an index.
_INDEX_BYTES = {"uint": 4, "ulong": 8}


@dataclass(frozen=True)
class Block:
    """A tile of the result and what of it each work-item holds in registers."""

    tile_m: int
    tile_n: int
    rows: int
    columns: int
    efficiency: float
    """Share of the arithmetic peak that its reads of local memory leave, as a model."""

    @property
    def items(self) -> int:
        """Work-items of a group."""
        return self.tile_m // self.rows * (self.tile_n // self.columns)


BLOCKS = (Block(128, 128, 8, 8, 1.0), Block(128, 64, 8, 4, 0.8), Block(64, 128, 4, 8, 0.8),
          Block(64, 64, 4, 4, 0.65), Block(32, 128, 4, 4, 0.55), Block(128, 32, 4, 4, 0.55),
          Block(16, 128, 4, 4, 0.45), Block(128, 16, 4, 4, 0.45), Block(32, 32, 4, 4, 0.4))
"""The tiles that are chosen from."""


def plan_gpu(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Launches and temporaries of a product that has elements."""
    pick = choose(LOCAL, p, caps)
    if min(p.m, p.n) <= SKINNY:
        return _skinny(p if p.n <= SKINNY else p.transposed, pick, caps)
    variant = pick("variant", _variant(p, caps))
    # What is chosen for one type may be tried on another.
    if variant in ARRANGEMENTS and not _fits_unit(p, variant):
        variant = _variant(p, caps)
    if variant == "subgroup":
        return _subgroups(p, pick, caps)
    if variant in ARRANGEMENTS:
        return _fragments(p, variant, pick, caps)
    return _blocked(p, pick, caps)


def plan_windows(p: Product, pick: Choice, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Launches and temporaries of a product whose second factor is gathered."""
    unit = pick("variant", caps.matrix_unit if _fits_unit(p, caps.matrix_unit) else "block")
    if unit in ("mma", "dpas") and _fits_unit(p, unit):
        return _fragments(p, unit, pick, caps)
    return _blocked(p, pick, caps)


def _variant(p: Product, caps: DeviceCaps) -> str:
    """The model's choice of kernel."""
    if min(p.m, p.n, p.k) < LEAST:
        return "block"
    if _fits_unit(p, caps.matrix_unit):
        return caps.matrix_unit
    if caps.int_dot and _fits_unit(p, "dot"):
        return "dot"
    # Intel's subgroups broadcast registers for nothing, and read what they share through a cache as fast
    # as local memory.
    along = p.a.column == p.b.column == 1 or p.a.row == p.b.row == 1
    if along and p.accumulate is dt.float32 and _has_subgroups(caps) and caps.vendor.startswith("Intel"):
        return "subgroup"
    return "block"


def _order(rows_step: int, k_step: int) -> str:
    """What follows in memory: elements along k, along the rows, or neither."""
    return "k" if k_step == 1 else "rows" if rows_step == 1 else "s"


def _split(p: Product, groups: int, variant: str, pick: Choice, caps: DeviceCaps) -> tuple[Product, int, list[Layout]]:
    """The product, or that of partial sums where its tiles are too few; the parts of K; temporaries."""
    if p.windows and not p.windows.summed:
        return p, 1, []
    splits = splits_of_k(p.k, groups, caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT[variant]),
                         pick("split_k", SPLIT_K))
    if splits == 1:
        return p, 1, []
    part, layout = partial_product(p, 0, splits)
    return part, splits, [layout]


def _tiled_arguments(p: Product, tiles_m: int, tiles_n: int, splits: int) -> tuple[Arguments, dict[str, Any]]:
    """What all kernels of this class take."""
    args, params = product_arguments(p)
    # Parts of K begin where vectors do.
    depth = p.k if splits == 1 else -(-p.k // (32 * splits)) * 32
    args.scalars |= {"M": p.m, "N": p.n, "K": p.k, "tiles_m": tiles_m, "tiles_n": tiles_n, "splits": splits,
                     "depth": depth, "split_step": math.prod(p.batch) * p.m * p.n}
    return args, params | {"accumulate": p.accumulate, "a_dtype": p.a.dtype, "b_dtype": p.b.dtype,
                           "batch_rank": len(p.batch), "band": BAND}


def _orders(p: Product, args: Arguments, params: dict[str, Any], width: int, lanes: int) -> None:
    """How both factors are read, ``width`` elements at a time, and the result written by ``lanes``."""
    w = p.windows
    if w is None:
        params |= {"a_order": _order(p.a.row, p.a.column), "b_order": _order(p.b.column, p.b.row),
                   "windows": None, "a_jumps": False}
        return
    args.scalars |= w.scalars
    in_vectors = w.a_run > 0 and (w.a_run % width == 0 or not w.a_jumps)
    params |= {"a_order": "k" if in_vectors else "across", "b_order": "across" if w.along_k else "gather",
               "windows": w.axes, "a_jumps": w.a_jumps,
               "y_class": "u" if p.y.arg == Temporary(0) or w.y_run and w.y_run % lanes == 0 else "s"}


def _table_bytes(p: Product, tile_n: int, depth: int) -> int:
    """Local memory of what tells where windows lie."""
    return 5 * _INDEX_BYTES[p.index] * (2 * depth + tile_n) if p.windows else 0


def _finish(p: Product, y: Matrix, launch: Launch, splits: int, caps: DeviceCaps) -> list[Launch]:
    if splits == 1:
        return [launch]
    if p.windows and p.windows.summed:
        return [launch, combine(p.windows.summed, p.windows.summed.a, splits, caps)]
    return [launch, combine(p, y, splits, caps)]


# Few columns --------------------------------------------------------------------------------------

def _skinny(p: Product, pick: Choice, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Every element of the first factor is read once, coalesced; items that share a row add their sums."""
    along_k = p.a.column == 1 or p.a.row != 1
    width = 4 if p.a.dtype.itemsize >= 4 else 8
    items = min(SKINNY_GROUP, 1 << caps.max_work_group_size.bit_length() - 1)
    sharers = 1
    while sharers < (SKINNY_SHARERS if along_k else 4) and 2 * sharers * width <= p.k:
        sharers *= 2
    columns = 1 << (p.n - 1).bit_length()
    while items > sharers and columns * (items // sharers) * (sharers + 1) * p.accumulate.itemsize > min(
            caps.local_mem_size, LOCAL_BYTES):
        items //= 2
    rows = SKINNY_ROWS if along_k and p.m >= SKINNY_ROWS * items // sharers else 1
    tile_m = items // sharers * rows
    tiles_m, count = -(-p.m // tile_m), math.prod(p.batch)
    part, splits, temporaries = _split(p, tiles_m * count, "skinny", pick, caps)
    args, params = _tiled_arguments(part, tiles_m, 1, splits)
    params |= {"tile_m": tile_m, "tile_n": SKINNY, "tile_k": width, "rows": rows, "items": items, "sharers": sharers,
               "columns": columns, "along_k": along_k,
               "a_vector": p.a.column == 1, "b_vector": p.b.row == 1}
    launch = args.launch("matmul_skinny", params, items, tiles_m * splits * count * items)
    return _finish(p, part.y, launch, splits, caps), temporaries


# Register blocks ---

def _lanes(p: Product) -> int:
    return 16 // max(p.accumulate.itemsize, 4)


def _block_bytes(p: Product, block: Block, depth: int) -> int:
    tiles = 2 * depth * (block.tile_m + block.tile_n + 2 * _lanes(p)) * p.accumulate.itemsize
    return tiles + _table_bytes(p, block.tile_n, depth)


def _depth(p: Product, block: Block, caps: DeviceCaps, most: int = GPU_DEPTH) -> int:
    """The deepest tile whose two buffers fit local memory; 0 where none does."""
    room = min(caps.local_mem_size, LOCAL_BYTES)
    return next((d for d in (32, 16, 8, 4) if d <= most and _block_bytes(p, block, d) <= room), 0)


def _block(p: Product, caps: DeviceCaps) -> Block:
    """The tile with the shortest estimated time."""
    count = math.prod(p.batch)
    best: tuple[float, Block] | None = None
    for block in BLOCKS:
        if block.items > caps.max_work_group_size or not _depth(p, block, caps):
            continue
        groups = -(-p.m // block.tile_m) * -(-p.n // block.tile_n) * count
        splits = splits_of_k(p.k, groups, caps.units, SPLIT_K)
        time = -(-groups * splits // caps.units) * block.tile_m * block.tile_n / (splits * block.efficiency)
        if best is None or time < best[0]:
            best = time, block
    return best[1] if best else BLOCKS[-1]


def _blocked(p: Product, pick: Choice, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Tiles with a block of the result in each item's registers, read ahead by one tile."""
    block = _block(p, caps)
    tile_m, tile_n = pick("tile_m", block.tile_m), pick("tile_n", block.tile_n)
    block = Block(tile_m, tile_n, pick("rows", block.rows), pick("columns", block.columns), block.efficiency)
    depth = _depth(p, block, caps, pick("depth", GPU_DEPTH))
    tiles_m, tiles_n = -(-p.m // tile_m), -(-p.n // tile_n)
    count = math.prod(p.batch)
    part, splits, temporaries = _split(p, tiles_m * tiles_n * count, "block", pick, caps)
    args, params = _tiled_arguments(part, tiles_m, tiles_n, splits)
    lanes = _lanes(p)
    params |= {"tile_m": tile_m, "tile_n": tile_n, "tile_k": depth, "rows": block.rows, "columns": block.columns,
               "lanes": lanes, "load_width": lanes, "items": block.items, "k_inner": False}
    _orders(part, args, params, lanes, lanes)
    launch = args.launch("matmul_block", params, block.items, tiles_m * tiles_n * splits * count * block.items)
    return _finish(p, part.y, launch, splits, caps), temporaries


# Subgroups ---

def _has_subgroups(caps: DeviceCaps) -> bool:
    """Whether subgroups are there and of a size that is known when kernels are written."""
    return caps.subgroups and caps.subgroup_size > 0


def _subgroups(p: Product, pick: Choice, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Broadcasts within subgroups in place of local memory; on devices without, imitated through it."""
    if p.a.row == 1 and p.a.column != 1:
        p = p.transposed
    native = _has_subgroups(caps)
    lanes = caps.subgroup_size if native else IMITATED_LANES
    rows, columns = pick("rows", SUBGROUP_ROWS), pick("columns", SUBGROUP_COLUMNS)
    subgroups = min(SUBGROUPS, caps.max_work_group_size // lanes)
    tile_m, tile_n = subgroups * rows, lanes * columns
    tiles_m, tiles_n = -(-p.m // tile_m), -(-p.n // tile_n)
    count = math.prod(p.batch)
    part, splits, temporaries = _split(p, tiles_m * tiles_n * count, "subgroup", pick, caps)
    args, params = _tiled_arguments(part, tiles_m, tiles_n, splits)
    params |= {"tile_m": tile_m, "tile_n": tile_n, "tile_k": lanes, "rows": rows, "columns": columns,
               "subgroup": lanes, "native": native}
    items = subgroups * lanes
    launch = args.launch("matmul_subgroup", params, items, tiles_m * tiles_n * splits * count * items)
    return _finish(p, part.y, launch, splits, caps), temporaries


# Matrix instructions ---

def _fits_unit(p: Product, unit: str) -> bool:
    """Whether the unit multiplies elements of these types."""
    dtypes = {"mma": (dt.float16, dt.bfloat16, dt.int8), "dpas": (dt.float16, dt.bfloat16, dt.int8),
              "dot": (dt.int8,)}.get(unit, ())
    tf32 = p.tf32 and unit == "mma" and p.a.dtype is dt.float32
    return (tf32 or p.a.dtype in dtypes) and p.a.dtype is p.b.dtype


def _fragments(p: Product, unit: str, pick: Choice, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Fragments multiplied by a unit of the device's, imitated where it is missing."""
    native = caps.int_dot if unit == "dot" else unit == caps.matrix_unit
    lanes = {"mma": 32, "dpas": caps.matrix_lanes or IMITATED_LANES, "dot": 1}[unit]
    fragment_m, fragment_n = {"mma": (16, 8), "dpas": (8, lanes), "dot": (1, 1)}[unit]
    shown = (0, 0) if native else {"mma": (512, 256), "dpas": (256, 32 * lanes), "dot": (0, 0)}[unit]
    count = math.prod(p.batch)
    for subs_m, subs_n, fragments_m, fragments_n in ARRANGEMENTS[unit]:
        items = subs_m * subs_n * lanes
        tile_m, tile_n = subs_m * fragments_m * fragment_m, subs_n * fragments_n * fragment_n
        tiles_m, tiles_n = -(-p.m // tile_m), -(-p.n // tile_n)
        # A row of a tile has four words more, so that columns spread over the banks; fragments are shown in
        # local memory where the unit is imitated.
        room = caps.local_mem_size - subs_m * subs_n * (fragments_m * shown[0] + fragments_n * shown[1])
        words = next((w for w in (WORDS, 8) if 8 * (tile_m + tile_n) * (w + 4)
                      + _table_bytes(p, tile_n, w * 4 // p.a.dtype.itemsize) <= room), 0)
        if words and items <= caps.max_work_group_size and tiles_m * tiles_n * count >= caps.units:
            break
    part, splits, temporaries = _split(p, tiles_m * tiles_n * count, unit, pick, caps)
    args, params = _tiled_arguments(part, tiles_m, tiles_n, splits)
    size = p.a.dtype.itemsize
    params |= {"unit": unit, "native": native, "subgroup": lanes, "items": items, "tile_m": tile_m, "tile_n": tile_n,
               "tile_k": words * 4 // size, "subs_m": subs_m, "subs_n": subs_n, "fragments_m": fragments_m,
               "fragments_n": fragments_n, "lanes": 2, "load_width": 8 // size, "k_inner": True}
    _orders(part, args, params, 8 // size, 2)
    launch = args.launch("matmul_matrix", params, items, tiles_m * tiles_n * splits * count * items)
    return _finish(p, part.y, launch, splits, caps), temporaries
