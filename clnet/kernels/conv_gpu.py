"""Plans of convolutions for GPUs: products whose second factor is gathered from the planes, without a copy of it.

forward: (o) x (c, taps) x (n, output); input: (c) x (o, taps) x (n, input); weight: (o) x (n, output) x (c, taps).
Few rows, as those of depthwise convolutions, are summed without tiles.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ..core import layout as lay
from ..core.layout import Layout
from ..core.plan import Operand, Result, Temporary
from ..core.tunables import Choice
from .conv_planes import Call, Geometry, Planes, Triple, axes
from .conv_space import LOCAL
from .matmul_gpu import plan_windows
from .product import Matrix, Product, Windows, accumulator, product_arguments, sum_partials

# Tunables.  Rows and depth up to which there are no tiles; output rows of an item there, items of a work-group,
# and work-items per unit.
FEW = 8
FEW_DEPTH = 1024
STRIP = 4
GROUP = 128
ITEMS_PER_UNIT = 2048
# Of few weight gradients: channels and taps up to which an item holds a sum for each tap, and places of a share.
FEW_CHANNELS = 4
FEW_TAPS = 32
FEW_PLACES = 4096
GROUPS_PER_UNIT = 8


@dataclass(frozen=True)
class _Side:
    """What an index along k or n counts: an outer dimension and three axes; the steps of both in the planes."""

    size: Triple
    outer: int
    step: Triple
    origin: Triple = (0, 0, 0)


def gather_forward(call: Call, x: Planes, w: Planes, bias: Any, y: Layout, g: Geometry) -> None:
    """Outputs from inputs."""
    rows = w.shape[0] // g.groups
    _convolve(call, "forward", rows, w.shape[1], x, g.input, w,
              (rows * w.strides[0], w.strides[0], w.strides[1]), w.strides[2:], bias, y,
              _Side(g.taps, x.strides[1], g.dilation),
              _Side(g.output, x.strides[0], g.stride, _minus(g.padding)), g, (1, 1, 1), (0, 0, 0))


def gather_input(call: Call, x: Planes, w: Planes, bias: Any, y: Layout, g: Geometry) -> None:
    """The adjoint: for each phase of the inputs modulo the stride, the taps that reach it, one by one."""
    out = w.shape[0] // g.groups
    # Taps that reach a place follow one another at these distances, in outputs at these.
    common = [math.gcd(s, d) for s, d in zip(g.stride, g.dilation)]
    every: Any = [s // c for s, c in zip(g.stride, common)]
    back: Any = [-(d // c) for d, c in zip(g.dilation, common)]
    phase: Any
    for phase in product(*(range(min(s, n)) for s, n in zip(g.stride, g.input))):
        first: Any = [next((r for r in range(min(e, t)) if (f + p - r * d) % s == 0), t) for e, t, f, p, d, s in
                      zip(every, g.taps, phase, g.padding, g.dilation, g.stride)]
        taps: Any = tuple(-(-(t - r) // e) for t, r, e in zip(g.taps, first, every))
        if not math.prod(taps):
            taps = first = (0, 0, 0)
        origin: Any = [(f + p - r * d) // s for f, p, r, d, s in
                       zip(phase, g.padding, first, g.dilation, g.stride)]
        places: Any = tuple(-(-(n - f) // s) for n, f, s in zip(g.input, phase, g.stride))
        shift = sum(r * s for r, s in zip(first, w.strides[2:]))
        _convolve(call, "input", w.shape[1], out, x, g.output, replace(w, arg=Operand(1, shift)),
                  (out * w.strides[0], w.strides[1], w.strides[0]),
                  [e * s for e, s in zip(every, w.strides[2:])], bias, y, _Side(taps, x.strides[1], back),
                  _Side(places, x.strides[0], (1, 1, 1), origin), g, g.stride, phase)


def gather_weight(call: Call, g: Planes, x: Planes, y: Layout, geometry: Geometry) -> None:
    """Sums over all places, in parts that are added afterwards."""
    groups, acc = geometry.groups, accumulator(g.dtype)
    rows, inner = g.shape[1] // groups, x.shape[1] // groups
    taps, volume = math.prod(geometry.taps), math.prod(geometry.output)
    pick = LOCAL.choice(call.caps, f"{g.dtype.name} weight", groups, rows, inner * taps, g.shape[0] * volume)
    if max(rows, inner) <= FEW_CHANNELS and taps <= FEW_TAPS:
        _few_weights(call, g, x, y, geometry, pick)
        return
    result = Matrix(Result(0), y.dtype, (rows * inner * taps,), inner * taps, 1)
    run = _run(g.strides[2:], geometry.output)
    origin = _minus(geometry.padding)
    scalars = _scalars(_Side(geometry.output, x.strides[0], geometry.stride),
                       _Side(geometry.taps, x.strides[1], geometry.dilation, origin), x.strides[2:], geometry.input)
    scalars |= {"a_outer": g.strides[0]} | axes("a", g.strides[2:])
    scalars |= {"y_outer": taps} | axes("y", lay.contiguous_strides(geometry.taps))
    factors = [Matrix(g.arg, g.dtype, (rows * g.strides[1],), g.strides[1], 1),
               Matrix(x.arg, x.dtype, (inner * x.strides[1],), 0, 0), result]
    index = "ulong" if call.wide else "uint"
    p = Product.of((groups,), rows, inner * taps, g.shape[0] * volume, factors, acc, index)
    partial = replace(result, arg=Temporary(0), dtype=acc)
    summed = Product.of((groups,), rows, inner * taps, 0, [partial, partial, result], acc, index)
    jumps = g.shape[0] > 1 or not run
    windows = Windows(_moving(geometry), scalars, True, run, jumps, taps if groups == 1 else 0, summed)
    _add(call, replace(p, windows=windows), pick)


def _minus(values: Triple) -> Triple:
    return tuple(-v for v in values)  # type: ignore[return-value]


def _moving(g: Geometry) -> str:
    """The axes along which windows move; the last always."""
    still = [t == i == o == 1 and p == 0 for t, i, o, p in zip(g.taps, g.input, g.output, g.padding)]
    return "w" if all(still[:2]) else "hw" if still[0] else "dhw"


def _run(strides: Sequence[int], sizes: Sequence[int]) -> int:
    """How many places there are if they all follow one another in memory, else 0."""
    dense = zip(strides, lay.contiguous_strides(sizes), sizes)
    return math.prod(sizes) if all(s == d or n == 1 for s, d, n in dense) else 0


def _scalars(k: _Side, n: _Side, steps: Sequence[int], limits: Triple) -> dict[str, int]:
    return (axes("k", k.size) | {"k_outer": k.outer} | axes("k_step", k.step) | axes("n", n.size)
            | {"n_outer": n.outer} | axes("n_step", n.step) | axes("n_origin", n.origin)
            | axes("b", steps) | axes("in", limits))


def _convolve(call: Call, kind: str, rows: int, inner: int, x: Planes, limits: Triple, w: Planes,
              w_steps: tuple[int, int, int], tap_steps: Sequence[int], bias: Any, y: Layout, k: _Side, n: _Side,
              g: Geometry, stride: Triple, phase: Triple) -> None:
    """One phase of the result: every ``stride``-th place from ``phase`` on."""
    acc = accumulator(x.dtype)
    planes, channel, image = lay.contiguous_strides((1, 1, *_filled(y.shape[2:])))[2:], y.strides[1], y.strides[0]
    volume, images = math.prod(n.size), y.shape[0]
    shift = sum(f * s for f, s in zip(phase, planes))
    to = [s * step for s, step in zip(stride, planes)]
    whole = stride == (1, 1, 1)
    target = Result(0, shift)
    group_step, row_step, inner_step = w_steps
    flat = _run((inner_step, *tap_steps), (inner, *k.size)) > 0
    factors = [Matrix(w.arg, w.dtype, (group_step,), row_step, 1),
               Matrix(x.arg, x.dtype, (inner * x.strides[1],), 0, 0),
               Matrix(target, y.dtype, (rows * channel,), channel, 1)]
    if bias:
        step = bias[1].strides[0]
        factors.append(Matrix(bias[0], bias[1].dtype, (rows * step,), step, 0))
    index = "ulong" if call.wide else "uint"
    p = Product.of((g.groups,), rows, images * volume, inner * math.prod(k.size), factors, acc, index)
    scalars = _scalars(k, n, x.strides[2:], limits) | {"a_outer": inner_step} | axes("a", tap_steps)
    scalars |= {"y_outer": image} | axes("y", to)
    pick = LOCAL.choice(call.caps, f"{x.dtype.name} {kind}", g.groups, p.m, p.n, p.k)
    if rows <= FEW and p.k <= FEW_DEPTH:
        _few(call, replace(p, y=replace(p.y, column=1)), scalars, images, n, pick)
        return
    summed = None
    if whole:
        def split(m: Matrix, step: int) -> Matrix:
            return replace(m, batch=(*m.batch, step))

        partial = Matrix(Temporary(0), acc, (rows * images * volume, volume), images * volume, 1)
        result, *extras = factors[2:]
        summed = Product.of((g.groups, images), rows, volume, 0,
                            [partial, partial, split(result, image), *(split(e, 0) for e in extras)], acc, index)
    windows = Windows(_moving(g), scalars, False, inner * math.prod(k.size) if flat else 0, not flat,
                      volume if whole else 0, summed)
    _add(call, replace(p, windows=windows), pick)


def _filled(shape: Sequence[int]) -> tuple[int, ...]:
    return (1,) * (3 - len(shape)) + tuple(shape)


def _add(call: Call, p: Product, pick: Choice) -> None:
    """Plan the product and take its launches over."""
    assert p.windows is not None
    windows = replace(p.windows, scalars=_unsigned(p.windows.scalars, p))
    launches, temporaries = plan_windows(replace(p, windows=windows), pick, call.caps)
    call.launches += launches
    call.temporaries += temporaries


def _unsigned(scalars: dict[str, int], p: Product) -> dict[str, int]:
    """Steps back travel as numbers without sign."""
    mask = (1 << (32 if p.index == "uint" else 64)) - 1
    return {name: value & mask for name, value in scalars.items()}


# Few rows ----------------------------------------------------------------------------------------

def _few(call: Call, p: Product, scalars: dict[str, int], images: int, n: _Side, pick: Choice) -> None:
    """Each item sums a few rows of the product for places one above the other; neighbours read neighbours."""
    rows = 1 if p.m == 1 else 2 if p.m == 2 else 4
    strip = pick("strip", STRIP if n.size[1] > 1 else 1)
    args, params = product_arguments(p)
    args.scalars |= _unsigned(scalars, p)
    row_blocks, strips = -(-p.m // rows), -(-n.size[1] // strip)
    tasks = math.prod(p.batch) * row_blocks * images * n.size[0] * strips * n.size[2]
    taps = math.prod(scalars[f"k_{axis}"] for axis in "dhw")
    args.scalars |= {"M": p.m, "inner": p.k // taps if taps else 0, "images": images, "row_blocks": row_blocks,
                     "strips": strips, "tasks": tasks}
    params |= {"accumulate": p.accumulate, "a_dtype": p.a.dtype, "b_dtype": p.b.dtype, "batch_rank": len(p.batch),
               "rows": rows, "strip": strip}
    local = min(GROUP, call.caps.max_work_group_size)
    size = -(-min(tasks, call.caps.units * ITEMS_PER_UNIT) // local) * local
    call.launches.append(args.launch("conv_few", params, local, size))


def _few_weights(call: Call, g: Planes, x: Planes, y: Layout, geometry: Geometry, pick: Choice) -> None:
    """A work-group sums all taps of a pair of channels over a share of the places."""
    caps, acc = call.caps, accumulator(g.dtype)
    places = g.shape[0] * math.prod(geometry.output)
    rows, inner = g.shape[1] // geometry.groups, x.shape[1] // geometry.groups
    pairs = geometry.groups * rows * inner
    splits = max(1, min(caps.units * pick("groups_per_unit", GROUPS_PER_UNIT) // pairs, places // FEW_PLACES))
    target: Any = call.temporary(splits * y.numel, acc) if splits > 1 else Result(0)
    scalars = {"M": rows, "inner": inner, "places": places, "share": -(-places // splits), "pairs": pairs,
               "a_0": g.strides[0], "a_1": g.strides[1], "b_0": x.strides[0], "b_1": x.strides[1]}
    scalars |= axes("a", g.strides[2:]) | axes("b", x.strides[2:]) | axes("out", geometry.output)
    scalars |= axes("in", geometry.input) | axes("stride", geometry.stride) | axes("pad", geometry.padding)
    scalars |= axes("dil", geometry.dilation)
    local = min(GROUP, 1 << caps.max_work_group_size.bit_length() - 1)
    params = {"taps": geometry.taps, "accumulate": acc, "a_dtype": g.dtype, "b_dtype": x.dtype,
              "y_dtype": acc if splits > 1 else y.dtype}
    call.launch("conv_few_weight", params, [g.arg, x.arg, target], scalars, local, pairs * splits * local)
    if splits > 1:
        call.launches.append(sum_partials(target, splits, y.numel, y.dtype, acc, caps))
