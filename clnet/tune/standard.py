"""The problems that ``clnet tune`` measures by family, where no sizes are given and where they are."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ..core import dtypes as dt
from ..core import layout as lay
from ..core.dtypes import DType
from ..core.plan import Number
from ..kernels.pool import Windows
from ..kernels.recurrent import ALIGN
from ..kernels.resample import Axis
from ..ops import (
    arithmetic,
    attention,
    comparison,
    conv,
    fft,
    gather,
    index,
    matmul,
    pool,
    recurrent,
    reduction,
    resample,
    rowwise,
    scan,
    select,
    sort,
    update_rules,
)
from .problem import Problem

# Rows, columns and depth; stacks have a leading count.
_MATMUL = ("128", "256", "512", "1024", "2048", "128x512x784", "1024x384x1536", "8x4096x4096", "4096x64x64",
           "48x128x128x64")
# Images, channels, height and width, output channels, kernel, stride, padding, groups.
_CONV = ("n32c64h32o64k3p1", "n32c128h16o128k3p1", "n32c256h8o256k3p1", "n32c512h4o512k3p1", "n32c64h32o128k3s2p1",
         "n32c64h32o256k1", "n64c1h28o32k3", "n64c32h26o64k3", "n8c3h112o64k7s2p3", "n16c96h28o96k3p1g96")
_PLANES = ("512", "2048", "64x4096", "4096x64")
_LINES = ("1x1000000", "64x16384", "4096x256")
# Stacks (images and heads), positions, width of heads.
_ATTENTION = ("48x128x64", "8x1024x64")
# Images, channels, height and width.
_IMAGES = ("32x64x32", "8x64x112")
# Tensors, elements of each.
_TENSORS = ("16x4096", "24x250000")
# Steps, batch, units.
_SEQUENCES = ("32x32x128", "50x64x256")


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


def _planes(sizes: Sequence[str], standard: Sequence[str] = _PLANES) -> Iterator[tuple[int, int]]:
    for size in sizes or standard:
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


def _elementwise(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for plane in _planes(sizes):
        x, column = lay.dense(plane, dtype), lay.make(plane, (1, 0), dtype)
        yield Problem.of(arithmetic.add, (x, x), {})
        yield Problem.of(arithmetic.mul, (x, column), {})
        yield Problem.of(arithmetic.exp, (x,), {})
        yield Problem.of(arithmetic.erf, (x,), {})


def _scan(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for plane in _planes(sizes, _LINES):
        yield Problem.of(scan.running_sum, (lay.dense(plane, dtype),), {"dim": 1, "dtype": dtype, "reverse": False})


def _sort(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for plane in _planes(sizes, _LINES):
        x = lay.dense(plane, dtype)
        yield Problem.of(sort.sorted_, (x,), {"dim": 1, "descending": False})
        for mode, k in (("topk", 8), ("rank", plane[1] // 2)):
            yield Problem.of(select.selected, (x,), {"dim": 1, "mode": mode, "k": k, "largest": mode == "topk"})


def _index(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    """As many rows are read or added as the table has."""
    for rows, width in _planes(sizes, ("4096x64", "1024x768")):
        x, places = lay.dense((rows, width), dtype), lay.dense((rows,), dt.int64)
        spread = lay.make((rows, width), (1, 0), dt.int64)
        at = {"dim": 0, "skip": -1}
        yield Problem.of(gather.lookup, (x, spread), at | {"name": "embedding", "wraps": False})
        yield Problem.of(gather.sums_at, (x, spread), at | {"shape": (rows, width)})
        yield Problem.of(index.gather_first, (x, places), {})
        yield Problem.of(index.put, (x, x, places), {"accumulate": True})


def _norm_backward(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for rows, width in _planes(sizes):
        x, row = lay.dense((rows, -(-width // 16) * 16), dtype), lay.dense((rows, 1), dtype)
        yield Problem.of(rowwise.norm_rows_backward, (x, x, row, row, lay.dense(x.shape[1:], dtype)), {})


def _fft(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for plane in _planes(sizes, ("64x4096", "1024x256", "256x1000")):
        for kind, x in (("complex", dtype.to_complex()), ("real", dtype)):
            yield Problem.of(fft.transform, (lay.dense(plane, x),), {
                "dim": 1, "n": plane[1], "kind": kind, "inverse": False, "scale": 1.0})


def _three(sizes: Sequence[str], standard: Sequence[str], what: str) -> Iterator[list[int]]:
    for size in sizes or standard:
        numbers = _numbers(size)
        if len(numbers) != 3:
            raise ValueError(f"sizes of this family are like {standard[0]} ({what}), not {size!r}")
        yield numbers


def _attention(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for stacks, positions, width in _three(sizes, _ATTENTION, "stacks, positions, width"):
        x = lay.dense((stacks, positions, -(-width // 16) * 16), dtype)
        rest = {"scale": width ** -0.5, "causal": False, "masked": False, "dropout": 0.0, "seed_at": 3}
        yield Problem.of(attention.attend, (x, x, x), rest)
        yield Problem.of(attention.backward, (x, x, x, x, x, lay.dense((stacks, positions), dtype)),
                         rest | {"seed_at": 6})


def _pool(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for images, channels, height in _three(sizes, _IMAGES, "images, channels, height"):
        x, half = lay.dense((images, channels, height, height), dtype), (height + 1) // 2
        y = lay.dense((images, channels, half, half), dtype)
        windows = {"windows": Windows((3, 3), (2, 2), (1, 1), (1, 1))}
        yield Problem.of(pool.max_pool, (x,), windows | {"size": (half, half)})
        yield Problem.of(pool.mean_pool, (x,), windows | {"size": (half, half)})
        yield Problem.of(pool.spread, (y,), windows | {"size": (height, height)})


def _resample(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for images, channels, height in _three(sizes, _IMAGES, "images, channels, height"):
        x, axis = lay.dense((images, channels, height, height), dtype), Axis("linear", height, 2 * height, 0.5)
        for dim in (2, 3):
            yield Problem.of(resample.resample, (x,), {"axis": axis, "dim": dim, "adjoint": False})


def _update(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for count, elements in _planes(sizes, _TENSORS):
        roles = [lay.dense((elements,), dtype)] * 3 * count
        rates = [Number("float")] * 4
        flags = {"decay": False, "maximize": False, "nesterov": False, "first": False}
        yield Problem.of(update_rules.sgd_momentum_step.op, (*roles, *rates), flags | {"tensors": count},
                         [i for i in range(3 * count) if i % 3 != 1])


def _recurrent(sizes: Sequence[str], dtype: DType) -> Iterator[Problem]:
    for steps, batch, units in _three(sizes, _SEQUENCES, "steps, batch, units"):
        h = -(-units // ALIGN) * ALIGN
        inputs, y, state = (lay.dense(shape, dtype) for shape in ((steps, batch, 4 * h), (steps, batch, h), (batch, h)))
        block = recurrent.block_of(h)
        rest = {"cell": "lstm", "reverse": False, "given": ("c0",), "block": block}
        packed = lay.dense((h // ALIGN, 2, h, 2, ALIGN), dtype)
        yield Problem.of(recurrent.lstm_layer, (inputs, lay.dense((4 * h, h), dtype), packed, state, state), rest)
        back = lay.dense((h // block, 4 * h, block), dtype)
        yield Problem.of(recurrent.backward, (back, y, state, state, y, state, state, y, inputs), rest)


PROBLEMS: dict[str, Callable[[Sequence[str], DType], Iterator[Problem]]] = {
    "matmul": _matmul, "conv": _conv, "transpose": _transpose, "reduction": _reduction, "rowwise": _rowwise,
    "norm_backward": _norm_backward, "elementwise": _elementwise, "attention": _attention, "pool": _pool, "scan": _scan,
    "sort": _sort, "index": _index, "update": _update, "recurrent": _recurrent, "fft": _fft, "resample": _resample}
"""Problems of a family: (sizes, dtype) -> problems; without sizes the standard ones."""


def problems(families: Sequence[str], sizes: Sequence[str], dtype: DType) -> list[Problem]:
    """The problems of some families. Raises ValueError for families or sizes that aren't."""
    unknown = [name for name in families if name not in PROBLEMS]
    if unknown:
        raise ValueError(f"no family {unknown[0]!r}; there are {', '.join(PROBLEMS)}")
    if sizes and len(families) != 1:
        raise ValueError("sizes are those of one family: name it")
    return [p for name in families or PROBLEMS for p in PROBLEMS[name](sizes, dtype)]
