"""Plans made executable on one device: kernels built, argument lists compiled."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen.render import render
from ..codegen.softdouble import bits as float64_bits
from ..codegen.types import FLOAT64_BITS
from ..core import dtypes as dt
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Operand, Plan, Result, ScalarOperand, Temporary
from ..device import Device
from .storage import Storage


def number_converter(dtype: DType) -> Callable[[Any], Any]:
    """How a Python number becomes a kernel argument of that type: integers wrap."""
    if dtype.is_floating_point:
        return float
    if dtype.is_complex:
        return lambda value: np.asarray(value, dtype.storage).tobytes()
    if dtype is dt.bool_:
        return bool
    if dtype is FLOAT64_BITS:
        return float64_bits
    bits = 8 * dtype.itemsize
    half = 1 << (bits - 1) if dtype.is_signed else 0
    modulus = 1 << bits
    return lambda value: (int(value) + half) % modulus - half


class Scratch:
    """Scratch memory of one call, presented like a tensor to the argument lists."""

    __slots__ = ("storage", "offset")

    def __init__(self, device: Device, layout: Layout) -> None:
        itemsize = layout.dtype.itemsize
        self.storage = Storage(device, max(layout.extent(), 1) * itemsize)
        self.offset = self.storage.start // itemsize


def _compile_arguments(args: tuple[Any, ...]) -> Callable[..., tuple[Any, ...]]:
    """A function (operands, results, temporaries) -> kernel arguments.

    One expression per plan: interpreting the list at each launch would cost more than the launch.
    """
    parts: list[str] = []
    scope: dict[str, Any] = {}
    for k, a in enumerate(args):
        if isinstance(a, ScalarOperand):
            scope[f"c{k}"] = number_converter(a.dtype)
            parts.append(f"c{k}(o[{a.index}])")
        elif isinstance(a, (Operand, Result, Temporary)):
            name = {Operand: "o", Result: "r", Temporary: "t"}[type(a)]
            shift = (f" * {a.scale}" if a.scale != 1 else "") + (f" + {a.shift}" if a.shift else "")
            parts.append(f"{name}[{a.index}].storage.buffer, {name}[{a.index}].offset{shift}")
        else:
            scope[f"c{k}"] = a
            parts.append(f"c{k}")
    return eval(f"lambda o, r, t: ({', '.join(parts)},)", scope)  # noqa: S307  (our own text)


class Runner:
    """A plan bound to a device."""

    __slots__ = ("outputs", "temporaries", "steps", "single", "device")

    def __init__(self, plan: Plan, device: Device) -> None:
        self.device = device
        self.outputs, self.temporaries, self.single = plan.outputs, plan.temporaries, plan.single
        kernels = kernels_for([launch.spec for launch in plan.launches], device)
        self.steps = [(kernel, launch.global_size, _compile_arguments(launch.args))
                      for kernel, launch in zip(kernels, plan.launches)]

    def __call__(self, operands: Any, results: Any) -> None:
        """Enqueue the launches."""
        temporaries = [Scratch(self.device, t) for t in self.temporaries]
        for kernel, size, arguments in self.steps:
            kernel.launch(size, arguments(operands, results, temporaries))


class ShapesAlone:
    """A plan on a device that computes nothing, with the interface of a Runner."""

    __slots__ = ("outputs", "single")
    steps = ()

    def __init__(self, plan: Plan) -> None:
        self.outputs, self.single = plan.outputs, plan.single

    def __call__(self, operands: Any, results: Any) -> None:
        """Nothing to do."""


def kernels_for(specs: list[Any], device: Device) -> list[Any]:
    """The built kernels of specs, from the device's cache where present."""
    cache = device.kernels
    missing = list(dict.fromkeys(s for s in specs if s not in cache))
    if missing:
        sources = [render(s, device.caps) for s in missing]
        for spec, kernel in zip(missing, device.build(sources)):
            cache[spec] = kernel
    return [cache[s] for s in specs]
