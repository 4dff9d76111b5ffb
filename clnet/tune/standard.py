"""The problems that ``clnet tune`` measures by family, where no sizes are given and where they are."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ..core import layout as lay
from ..core.dtypes import DType
from ..ops import comparison, conv, matmul, reduction, rowwise
from .problem import Problem

# Rows, columns and depth; stacks have a leading count.
_MATMUL = ("128", "256", "512", "1024", "2048", "128x512x784", "1024x384x1536", "8x4096x4096", "4096x64x64",
           "48x128x128x64")
# Images, channels, height and width, output channels, kernel, stride, padding, groups.
_CONV = ("n32c64h32o64k3p1", "n32c128h16o128k3p1", "n32c256h8o256k3p1", "n32c512h4o512k3p1", "n32c64h32o128k3s2p1",
         "n32c64h32o256k1", "n64c1h28o32k3", "n64c32h26o64k3", "n8c3h112o64k7s2p3", "n16c96h28o96k3p1g96")
_PLANES = ("512", "2048", "64x4096", "4096x64")


def _numbers(size: str) -> list[int]:
    if not re.fullmatch(r"\d+(x\d+)*", size):
        raise ValueError(f"size {size!r} is not like 512 or 128x512x784")
    return [int(n) for n in size.split("x")]


def _matmul(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for size in sizes or _MATMUL:
        numbers = _numbers(size)
        if len(numbers) == 1:
            numbers *= 3
        if len(numbers) not in (3, 4):
            raise ValueError(f"matmul sizes are like 512, 128x512x784 (m, n, k) or 48x128x128x64, not {size!r}")
        *batch, m, n, k = numbers
        a, b = lay.dense((*batch, m, k), dtype), lay.dense((*batch, k, n), dtype)
        yield Problem.of(matmul.gemm, (a, b), {})
        if not batch:  # a layer's weight is stored turned; its gradient turns the input
            yield Problem.of(matmul.gemm, (a, lay.dense((n, k), dtype)), {"turned": (False, True)})
            yield Problem.of(matmul.gemm, (lay.dense((k, m), dtype), b), {"turned": (True, False)})


def _conv(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for size in sizes or _CONV:
        if not re.fullmatch(r"([nchwoksdpg]\d+)+", size):
            raise ValueError(f"size {size!r} is not like n32c64h32o64k3s1p1 (images, channels, height, outputs, "
                             "kernel, stride, padding; also w, d for dilation, g for groups)")
        v: dict[str, int] = {"n": 1, "s": 1, "p": 0, "d": 1, "g": 1} | {
            name: int(number) for name, number in re.findall(r"([a-z])(\d+)", size)}
        if not v.keys() >= set("choks") or v["g"] < 1 or v["s"] < 1 or v["c"] % v["g"] or v["o"] % v["g"]:
            raise ValueError(f"convolution {size!r} needs c, h, o and k, and groups that divide c and o")
        height = v["h"]
        width = v["w"] if "w" in v else height
        out = tuple((n + 2 * v["p"] - v["d"] * (v["k"] - 1) - 1) // v["s"] + 1 for n in (height, width))
        if min(out) < 1:
            raise ValueError(f"convolution {size!r} has no outputs")
        x = lay.dense((v["n"], v["c"], height, width), dtype)
        w = lay.dense((v["o"], v["c"] // v["g"], v["k"], v["k"]), dtype)
        y = lay.dense((v["n"], v["o"], *out), dtype)
        windows = {"stride": (v["s"],) * 2, "padding": (v["p"],) * 2, "dilation": (v["d"],) * 2, "groups": v["g"]}
        yield Problem.of(conv.conv_forward, (x, w), windows | {"size": out})
        yield Problem.of(conv.conv_input, (y, w), windows | {"size": (height, width)})
        yield Problem.of(conv.conv_weight, (y, x), windows | {"size": (v["k"],) * 2})


def _planes(sizes: Sequence[str]) -> Iterator[tuple[int, int]]:
    for size in sizes or _PLANES:
        numbers = _numbers(size)
        if len(numbers) > 2:
            raise ValueError(f"sizes of this family are like 512 or 64x4096, not {size!r}")
        yield numbers[0], numbers[-1]


def _transpose(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for rows, columns in _planes(sizes):
        x = lay.make((rows, columns), (1, rows), dtype)
        yield Problem.of(comparison.copy, (x,), {"dtype": dtype, "dense": True})


def _reduction(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for plane in _planes(sizes):
        for dims in ((0,), (1,), (0, 1)):
            yield Problem.of(reduction.sum, (lay.dense(plane, dtype),), {"dims": dims, "keepdim": False, "dtype": None})


def _rowwise(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for plane in _planes(sizes):
        for dim in (0, 1):
            yield Problem.of(rowwise.softmax, (lay.dense(plane, dtype),), {"dim": dim})


PROBLEMS: dict[str, Callable[[Sequence[str], DType], Iterator[Problem]]] = {
    "matmul": _matmul, "conv": _conv, "transpose": _transpose, "reduction": _reduction, "rowwise": _rowwise}
"""Problems of a family: (sizes, dtype) -> problems; without sizes the standard ones."""


def problems(families: Sequence[str], sizes: Sequence[str], dtype: DType) -> list[Problem]:
    """The problems of some families. Raises ValueError for families or sizes that aren't."""
    unknown = [name for name in families if name not in PROBLEMS]
    if unknown:
        raise ValueError(f"no family {unknown[0]!r}; there are {', '.join(PROBLEMS)}")
    if sizes and len(families) != 1:
        raise ValueError("sizes are those of one family: name it")
    return [p for name in families or PROBLEMS for p in PROBLEMS[name](sizes, dtype)]
