"""Padding of the last dimensions: by a constant, mirrored, repeated, or wrapped round."""
from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..codegen.expr import Const
from ..codegen.types import register_dtype
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.op import Op
from ..core.plan import Launch, Plan, Result
from ..kernels import elementwise as elementwise_kernel
from ..kernels.resample import Axis
from .declare import composite, planner
from .resample import resample
from .view import narrow

# The core: a frame of a constant around the operand ---

def _plan_frame(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    x = operands[0]
    shape = tuple(n + low + high for n, (low, high) in zip(x.shape, attrs["frame"]))
    whole = lay.dense(shape, x.dtype)
    if not whole.numel:
        return Plan((whole,), ())
    constant = Const(attrs["value"], register_dtype(x.dtype))
    fill = elementwise_kernel.plan("frame", lambda: [constant], (), x.dtype, (whole,), caps)
    if not x.numel:
        return fill
    offset = sum(low * s for (low, _), s in zip(attrs["frame"], whole.strides))
    window = lay.make(x.shape, whole.strides, x.dtype)
    move = elementwise_kernel.plan("embed", lambda v: [v], (x,), x.dtype, (window,), caps)
    launches = [Launch(m.spec, m.global_size, tuple(
        Result(0, offset) if isinstance(a, Result) else a for a in m.args)) for m in move.launches]
    return Plan((whole,), (*fill.launches, *launches))


def _frame_vjp(ctx: Any, g: Any) -> tuple[Any]:
    return (_crop(g, [(-low, -high) for low, high in ctx.attrs["frame"]]),)


def _frame_jvp(ctx: Any, t: Any) -> Any:
    return frame(t, frame=ctx.attrs["frame"], value=0)


# ``frame``: (before, after) of every dimension.
frame: Op = planner("_frame", lambda x, **attrs: ((x,), attrs), _plan_frame, family="pad", vjp=_frame_vjp,
                    jvp=_frame_jvp, public=False)


def _crop(x: Any, frame_: Sequence[tuple[int, int]]) -> Any:
    """What negative padding leaves."""
    for d, (low, high) in enumerate(frame_):
        if low < 0 or high < 0:
            low, high = min(low, 0), min(high, 0)
            x = narrow(x, d, -low, x.shape[d] + low + high)
    return x


def _constant(input: Any, frame_: list[tuple[int, int]], value: Any) -> Any:
    for d, (low, high) in enumerate(frame_):
        if input.shape[d] + low + high < 0:
            raise RuntimeError(f"The input size {input.shape[d]}, plus negative padding {low} and {high} resulted "
                               "in a negative output size, which is invalid. Check dimension "
                               f"{d} of your input.")
    cropped = _crop(input, frame_)
    positive = tuple((max(low, 0), max(high, 0)) for low, high in frame_)
    if not any(n for pair in positive for n in pair):
        return cropped.clone()
    return frame(cropped, frame=positive, value=0 if value is None else value)


def _check(mode: str, input: Any, frame_: list[tuple[int, int]]) -> None:
    for d, (low, high) in enumerate(frame_):
        n = input.shape[d]
        if (low or high) and n + low + high <= 0:
            raise RuntimeError(f"input (size: {n}) is too small for padding ({low}, {high}) at dimension {d} of "
                               f"input {list(input.shape)}")
        if mode == "reflect" and max(low, high) >= n and (low or high):
            raise RuntimeError("Argument #4: Padding size should be less than the corresponding input dimension, "
                               f"but got: padding ({low}, {high}) at dimension {d} of input {list(input.shape)}")
        if mode == "circular" and max(low, high) > n:
            raise RuntimeError("Padding value causes wrapping around more than once.")
    if mode != "circular" and any(not n for n in input.shape[1:]):
        raise RuntimeError(f"{mode} padding expects non-zero dimensions besides the batch, but got input "
                           f"{list(input.shape)}")


def _samples() -> Any:
    x = np.arange(24.0).reshape(2, 3, 4) - 7.5
    yield (x, (1, 2)), {}
    yield (x, (1, -1, 0, 2), "constant", 2.5), {}
    yield (x, (3, 1), "reflect"), {}
    yield (x, (2, 4), "circular"), {}
    yield (x[None], (2, 1, 0, 3), "replicate"), {}
    yield (x[:0], (1, 1)), {}


def _reference(x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if mode == "constant":
        y = np.pad(x, grown, constant_values=value or 0)
    else:
        kind: Any = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
        y = np.pad(x, grown, mode=kind)
    return y[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, y.shape))]


@composite("pad", namespace="nn.functional", method=False, samples=_samples, reference=_reference)
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """The input with elements added around its last dimensions, or with negative numbers cut off.

    Args:
        pad: (before, after) of the last dimension, then of the one before it, and so on.
        mode: "constant", "reflect" (mirrored without the edge), "replicate" (the edge repeated) or
            "circular"; the last three pad the last one to three dimensions behind the channels.
        value: of the constant, 0 by default.

    Raises:
        RuntimeError: padding that doesn't fit the input.  NotImplementedError: an unknown mode, or
            a number of dimensions that it doesn't pad.
    """
    widths = [operator.index(p) for p in pad]
    if len(widths) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, but got {len(widths)}")
    if len(widths) // 2 > input.ndim:
        raise RuntimeError("Padding length should be less than or equal to two times the input dimension but got "
                           f"padding length {len(widths)} and input of dimension {input.ndim}")
    pairs = list(zip(widths[::2], widths[1::2]))
    frame_ = [(0, 0)] * (input.ndim - len(pairs)) + pairs[::-1]
    if mode == "constant":
        return _constant(input, frame_, value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not 1 <= len(pairs) <= 3 or input.ndim - len(pairs) not in (1, 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    _check(mode, input, frame_)
    # A wrapped line ends where it is cut off; mirrored and repeated ones are cut off last.
    result = _crop(input, frame_) if mode == "circular" else input
    for d in range(input.ndim - 1, -1, -1):
        low, high = max(frame_[d][0], 0), max(frame_[d][1], 0)
        if low or high:
            n = result.shape[d]
            result = resample(result, Axis(mode, n, n + low + high, shift=low), d)
    result = result if mode == "circular" else _crop(result, frame_)
    return result.clone() if result is input or any(p < 0 for p in widths) else result


@composite("pad", method=False, samples=lambda: [((np.arange(6.0).reshape(2, 3), (1, 0), 1.5), {})],
           reference=lambda x, p, v=0: _reference(x, p, "constant", v))
def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    """The input with a constant added around its last dimensions (see ``nn.functional.pad``)."""
    return _pad(input, pad, "constant", value)


_pad = pad
