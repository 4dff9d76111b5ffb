"""What can be chosen in plans of matrix products; ``matmul_cpu`` and ``matmul_gpu`` say what its models choose."""
from __future__ import annotations

from collections.abc import Mapping

from ..core.caps import DeviceCaps
from ..core.tunables import WORKERS, Parameter, family
from ..core.tuned import Value

_SIZES = ("batch", "m", "n", "k")
# Vector registers that accumulators and operands of the inner loop may take: beyond, compilers spill.
_REGISTERS = 32


def _tile_fits(caps: DeviceCaps, sizes: Mapping[str, int], values: Mapping[str, Value]) -> bool:
    rows, vectors = int(values.get("rows", 1)), int(values.get("vectors", 1))
    return rows < 2 * sizes["m"] and rows * vectors + vectors < _REGISTERS


def _dot_fits(caps: DeviceCaps, sizes: Mapping[str, int], values: Mapping[str, Value]) -> bool:
    rows, columns, unroll = (int(values.get(name, 1)) for name in ("rows", "columns", "unroll"))
    return (rows < 2 * sizes["m"] and columns < 2 * sizes["n"]
            and (rows * columns + rows + columns) * unroll <= _REGISTERS)


def _product_fits(caps: DeviceCaps, sizes: Mapping[str, int], values: Mapping[str, Value]) -> bool:
    if values.get("variant") == "subgroup":
        return caps.subgroups and caps.subgroup_size > 0
    if values.get("variant") in ("mma", "dpas"):
        return values["variant"] == caps.matrix_unit
    if values.get("variant") == "dot":
        return caps.int_dot
    return tiles_fit(caps, sizes, values)


def tiles_fit(caps: DeviceCaps, sizes: Mapping[str, int], values: Mapping[str, Value]) -> bool:
    """Whether tiles with blocks in registers fit a device's limits."""
    if values.get("variant") in ("mma", "dpas"):
        return values["variant"] == caps.matrix_unit
    tile_m, tile_n, rows, columns = (int(values.get(name, least)) for name, least in
                                   (("tile_m", 32), ("tile_n", 32), ("rows", 4), ("columns", 4)))
    items = max(tile_m // rows, 1) * max(tile_n // columns, 1)
    # Registers for the sums and their factors; two buffers of the least depth.
    return (16 <= items <= min(caps.max_work_group_size, 512) and rows * columns <= 64
            and 2 * 8 * (tile_m + tile_n + 8) * 8 + 20 * (16 + tile_n) <= caps.local_mem_size)


_SPLIT = Parameter("split_k", (128, 256, 512, 1024, 2048))

# CPU class: register tiles of the result. Rows and vectors of a tile, whether the factors are copied into
# panels first, row tiles that a task takes, work-items per unit, least K of a part where K is split.
TILE = family("matmul_tile", _SIZES, Parameter("rows", (1, 2, 4, 6, 8, 10, 12)), Parameter("vectors", (1, 2, 3, 4)),
              Parameter("pack_a", (False, True)), Parameter("pack_b", (False, True)),
              Parameter("group_tiles", (1, 2, 4, 8, 16, 32, 64)), WORKERS, _SPLIT, allows=_tile_fits)

# CPU class, few rows: inner products. Rows and columns of a register tile, vectors along k of each sum.
DOT = family("matmul_dot", _SIZES, Parameter("rows", (1, 2, 4, 8)), Parameter("columns", (1, 2, 4, 8)),
             Parameter("unroll", (1, 2, 4)), WORKERS, _SPLIT, allows=_dot_fits)

# GPU class. Which kernel (see ``matmul_gpu``); of blocks: the tile and what of it an item holds; depth of a
# tile, work-groups per unit for which K is split.
LOCAL = family("matmul_local", _SIZES, Parameter("variant", ("block", "subgroup", "mma", "dpas", "dot")),
               Parameter("tile_m", (16, 32, 64, 128)), Parameter("tile_n", (16, 32, 64, 128)),
               Parameter("rows", (4, 8)), Parameter("columns", (4, 8)),
               Parameter("depth", (8, 16, 32)), Parameter("groups_per_unit", (2, 4, 8)), _SPLIT, allows=_product_fits)
