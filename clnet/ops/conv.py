"""Convolutions and transposed convolutions over one, two or three dimensions.

Three records state everything: the convolution, its adjoint in the input (the transposed
convolution), and its adjoint in the weight.  All come from one form that is linear in each of
cotangent, input and weight, so the derivative of each is stated with the other two.
"""
from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.op import Op
from ..kernels import conv as kernel
from .complex import complex as complex_
from .complex import imag, real
from .declare import composite, new_results, plain_bind, planner
from .matmul import C_NAMES
from .reduction import sum
from .view import reshape, squeeze, unsqueeze

# The core ---

def _spatial(ctx: Any, index: int) -> tuple[int, ...]:
    return tuple(ctx.layouts[index].shape[2:])


def _bias_cotangent(ctx: Any, g: Any) -> list[Any]:
    if len(ctx.layouts) < 3:
        return []
    return [sum(g, (0, *range(2, g.ndim))) if ctx.needs[2] else None]


def _forward_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    x, w = ctx.operands[:2]
    windows = _windows(ctx.attrs)
    return (conv_input(g, w, **windows, size=_spatial(ctx, 0)) if ctx.needs[0] else None,
            conv_weight(g, x, **windows, size=_spatial(ctx, 1)) if ctx.needs[1] else None,
            *_bias_cotangent(ctx, g))


def _input_vjp(ctx: Any, h: Any) -> tuple[Any, ...]:
    g, w = ctx.operands[:2]
    windows = _windows(ctx.attrs)
    return (conv_forward(h, w, **windows, size=_spatial(ctx, 0)) if ctx.needs[0] else None,
            conv_weight(g, h, **windows, size=_spatial(ctx, 1)) if ctx.needs[1] else None,
            *_bias_cotangent(ctx, h))


def _weight_vjp(ctx: Any, v: Any) -> tuple[Any, ...]:
    g, x = ctx.operands
    windows = _windows(ctx.attrs)
    return (conv_forward(x, v, **windows, size=_spatial(ctx, 0)) if ctx.needs[0] else None,
            conv_input(g, v, **windows, size=_spatial(ctx, 1)) if ctx.needs[1] else None)


def _windows(attrs: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in attrs.items() if k != "size"}


# Attributes of all three: stride, padding (before each dimension), dilation, groups, and the
# spatial size of the result.
conv_forward = planner("_conv_forward", plain_bind, new_results(kernel.plan_forward), family="conv",
                       vjp=_forward_vjp, saves=(0, 1), public=False)
conv_input = planner("_conv_input", plain_bind, new_results(kernel.plan_input), family="conv",
                     vjp=_input_vjp, saves=(0, 1), public=False)
conv_weight = planner("_conv_weight", plain_bind, new_results(kernel.plan_weight), family="conv",
                      vjp=_weight_vjp, saves=(0, 1), public=False)


# Checks, in PyTorch's words ---

def _per_dim(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """One number for all dimensions, or one for each."""
    if isinstance(value, (tuple, list)):
        values = tuple(operator.index(v) for v in value)
        if len(values) == 1:
            return values * rank
        if len(values) != rank:
            raise RuntimeError(f"expected {name} to be a single integer value or a list of {rank} values to "
                               f"match the convolution dimensions, but got {name}={list(values)}")
        return values
    return (operator.index(value),) * rank


def _checked(name: str, rank: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
             dilation: Any, groups: int, transposed: bool) -> tuple[Any, ...]:
    """(input with a batch, whether it had one, stride, padding, dilation)."""
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {name}, but got "
                           f"input of size: {list(input.shape)}")
    batched = input.ndim == rank + 2
    x = input if batched else unsqueeze(input, 0)
    size = list(weight.shape)
    if weight.ndim != rank + 2:
        raise RuntimeError(f"expected stride to be a single integer value or a list of {weight.ndim - 2} values to "
                           f"match the convolution dimensions, but got stride={list(_per_dim('stride', stride, rank))}")
    stride, padding, dilation = (_per_dim(n, v, rank) for n, v in (
        ("stride", stride), ("padding", padding), ("dilation", dilation)))
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if any(p < 0 for p in padding):
        raise RuntimeError("negative padding is not supported")
    if any(s <= 0 for s in stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"dilation should be greater than zero, but got {list(dilation)}")
    if size[0] < groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
                           f"got weight of size {size} instead")
    if size[0] % groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
                           f"but got weight of size [{size}] instead")
    channels = size[0] if transposed else size[1] * groups
    if x.shape[1] != channels:
        given = "transposed=1" if transposed else f"groups={groups}"
        raise RuntimeError(f"Given {given}, weight of size {size}, expected input{list(x.shape)} to have "
                           f"{channels} channels, but got {x.shape[1]} channels instead")
    results = size[1] * groups if transposed else size[0]
    if bias is not None and tuple(bias.shape) != (results,):
        given = "transposed=1" if transposed else ""
        raise RuntimeError(f"Given {given + ', ' if given else ''}weight of size {size}, expected bias to be "
                           f"1-dimensional with {results} elements, but got bias of size {list(bias.shape)} instead")
    if weight.dtype is not x.dtype:
        raise RuntimeError(f"expected scalar type {dt.SCALAR_NAMES[x.dtype]} but found {dt.SCALAR_NAMES[weight.dtype]}")
    if bias is not None and bias.dtype is not x.dtype:
        raise RuntimeError(f"Input type ({C_NAMES[x.dtype]}) and bias type ({C_NAMES[bias.dtype]}) should be the "
                           "same")
    if x.dtype is dt.bool_:
        raise NotImplementedError(f'"slow_{name}_cpu" not implemented for \'Bool\'')
    return x, batched, stride, padding, dilation


