"""Geometry of convolutions, and the collector of their launches.

Everything is laid out with three spatial dimensions; 1-d and 2-d have leading ones of size 1.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..codegen.spec import KernelSpec
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Plan, Result, Temporary

# Tunables.  Work-items per CPU unit; multiply-adds below which one work-item does everything.
CPU_WORKERS_PER_UNIT = 8
CPU_GRAIN = 1 << 14

_INDEX_LIMIT = 1 << 31
Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Geometry:
    """The windows: output p reads input p * stride - padding + r * dilation for tap r."""

    stride: Triple
    padding: Triple
    dilation: Triple
    groups: int
    taps: Triple
    input: Triple
    output: Triple


@dataclass(frozen=True)
class Planes:
    """A tensor (n, channels, d, h, w) in memory."""

    arg: Any
    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def triple(values: Sequence[int], fill: int) -> Triple:
    """One value per spatial dimension, the missing leading ones filled up."""
    return (fill,) * (3 - len(values)) + tuple(values)  # type: ignore[return-value]


def planes_of(arg: Any, layout: Layout) -> Planes:
    """A layout (n, channels, spatial...) seen with three spatial dimensions."""
    rank = layout.ndim - 2
    return Planes(arg, layout.dtype, (*layout.shape[:2], *triple(layout.shape[2:], 1)),
                  (*layout.strides[:2], *triple(layout.strides[2:], 0))) if rank <= 3 else _refuse(rank)


def _refuse(rank: int) -> Any:
    raise NotImplementedError(f"convolutions over {rank} dimensions are not supported")


def geometry_of(attrs: dict[str, Any], taps: Sequence[int], input: Sequence[int], output: Sequence[int]) -> Geometry:
    """The windows that an operator's attributes and sizes describe."""
    return Geometry(triple(attrs["stride"], 1), triple(attrs["padding"], 0), triple(attrs["dilation"], 1),
                    attrs["groups"], triple(taps, 1), triple(input, 1), triple(output, 1))


class Call:
    """Collects the launches and temporaries of one plan."""

    def __init__(self, caps: DeviceCaps, layouts: Sequence[Layout]) -> None:
        self.caps = caps
        self.launches: list[Launch] = []
        self.temporaries: list[Layout] = []
        self.wide = max(o.extent() for o in layouts) >= _INDEX_LIMIT

    def temporary(self, size: int, dtype: DType) -> Temporary:
        self.temporaries.append(lay.dense((size,), dtype))
        self.wide |= size >= _INDEX_LIMIT
        return Temporary(len(self.temporaries) - 1)

    def offsets(self, size: int) -> Temporary:
        """Memory for offsets of the kernels' index type (no planes here reach beyond 32 bits)."""
        self.temporaries.append(lay.dense((size,), dt.int32))
        return Temporary(len(self.temporaries) - 1)

    def launch(self, template: str, params: dict[str, Any], buffers: Sequence[Any], scalars: dict[str, int],
               local: int, size: int) -> None:
        if not size:
            return
        index, number = ("ulong", "uint64") if self.wide else ("uint", "uint32")
        spec = KernelSpec(template, template,
                          (*params.items(), ("index_type", index), ("scalars", tuple(scalars))), (local,),
                          (*[None, "uint64"] * len(buffers), *[number] * len(scalars)))
        self.launches.append(Launch(spec, (size,), (*buffers, *scalars.values())))

    def workers(self, work: int, per_unit: int = CPU_WORKERS_PER_UNIT) -> int:
        return 1 if work <= CPU_GRAIN else self.caps.units * per_unit

    def plan(self, layout: Layout) -> Plan:
        return Plan((layout,), tuple(self.launches), tuple(self.temporaries))


def axes(name: str, values: Sequence[int]) -> dict[str, int]:
    """Scalars ``name_d``, ``name_h`` and ``name_w``."""
    return {f"{name}_{axis}": v for axis, v in zip("dhw", values)}


@dataclass(frozen=True)
class Laid:
    """Planes with their padding, one after the other: [n][channel][phase][d][h][w].

    A window of stride s reads one phase (coordinates equal modulo s) for each tap, so that
    neighbouring outputs always read neighbouring elements.
    """

    arg: Any
    dtype: DType
    size: Triple          # of one phase
    strides: Triple       # of one phase
    plane: int            # of one channel


@dataclass(frozen=True)
class Target:
    """Where the outputs of one launch go, and the bias that they start from."""

    arg: Result
    dtype: DType
    size: Triple
    strides: Triple
    volume: int           # of one channel
    bias: Any


def lanes_of(acc: DType) -> int:
    """Elements of a vector."""
    return 16 if acc.itemsize == 4 else 8


def window_scalars(laid: Laid, taps: Triple, dilation: Triple, phases: Triple) -> dict[str, int]:
    """Where the taps lie in laid planes: (coordinate // phases, coordinate % phases) per step."""
    volume = math.prod(laid.size)
    steps = (volume * phases[1] * phases[2], volume * phases[2], volume)
    return (axes("tap", taps) | axes("phases", phases) | axes("phase_step", steps)
            | axes("shift", [d // s for d, s in zip(dilation, phases)])
            | axes("turn", [d % s for d, s in zip(dilation, phases)])
            | {"pitch_d": laid.strides[0], "pitch_h": laid.strides[1], "plane": laid.plane})


def lay_scalars(x: Planes, size: Triple, phases: Triple, lo: Triple, insert: Triple) -> tuple[dict[str, int], str]:
    """What laying planes reads, and how rows are copied."""
    scalars = {"channels": x.shape[1], "x_n": x.strides[0], "x_c": x.strides[1]}
    scalars |= axes("x", x.strides[2:]) | axes("in", x.shape[2:]) | axes("size", size)
    scalars |= axes("phases", phases) | axes("insert", insert)
    # Padding may be negative (an input's border that no window reads): it travels as two numbers.
    scalars |= axes("lo", [max(v, 0) for v in lo]) | axes("skip", [max(-v, 0) for v in lo])
    return scalars, "insert" if max(insert) > 1 else {1: "plain", 2: "pair"}.get(phases[2], "step")
