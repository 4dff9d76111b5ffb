"""Kernels for GPUs: each kind of matrix product and of convolution, on one tile that the matrices don't fill and
with imitated units, both ways of sorting, and scans."""

import clnet
from tests.kernels.test_conv_gpu import check as check_conv
from tests.kernels.test_matmul_gpu import check
from tests.kernels.test_scan_gpu import test_scan_in_groups as check_scan
from tests.kernels.test_sort_gpu import test_stable_order as check_sort

BLOCK = {"variant": "block", "tile_m": 64, "tile_n": 64, "rows": 8, "columns": 4, "depth": 8}

for dtype, turned, choices, lanes in (
        (clnet.float32, (False, True), BLOCK, 0),
        (clnet.float32, (True, False), {"variant": "subgroup", "rows": 4}, 0),
        (clnet.float16, (False, True), {"variant": "mma"}, 32),
        (clnet.float32, (True, False), {"variant": "mma"}, 32),
        (clnet.bfloat16, (True, False), {"variant": "dpas"}, 16),
        (clnet.int8, (True, False), {"variant": "dot"}, 0)):
    check(((35, 37, 19), (), (), *turned), dtype, choices, subgroups=False, matrix_unit="", matrix_lanes=lanes,
          int_dot=False)
assert check(((20, 3, 30), (), (), True, False), clnet.float32, {}) == ["matmul_skinny"]
CONV = (1, 9, (5, 6), 10, (3, 2), (2, 1), (1, 1), (1, 1), 1)
check_conv(CONV, clnet.float32, {"variant": "block", "tile_m": 64, "tile_n": 32, "rows": 4, "columns": 4, "depth": 8})
check_conv(CONV, clnet.float16, {"variant": "mma"}, matrix_unit="")
check_conv((2, 3, (5, 7), 3, (3, 3), (1, 1), (1, 1), (1, 1), 3), clnet.float32, {})
check_sort("int16", (2, 70), 1, False, "line")
check_sort("uint8", (9000,), 0, True, "move")
check_scan("sum", "float32", (2, 1, 1100), 2, True, 2)
check_scan("max", "float32", (5, 40), 1, False, 1)