def _applied(op: Op, x: Any, weight: Any, bias: Any, **attrs: Any) -> Any:
    """A record above on its operands; on complex ones by three products of their parts (Gauss)."""
    if not x.dtype.is_complex:
        return op(*((x, weight) if bias is None else (x, weight, bias)), **attrs)
    (x_re, x_im), (w_re, w_im) = (real(x), imag(x)), (real(weight), imag(weight))
    first, second = op(x_re, w_re, **attrs), op(x_im, w_im, **attrs)
    both = op(x_re + x_im, w_re + w_im, **attrs)
    y = complex_(first - second, both - first - second)
    return y if bias is None else y + reshape(bias, (-1, *(1 for _ in attrs["size"])))


def _convolve(rank: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
              groups: int) -> Any:
    name = f"conv{rank}d"
    mode = padding if isinstance(padding, str) else None
    if mode not in (None, "same", "valid"):
        raise RuntimeError(f"Invalid padding string: '{mode}'")
    x, batched, stride, padding, dilation = _checked(
        name, rank, input, weight, bias, stride, 0 if mode else padding, dilation, groups, False)
    taps = tuple(weight.shape[2:])
    if mode == "same" and any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    after = padding
    if mode == "same":
        total = [d * (r - 1) for d, r in zip(dilation, taps)]
        padding = tuple(n // 2 for n in total)
        after = tuple(n - p for n, p in zip(total, padding))
    padded = [n + p + q for n, p, q in zip(x.shape[2:], padding, after)]
    reach = [d * (r - 1) + 1 for d, r in zip(dilation, taps)]
    if any(n < r for n, r in zip(padded, reach)):
        raise RuntimeError(f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel "
                           f"size: ({' x '.join(map(str, reach))}). Kernel size can't be greater than actual "
                           "input size")
    size = tuple((n - r) // s + 1 for n, r, s in zip(padded, reach, stride))
    y = _applied(conv_forward, x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups,
                 size=size)
    return y if batched else squeeze(y, 0)


def _transpose_convolve(rank: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
                        output_padding: Any, groups: int, dilation: Any) -> Any:
    x, batched, stride, padding, dilation = _checked(
        f"conv_transpose{rank}d", rank, input, weight, bias, stride, padding, dilation, groups, True)
    extra = _per_dim("output_padding", output_padding, rank)
    if any(e < 0 for e in extra):
        raise RuntimeError("negative output_padding is not supported")
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation)):
        axes = ("depth", "height", "width")[3 - max(rank, 2):]
        described = [f"{word}_{axis}: {v}" for word, values in (
            ("output_padding", extra), ("stride", stride), ("dilation", dilation)) for axis, v in zip(
                axes, (1,) * (len(axes) - rank) + tuple(values))]
        raise RuntimeError("output padding must be smaller than either stride or dilation, but got "
                           + " ".join(described))
    size = tuple((n - 1) * s - 2 * p + d * (r - 1) + e + 1 for n, s, p, d, r, e in zip(
        x.shape[2:], stride, padding, dilation, weight.shape[2:], extra))
    if any(n < 0 for n in size):
        raise RuntimeError(f"Given input size per channel: ({' x '.join(map(str, x.shape[2:]))}). Calculated "
                           f"output size per channel: ({' x '.join(map(str, size))}). Output size is too small")
    y = _applied(conv_input, x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups,
                 size=size)
    return y if batched else squeeze(y, 0)


# References and samples ---

