"""Plans of matrix products for GPUs: tiles of both factors pass through local memory."""
from __future__ import annotations

import math

from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch
from .matmul_space import LOCAL
from .product import SPLIT_K, Product, choose, combine, partial_product, product_arguments, splits_of_k

# Tunables: work-group edge, largest and smallest tile edge, depth of a tile.
GPU_EDGE = 16
GPU_TILES = (64, 32, 16)
GPU_DEPTH = 16
GPU_GROUPS_PER_UNIT = 4


def plan_gpu(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Launches and temporaries of a product that has elements."""
    pick = choose(LOCAL, p, caps)
    edge = pick("edge", GPU_EDGE)
    while edge * edge > caps.max_work_group_size:
        edge //= 2
    count = math.prod(p.batch)
    tile = pick("tile", next((t for t in GPU_TILES if t <= 2 * max(min(p.m, p.n), 8) and
                              -(-p.m // t) * -(-p.n // t) * count >= caps.units), GPU_TILES[-1]))
    tile = max(tile, edge)
    depth_tile = pick("depth", GPU_DEPTH)
    while 2 * depth_tile * (tile + 1) * p.accumulate.itemsize > min(caps.local_mem_size, 16 << 10):
        depth_tile //= 2
    tiles_m, tiles_n = -(-p.m // tile), -(-p.n // tile)
    splits = splits_of_k(p.k, tiles_m * tiles_n * count, caps.units * pick("groups_per_unit", GPU_GROUPS_PER_UNIT),
                     pick("split_k", SPLIT_K))
    final, temporaries = p, []
    if splits > 1:
        p, layout = partial_product(p, 0, splits)
        temporaries.append(layout)
    args, params = product_arguments(p)
    args.scalars |= {"M": p.m, "N": p.n, "K": p.k, "tiles_m": tiles_m, "tiles_n": tiles_n,
                     "splits": splits, "depth": -(-p.k // splits), "split_step": count * p.m * p.n}
    params |= {"edge": edge, "tile": tile, "tile_k": depth_tile, "accumulate": p.accumulate,
               "a_dtype": p.a.dtype, "b_dtype": p.b.dtype, "batch_rank": len(p.batch),
               "a_along_k": p.a.column == 1, "b_along_k": p.b.row == 1}
    local = edge * edge
    launches = [args.launch("matmul_local", params, local, tiles_m * tiles_n * splits * count * local)]
    if splits > 1:
        launches.append(combine(final, p.y, splits, caps))
    return launches, temporaries
