"""CPU class: convolutions of every channel by itself (depthwise), and their gradients."""
from __future__ import annotations

import math
from typing import Any

from ..core.plan import Result
from .conv_planes import (
    CPU_WORKERS_PER_UNIT,
    Call,
    Geometry,
    Laid,
    Planes,
    Triple,
    axes,
    lanes_of,
    lay_scalars,
    window_scalars,
)
from .conv_space import DEPTH
from .product import accumulator, sum_partials

# Tunables: most taps whose weights are held in registers, rows that are walked together, largest
# plane that stays in the nearest caches.
TAPS = 25
ROWS = 4
PLANE = 1 << 16

_ONE: Triple = (1, 1, 1)


def fits(call: Call, w: Planes, g: Geometry, transposed: bool) -> bool:
    """Whether the windows are of this kind: one input channel, few taps, rows of at least 4."""
    inner = w.shape[0] // g.groups if transposed else w.shape[1]
    row, plane = (g.input, g.output) if transposed else (g.output, g.input)
    return (not call.wide and g.groups > 1 and inner == 1 and (not transposed or w.shape[1] == 1)
            and 0 < math.prod(g.taps) <= TAPS and row[2] >= 4 and math.prod(plane) <= PLANE
            and (not transposed or g.dilation == _ONE or g.stride == _ONE))


def _lanes(size: int, most: int) -> int:
    return min(most, 1 << (size.bit_length() - 1))


def _geometry(g: Geometry, transposed: bool) -> tuple[Triple, Triple, Triple, Triple]:
    """(size of a laid phase, phases, insertion, padding) of what the windows read."""
    if transposed:
        size: Triple = tuple(p + d * (r - 1) for p, d, r in zip(
            g.input, g.dilation, g.taps))  # type: ignore[assignment]
        lo: Triple = tuple(d * (r - 1) - p for d, r, p in zip(
            g.dilation, g.taps, g.padding))  # type: ignore[assignment]
        return size, _ONE, g.stride, lo
    size = tuple(-(-((p - 1) * s + d * (r - 1) + 1) // s) for p, s, d, r in zip(
        g.output, g.stride, g.dilation, g.taps))  # type: ignore[assignment]
    return size, g.stride, _ONE, g.padding


def _walk(x: Planes, g: Geometry, transposed: bool) -> tuple[dict[str, int], dict[str, Any]]:
    """Scalars and parameters of laying a plane and of finding the taps in it."""
    acc = accumulator(x.dtype)
    size, phases, insert, lo = _geometry(g, transposed)
    volume = math.prod(size) * math.prod(phases)
    laid = Laid(None, acc, size, (size[1] * size[2], size[2], 1), volume)
    scalars, mode = lay_scalars(x, size, phases, lo, insert)
    scalars |= {"volume": volume} | window_scalars(laid, g.taps, g.dilation, phases)
    for name in ("plane", "tap_d", "tap_h", "tap_w"):
        del scalars[name]
    return scalars, {"source": x.dtype, "target": acc, "mode": mode, "taps": g.taps}


def correlate_planes(call: Call, x: Planes, w: Planes, bias: Any, g: Geometry, transposed: bool) -> None:
    """Forward, or with ``transposed`` its adjoint in the input."""
    scalars, params = _walk(x, g, transposed)
    out = g.input if transposed else g.output
    multiple = 1 if transposed else w.shape[0] // g.groups
    tasks = x.shape[0] * x.shape[1]
    pick = DEPTH.choice(call.caps, f"{x.dtype.name} {'input' if transposed else 'forward'}", *x.shape[:2], multiple,
                        math.prod(g.taps), out[2], math.prod(out))
    workers = min(call.workers(tasks * multiple * math.prod(out) * math.prod(g.taps),
                               pick("workers_per_unit", CPU_WORKERS_PER_UNIT)), tasks)
    scratch = call.temporary(workers * scalars["volume"], params["target"])
    scalars |= axes("out", out) | axes("w", w.strides[2:]) | {"multiple": multiple, "w_o": w.strides[0],
                                                              "tasks": tasks}
    if bias:
        scalars["bias_step"] = bias[1].strides[0]
    dense = g.dilation[1] == 1 and (transposed or g.stride[1] == 1)
    params |= {"kind": "forward", "y_dtype": x.dtype, "flip": transposed,
               "lanes": _lanes(out[2], lanes_of(params["target"])),
               "block": min(pick("rows", ROWS), out[1]) if dense and math.prod(g.taps) <= 9 else 1,
               "bias": bias[1].dtype if bias else None}
    call.launch("conv_depth", params, [x.arg, w.arg, *([bias[0]] if bias else []), Result(0), scratch], scalars, 1,
                workers)


def weight_planes(call: Call, g: Planes, x: Planes, geometry: Geometry) -> bool:
    """The weight gradient, if the windows are of this kind."""
    n, channels, taps = x.shape[0], x.shape[1], math.prod(geometry.taps)
    if (call.wide or geometry.groups != channels or channels < 2 or g.shape[1] != channels or not n
            or not 0 < taps <= TAPS or geometry.output[2] < 4 or not math.prod(geometry.output[:2])
            or g.strides[4] != 1 or math.prod(geometry.input) > PLANE):
        return False
    scalars, params = _walk(x, geometry, False)
    acc = params["target"]
    pick = DEPTH.choice(call.caps, f"{x.dtype.name} weight", n, channels, 1, taps, geometry.output[2],
                        math.prod(geometry.output))
    workers = call.workers(n * channels * math.prod(geometry.output) * taps,
                           pick("workers_per_unit", CPU_WORKERS_PER_UNIT))
    share = -(-n // max(1, min(n, workers // channels)))
    splits = -(-n // share)
    tasks = channels * splits
    size, total = min(workers, tasks), channels * taps
    direct = splits == 1
    target: Any = Result(0) if direct else call.temporary(splits * total, acc)
    scratch = call.temporary(size * scalars["volume"], acc)
    scalars |= axes("out", geometry.output) | {"g_n": g.strides[0], "g_c": g.strides[1], "g_d": g.strides[2],
                                               "g_h": g.strides[3], "images": n, "images_share": share,
                                               "total": total, "tasks": tasks}
    params |= {"kind": "weight", "y_dtype": g.dtype if direct else acc, "bias": None, "flip": False, "block": 1,
               "lanes": _lanes(geometry.output[2], lanes_of(acc))}
    call.launch("conv_depth", params, [x.arg, g.arg, target, scratch], scalars, 1, size)
    if not direct:
        call.launches.append(sum_partials(target, splits, total, g.dtype, acc, call.caps))
    return True
