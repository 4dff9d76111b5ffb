"""Windows of planes as columns (im2col), and planes summed from columns (col2im)."""
from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..core.op import Op
from ..kernels import fold as kernel
from ..kernels.fold import Blocks
from .declare import composite, new_results, plain_bind, planner
from .view import squeeze, unsqueeze


def _unfold_vjp(ctx: Any, g: Any) -> tuple[Any]:
    return (sum_columns(g, blocks=ctx.attrs["blocks"]),)


def _fold_vjp(ctx: Any, g: Any) -> tuple[Any]:
    return (columns(g, blocks=ctx.attrs["blocks"]),)


columns: Op = planner("_columns", plain_bind, new_results(kernel.plan_unfold), family="fold", vjp=_unfold_vjp,
                      linear=True, public=False)
sum_columns: Op = planner("_sum_columns", plain_bind, new_results(kernel.plan_fold), family="fold", vjp=_fold_vjp,
                          linear=True, public=False)


def _pair(name: str, argument: str, value: Any) -> tuple[int, int]:
    if isinstance(value, (tuple, list)):
        values = tuple(operator.index(v) for v in value)
        if len(values) not in (1, 2):
            raise RuntimeError(f"It is expected {argument} equals to 2, but got size {len(values)}")
        return (values[0], values[-1])
    return (operator.index(value),) * 2


def _blocks(name: str, plane: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Blocks:
    blocks = Blocks(tuple(plane), *(_pair(name, word, v) for word, v in (
        ("kernel_size", kernel_size), ("dilation", dilation), ("padding", padding), ("stride", stride))))
    for word, values, least in (("kernel size", blocks.kernel, 1), ("dilation", blocks.dilation, 1),
                                ("padding", blocks.padding, 0), ("stride", blocks.stride, 1)):
        if min(values) < least:
            kind = "greater than zero" if least else "non-negative"
            short = word.replace("kernel size", "kernel")
            raise RuntimeError(f"{word} should be {kind}, but got {short}_height: {values[0]} {short}_width: "
                               f"{values[1]}")
    return blocks


def _np_places(x_shape: Any, k: Any, d: Any, p: Any, s: Any) -> Any:
    """Padded row and column of every tap of every block: (taps, blocks)."""
    k, d, p, s = (v if isinstance(v, tuple) else (v, v) for v in (k, d, p, s))
    count = [(n + 2 * q - e * (m - 1) - 1) // t + 1 for n, q, e, m, t in zip(x_shape, p, d, k, s)]
    taps = np.indices(k).reshape(2, -1, 1) * np.array(d).reshape(2, 1, 1)
    return taps + np.indices(count).reshape(2, 1, -1) * np.array(s).reshape(2, 1, 1), p


def _np_unfold(x: Any, k: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    (rows, cols), p = _np_places(x.shape[-2:], k, dilation, padding, stride)
    padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(q, q) for q in p])
    y = padded[..., rows, cols]
    return y.reshape(*y.shape[:-3], y.shape[-3] * y.shape[-2], y.shape[-1])


def _np_fold(x: Any, size: Any, k: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    size = size if isinstance(size, tuple) else (size, size)
    (rows, cols), p = _np_places(size, k, dilation, padding, stride)
    whole = np.zeros((*x.shape[:-2], x.shape[-2] // rows.shape[0], *(n + 2 * q for n, q in zip(size, p))), x.dtype)
    split = x.reshape(*x.shape[:-2], -1, *rows.shape)
    for t, b in np.ndindex(*rows.shape):
        whole[..., rows[t, b], cols[t, b]] += split[..., t, b]
    return whole[..., p[0]:whole.shape[-2] - p[0], p[1]:whole.shape[-1] - p[1]]


def _unfold_samples() -> Any:
    x = np.random.default_rng(4).uniform(-1, 1, (2, 3, 5, 6))
    yield (x, 3), {"padding": 1, "stride": 2}
    yield (x[0], (2, 3)), {"dilation": (1, 2)}
    yield (x[:0], 2), {}


def _fold_samples() -> Any:
    x = np.random.default_rng(4).uniform(-1, 1, (2, 12, 12))
    yield (x, (4, 5), 2), {}
    yield (x[0, :, :6], (5, 6), (2, 3)), {"stride": 2, "padding": (0, 1), "dilation": (2, 1)}


@composite("fold", namespace="nn.functional", method=False, samples=_unfold_samples, reference=_np_unfold)
def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of planes (n, c, h, w), or without n, as columns (n, c * taps, windows).

    Raises:
        RuntimeError: wrong dimensions, or windows that don't fit the planes.
    """
    if input.ndim not in (3, 4) or any(not n for n in input.shape[1 if input.ndim == 4 else 0:]):
        raise RuntimeError("Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
                           f"dimensions for input, but got: {list(input.shape)}")
    blocks = _blocks("unfold", input.shape[-2:], kernel_size, dilation, padding, stride)
    if min(blocks.count) < 1:
        raise RuntimeError(f"Given input with spatial size {tuple(input.shape[-2:])}, kernel_size={blocks.kernel}, "
                           f"dilation={blocks.dilation}, padding={blocks.padding}, calculated shape of the array of "
                           f"sliding blocks as {blocks.count}, but its components must be at least one.")
    if input.ndim == 3:
        return squeeze(columns(unsqueeze(input, 0), blocks=blocks), 0)
    return columns(input, blocks=blocks)


@composite("fold", namespace="nn.functional", method=False, samples=_fold_samples, reference=_np_fold)
def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
         stride: Any = 1) -> Any:
    """Planes of ``output_size`` summed from columns (n, c * taps, windows), or without n.

    Raises:
        RuntimeError: columns that windows of this kind would not give.
    """
    if input.ndim not in (2, 3) or any(not n for n in input.shape[1 if input.ndim == 3 else 0:]):
        raise RuntimeError("Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
                           f"dimensions for input, but got: {list(input.shape)}")
    blocks = _blocks("fold", _pair("fold", "output_size", output_size), kernel_size, dilation, padding, stride)
    taps = math.prod(blocks.kernel)
    if input.shape[-2] % taps:
        raise RuntimeError("Expected size of input's dimension 1 to be divisible by the product of kernel_size, but "
                           f"got input.size(1)={input.shape[-2]} and kernel_size={blocks.kernel}.")
    if min(blocks.count) < 1 or math.prod(blocks.count) != input.shape[-1]:
        raise RuntimeError(f"Given output_size={blocks.plane}, kernel_size={blocks.kernel}, "
                           f"dilation={blocks.dilation}, padding={blocks.padding}, stride={blocks.stride}, expected "
                           f"size of input's dimension 2 to match the calculated number of sliding blocks "
                           f"{blocks.count[0]} * {blocks.count[1]} = {math.prod(blocks.count)}, but got "
                           f"input.size(2)={input.shape[-1]}.")
    if input.ndim == 2:
        return squeeze(sum_columns(unsqueeze(input, 0), blocks=blocks), 0)
    return sum_columns(input, blocks=blocks)