def _broadcast(value: Any, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank


def _reference(rank: int) -> Callable[..., Any]:
    def reference(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                  groups: int = 1) -> Any:
        batched = x.ndim == rank + 2
        x = x if batched else x[None]
        stride, dilation = _broadcast(stride, rank), _broadcast(dilation, rank)
        taps = w.shape[2:]
        if padding == "same":
            total = [d * (r - 1) for d, r in zip(dilation, taps)]
            pads = [(n // 2, n - n // 2) for n in total]
        else:
            pads = [(p, p) for p in _broadcast(0 if padding == "valid" else padding, rank)]
        x = np.pad(x, [(0, 0), (0, 0), *pads])
        size = [(n - d * (r - 1) - 1) // s + 1 for n, d, r, s in zip(x.shape[2:], dilation, taps, stride)]
        y = np.zeros((x.shape[0], w.shape[0], *size), x.dtype)
        grouped = x.reshape(x.shape[0], groups, w.shape[1], *x.shape[2:])
        weights = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
        for tap in np.ndindex(*taps):
            window = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, size, stride))
            part = np.einsum("ngc...,goc->ngo...", grouped[(...,) + window], weights[(...,) + tap])
            y += part.reshape(y.shape)
        if b is not None:
            y += b.reshape(-1, *[1] * rank)
        return y if batched else y[0]
    return reference


def _transpose_reference(rank: int) -> Callable[..., Any]:
    def reference(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
                  groups: int = 1, dilation: Any = 1) -> Any:
        batched = x.ndim == rank + 2
        x = x if batched else x[None]
        stride, padding, extra, dilation = (_broadcast(v, rank) for v in (stride, padding, output_padding, dilation))
        taps = w.shape[2:]
        whole = [(n - 1) * s + d * (r - 1) + 1 + e for n, s, d, r, e in zip(x.shape[2:], stride, dilation, taps, extra)]
        y = np.zeros((x.shape[0], groups, w.shape[1], *whole), x.dtype)
        grouped = x.reshape(x.shape[0], groups, w.shape[0] // groups, *x.shape[2:])
        weights = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
        for tap in np.ndindex(*taps):
            window = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(
                tap, dilation, x.shape[2:], stride))
            y[(...,) + window] += np.einsum("ngo...,goc->ngc...", grouped, weights[(...,) + tap])
        y = y.reshape(x.shape[0], -1, *whole)
        y = y[(...,) + tuple(slice(p, n - p) for p, n in zip(padding, whole))]
        if b is not None:
            y = y + b.reshape(-1, *[1] * rank)
        return y if batched else y[0]
    return reference


def _sample(*shapes: Sequence[int]) -> tuple[Any, ...]:
    rng = np.random.default_rng(7)
    return tuple(rng.uniform(-1.0, 1.0, s) for s in shapes)


def _samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        plane = (5, 4, 3)[:rank] if rank == 3 else (6, 5)[:rank]
        taps = (2, 3, 2)[-rank:]
        yield _sample((2, 3, *plane), (4, 3, *taps), (4,)), {"padding": 1}
        yield _sample((2, 4, *plane), (6, 2, *taps)), {"stride": 2, "padding": 1, "groups": 2}
        yield _sample((2, *plane), (3, 2, *taps), (3,)), {"padding": "same"}
        yield _sample((1, 2, *plane), (2, 1, *taps)), {"padding": 2, "dilation": 2, "groups": 2}
        yield _sample((1, 3, *plane), (2, 3, *(1,) * rank)), {"stride": 2}
        yield _sample((0, 3, *plane), (2, 3, *taps)), {}
    return samples


def _transpose_samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        plane = (3, 2, 3)[:rank] if rank == 3 else (4, 3)[:rank]
        taps = (2, 3, 2)[-rank:]
        yield _sample((2, 3, *plane), (3, 2, *taps), (2,)), {}
        yield _sample((1, 4, *plane), (4, 2, *taps), (4,)), {"stride": 2, "output_padding": 1, "groups": 2}
        yield _sample((2, *plane), (2, 1, *taps)), {"stride": 3, "padding": 1, "dilation": 2}
    return samples


# The public functions ---

def _declare(rank: int) -> tuple[Any, Any]:
    def conv(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
             groups: int = 1) -> Any:
        return _convolve(rank, input, weight, bias, stride, padding, dilation, groups)

    def conv_transpose(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                       output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:
        return _transpose_convolve(rank, input, weight, bias, stride, padding, output_padding, groups, dilation)

    sizes = ", ".join("dhw"[3 - rank:])
    conv.__doc__ = f"""Cross-correlation of planes with a bank of {rank}-d windows.

    Args:
        input: (n, c, {sizes}), or without n.
        weight: (o, c / groups, taps...).
        bias: (o), added to each output channel.
        stride, padding, dilation: a number, or one per dimension; padding also "valid" or "same".
        groups: input and output channels fall into so many groups that don't mix.

    Raises:
        RuntimeError: shapes or dtypes don't match, or the window is larger than the padded input.
    """
    conv_transpose.__doc__ = f"""Transposed convolution: the adjoint of ``conv{rank}d`` in its input.

    Args:
        input: (n, c, {sizes}), or without n.
        weight: (c, o / groups, taps...).
        bias: (o), added to each output channel.
        stride, padding, dilation, groups: of the convolution that this one is adjoint to.
        output_padding: added to one side of the output, whose size stride leaves open.

    Raises:
        RuntimeError: shapes or dtypes don't match, or the output would be empty.
    """
    common = {"namespace": "nn.functional", "method": False}
    return (composite("conv", name=f"conv{rank}d", samples=_samples(rank), reference=_reference(rank), **common)(conv),
            composite("conv", name=f"conv_transpose{rank}d", samples=_transpose_samples(rank),
                      reference=_transpose_reference(rank), **common)(conv_transpose))


conv1d, conv_transpose1d = _declare(1)
conv2d, conv_transpose2d = _declare(2)
conv3d, conv_transpose3d = _declare(3)
