"""What can be chosen in plans of convolutions; the planners say what their models choose."""
from __future__ import annotations

from collections.abc import Mapping

from ..core.caps import DeviceCaps
from ..core.tunables import WORKERS, Parameter, family
from ..core.tuned import Value
from .matmul_space import tiles_fit

# Vector registers that the sums and operands of the inner loop may take.
_REGISTERS = 32


def _windows_fit(caps: DeviceCaps, sizes: Mapping[str, int], values: Mapping[str, Value]) -> bool:
    rows, vectors = int(values.get("rows", 1)), int(values.get("vectors", 1))
    return rows < 2 * sizes["out"] and rows * vectors + vectors < _REGISTERS


# CPU class, forward and backward to the input: as products of gathered panels, or each window by itself with
# register tiles of output channels by vectors of positions; weights passed once, the images for each tile of
# them, or the other way round.
WINDOWS = family("conv_windows", ("images", "groups", "out", "inner", "taps", "width", "positions"),
                 Parameter("panel", (False, True)), Parameter("rows", (1, 2, 4, 8)), Parameter("vectors", (1, 2, 4)),
                 Parameter("weights_once", (False, True)), WORKERS, allows=_windows_fit)

# CPU class, gathered panels: steps of a block of the depth, panels that share a pass of the weights.
PANEL = family("conv_panel", ("groups", "rows", "columns", "depth"), Parameter("block", (128, 192, 256, 384, 512, 768)),
               Parameter("panels", (1, 2, 4, 8)), WORKERS)

# CPU class, backward to the weight: as a product of gathered panels, or by tap: most taps that a task sums,
# (tap, tile) pairs that it holds, vectors of a block of planes.
WEIGHT = family("conv_weight", ("images", "groups", "out", "inner", "taps", "width", "positions"),
                Parameter("panel", (False, True)), Parameter("taps", (3, 5, 9, 16, 25)),
                Parameter("sums", (18, 25, 36, 72)), Parameter("block", (16, 32, 64, 128, 256)), WORKERS)

# CPU class, every channel by itself: rows that are walked together.
DEPTH = family("conv_depth", ("images", "channels", "multiple", "taps", "width", "positions"),
               Parameter("rows", (1, 2, 4, 8)), WORKERS)

# GPU class: an implicit product in tiles of local memory, as ``matmul_local``'s; rows of an item
# where few channels need none.
LOCAL = family("conv_local", ("groups", "m", "n", "k"), Parameter("variant", ("block", "mma", "dpas")),
               Parameter("tile_m", (16, 32, 64, 128)), Parameter("tile_n", (16, 32, 64, 128)),
               Parameter("rows", (4, 8)), Parameter("columns", (4, 8)), Parameter("depth", (8, 16, 32)),
               Parameter("groups_per_unit", (2, 4, 8)), Parameter("split_k", (128, 256, 512, 1024, 2048)),
               Parameter("strip", (1, 2, 4, 8)), allows=tiles_fit)

# CPU class, 3 by 3 taps of stride 1: whether by Winograd's minimal filtering, tiles of a task of windows, bytes of
# transformed planes in a chunk of the weight gradient.
WINOGRAD = family("conv_winograd", ("images", "out", "inner", "height", "width"), Parameter("winograd", (False, True)),
                  Parameter("chunk", (1 << 20, 1 << 21, 1 << 22, 1 << 23, 1 << 24)), Parameter("tiles", (16, 32, 64)))
