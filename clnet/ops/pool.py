"""Pooling: the largest or the mean element of windows over one, two or three dimensions."""
from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..kernels import pool as kernel
from ..kernels.pool import Windows
from .declare import composite, new_results, plain_bind, planner
from .reduction import mean as mean_reduction
from .view import squeeze, unsqueeze

# The core ---

def _spatial(ctx: Any, index: int = 0) -> tuple[int, ...]:
    return tuple(ctx.layouts[index].shape[2:])


def _max_vjp(ctx: Any, g: Any, _: Any) -> tuple[Any]:
    if g is None:
        return (None,)
    return (route(g, ctx.outputs[1], windows=ctx.attrs["windows"], size=_spatial(ctx)),)


def _route_vjp(ctx: Any, h: Any) -> tuple[Any, ...]:
    return take(h, ctx.operands[1], windows=ctx.attrs["windows"]), None


def _take_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    return route(g, ctx.operands[1], windows=ctx.attrs["windows"], size=_spatial(ctx)), None


def _mean_vjp(ctx: Any, g: Any) -> tuple[Any]:
    return (spread(g, windows=ctx.attrs["windows"], size=_spatial(ctx)),)


def _spread_vjp(ctx: Any, h: Any) -> tuple[Any]:
    return (mean_pool(h, windows=ctx.attrs["windows"], size=_spatial(ctx)),)


# The operands are (n, c, spatial...); ``size`` is the spatial size of the result.
max_pool = planner("_max_pool", plain_bind, new_results(kernel.plan_max), family="pool", vjp=_max_vjp, saves_out=(1,),
                   public=False)
route = planner("_pool_route", plain_bind, new_results(kernel.plan_route), family="pool", vjp=_route_vjp, saves=(1,),
                public=False)
take = planner("_pool_take", plain_bind, new_results(kernel.plan_take), family="pool", vjp=_take_vjp, saves=(1,),
               public=False)
mean_pool = planner("_mean_pool", plain_bind, new_results(kernel.plan_mean), family="pool", vjp=_mean_vjp, linear=True,
                    public=False)
spread = planner("_mean_pool_spread", plain_bind, new_results(kernel.plan_spread), family="pool", vjp=_spread_vjp,
                 linear=True, public=False)


# Checks, in PyTorch's words ---

_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}


def _ints(name: str, argument: str, value: Any, rank: int) -> tuple[int, ...]:
    if isinstance(value, (tuple, list)):
        values = tuple(operator.index(v) for v in value)
        if len(values) == 1:
            return values * rank
        if len(values) != rank:
            if rank == 1:
                raise RuntimeError(f"{name}() argument '{argument}' should contain one int (got {len(values)})")
            raise RuntimeError(f"{name}: {argument} must either be a single int, or a tuple of {_WORDS[rank]}")
        return values
    return (operator.index(value),) * rank


def _batched(name: str, rank: int, input: Any) -> Any:
    """The input with a batch dimension."""
    shape = list(input.shape)
    if input.ndim not in (rank + 1, rank + 2):
        if rank == 1 and name.startswith("max"):
            raise RuntimeError(f"{name}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
                               f"input, but got:{shape}")
        if rank == 1:
            raise RuntimeError(f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument "
                               f"#1 'self' (while checking arguments for {name})")
        raise RuntimeError(f"non-empty {rank + 1}D or {rank + 2}D (batch mode) tensor expected for input")
    if 0 in shape[input.ndim - rank - 1:]:
        raise RuntimeError(f"Expected {rank + 1}D or {rank + 2}D (batch mode) tensor with optional 0 dim batch "
                           f"size for input, but got:{shape}")
    if input.dtype is dt.bool_ or input.dtype.is_complex:
        raise NotImplementedError(f'"{name}" not implemented for \'{dt.SCALAR_NAMES[input.dtype]}\'')
    return input if input.ndim == rank + 2 else unsqueeze(input, 0)


def _windows(name: str, rank: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
             ceil_mode: bool, **options: Any) -> tuple[Windows, tuple[int, ...]]:
    """The windows and the result's spatial size."""
    taps = _ints(name, "kernel_size", kernel_size, rank)
    given = stride is not None and not (isinstance(stride, (tuple, list)) and not stride)
    step = _ints(name, "stride", stride, rank) if given else taps
    pad, dil = _ints(name, "padding", padding, rank), _ints(name, "dilation", dilation, rank)
    if any(s == 0 for s in step):
        raise RuntimeError("stride should not be zero")
    if any(k <= 0 for k in taps) or any(s < 0 for s in step):
        raise RuntimeError("kernel size should be greater than zero, but got "
                           + " ".join(f"k{a.upper()}: {k}" for a, k in zip("thw"[3 - rank:], taps)))
    if any(d <= 0 for d in dil):
        raise RuntimeError("dilation should be greater than zero, but got "
                           + " ".join(f"dilation{a.upper()}: {d}" for a, d in zip("thw"[3 - rank:], dil)))
    for k, p, d in zip(taps, pad, dil):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if name == "max_pool1d" and p > k // 2:
            raise RuntimeError("max_pool1d() padding should be at most half of kernel size, but got "
                               f"padding={p} and kernel_size={k}")
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError("pad should be at most half of effective kernel size, but got "
                               f"pad={p}, kernel_size={k} and dilation={d}")
    if any(p > k // 2 for k, p in zip(taps, pad)):
        named = [f"{word}{a} = {v}" for word, values in (("pad", pad), ("k", taps))
                 for a, v in reversed([*zip("THW"[3 - rank:], values)])]
        raise RuntimeError("pad should be smaller than or equal to half of kernel size, but got "
                           + ", ".join(named))
    size = []
    for n, k, s, p, d in zip(x.shape[2:], taps, step, pad, dil):
        reach = n + 2 * p - d * (k - 1) - 1
        count = (reach + (s - 1 if ceil_mode else 0)) // s + 1
        # A window that starts in the padding after the input is left out.
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        size.append(count)
    if any(n < 1 for n in size):
        if name == "max_pool1d":
            raise RuntimeError(f"max_pool1d() Invalid computed output size: {size[0]}")
        one = (1,) if rank == 1 else ()
        sizes = ["x".join(map(str, (x.shape[1], *one, *s))) for s in (x.shape[2:], size)]
        raise RuntimeError(f"Given input size: ({sizes[0]}). Calculated output size: ({sizes[1]}). "
                           "Output size is too small")
    return Windows(taps, step, pad, dil, **options), tuple(size)


def _drop_batch(y: Any, input: Any) -> Any:
    return y if y.ndim == input.ndim else squeeze(y, 0)


def _run_max(name: str, rank: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
             ceil_mode: bool, return_indices: bool) -> Any:
    x = _batched(name, rank, input)
    windows, size = _windows(name, rank, x, kernel_size, stride, padding, dilation, ceil_mode)
    y, indices = max_pool(x, windows=windows, size=size)
    y = _drop_batch(y, input)
    return (y, _drop_batch(indices, input)) if return_indices else y


def _run_mean(name: str, rank: int, input: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
              count_include_pad: bool, divisor_override: Any) -> Any:
    x = _batched(name, rank, input)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    taps = _ints(name, "kernel_size", kernel_size, rank)
    if rank == 3 and any(n < k for n, k in zip(x.shape[2:], taps)):
        image, window = (" ".join(f"{word}{a}: {n}" for a, n in zip("THW", values)) for word, values in (
            ("", x.shape[2:]), ("k", taps)))
        raise RuntimeError(f"input image ({image}) smaller than kernel size ({window})")
    windows, size = _windows(name, rank, x, kernel_size, stride, padding, 1, ceil_mode,
                             include_pad=bool(count_include_pad), divisor=divisor_override or 0)
    return _drop_batch(mean_pool(x, windows=windows, size=size), input)


def _adaptive(name: str, rank: int, input: Any, output_size: Any) -> tuple[Any, Windows, tuple[int, ...]]:
    shape = list(input.shape)
    if input.ndim not in (rank + 1, rank + 2):
        if rank == 1:
            raise RuntimeError(f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument "
                               f"#1 'self' (while checking arguments for {name})")
        colon = ":" if "max" in name else ""
        raise RuntimeError(f"{name}(): Expected {rank + 1}D or {rank + 2}D tensor, but got{colon} {shape}")
    for d in range(input.ndim - rank, input.ndim):
        if not shape[d]:
            raise RuntimeError(f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input "
                               f"has sizes {shape} with dimension {d} being empty")
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"{name}" not implemented for \'{dt.SCALAR_NAMES[input.dtype]}\'')
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    if len(given) != rank:
        raise RuntimeError(f"{name}: output_size must be {rank}")
    size = tuple(n if s is None else operator.index(s) for s, n in zip(given, shape[-rank:]))
    if any(s < 0 for s in size):
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0 but received "
                           f"{{{', '.join(map(str, size))}}}")
    x = input if input.ndim == rank + 2 else unsqueeze(input, 0)
    windows = Windows(adaptive=True)
    if all(s and n % s == 0 for s, n in zip(size, x.shape[2:])):
        step = tuple(n // s for s, n in zip(size, x.shape[2:]))
        windows = Windows(step, step, (0,) * rank, (1,) * rank)
    return x, windows, size


# References and samples ---

def _spans(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> list[tuple[list[int], int]]:
    """Per output: the input positions it covers, and the padded length of its window."""
    count = math.ceil((n + 2 * p - d * (k - 1) - 1) / s) if ceil_mode else (n + 2 * p - d * (k - 1) - 1) // s
    starts = [i * s - p for i in range(count + 1) if not ceil_mode or i * s < n + p]
    return [([u for u in range(b, b + k * d, d) if 0 <= u < n], min(b + k, n + p) - b) for b in starts]


def _pooled(x: Any, spans: Any, rank: int, pick: Callable[..., Any]) -> Any:
    """``pick(elements, flat indices, padded size)`` of every window; elements (planes, window)."""
    plane = x.shape[-rank:]
    flat = x.reshape(-1, math.prod(plane))
    out = []
    for combination in itertools.product(*spans):
        at = np.ravel_multi_index(np.meshgrid(*(c[0] for c in combination), indexing="ij"), plane).ravel()
        out.append(pick(flat[:, at], at, math.prod(c[1] for c in combination)))
    return np.stack(out, -1).reshape(*x.shape[:-rank], *(len(s) for s in spans))


def _tuple(value: Any, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank


def _largest(x: Any, spans: Any, rank: int, return_indices: bool) -> Any:
    y = _pooled(x, spans, rank, lambda v, at, n: v.max(-1))
    if not return_indices:
        return y
    return y, _pooled(x, spans, rank, lambda v, at, n: at[v.argmax(-1)])


def _max_reference(rank: int) -> Callable[..., Any]:
    def reference(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                  ceil_mode: bool = False, return_indices: bool = False) -> Any:
        k = _tuple(kernel_size, rank)
        each = zip(x.shape[-rank:], k, _tuple(stride or k, rank), _tuple(padding, rank), _tuple(dilation, rank))
        return _largest(x, [_spans(*e, ceil_mode) for e in each], rank, return_indices)
    return reference


def _mean_reference(rank: int) -> Callable[..., Any]:
    def reference(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                  count_include_pad: bool = True, divisor_override: Any = None) -> Any:
        k = _tuple(kernel_size, rank)
        each = zip(x.shape[-rank:], k, _tuple(stride or k, rank), _tuple(padding, rank), (1,) * rank)
        spans = [_spans(*e, ceil_mode) for e in each]
        return _pooled(x, spans, rank, lambda v, at, n: v.sum(-1) / (
            divisor_override or (n if count_include_pad else v.shape[-1])))
    return reference


def _adaptive_spans(x: Any, output_size: Any, rank: int) -> Any:
    sizes = [n if s is None else s for s, n in zip(_tuple(output_size, rank), x.shape[-rank:])]
    return [[(list(range(p * n // s, -(-(p + 1) * n // s))), 1) for p in range(s)]
            for s, n in zip(sizes, x.shape[-rank:])]


def _plane(rank: int, *lead: int, seed: int = 0) -> Any:
    """Distinct elements, so that the largest is never ambiguous."""
    shape = (*lead, *(5, 4, 7)[3 - rank:])
    return np.random.default_rng(seed).permutation(math.prod(shape)).reshape(shape) / 10.0 - 3.0


def _max_samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        yield (_plane(rank, 2, 3), 2), {}
        yield (_plane(rank, 2), 3, 2), {"padding": 1, "ceil_mode": True}
        yield (_plane(rank, 1, 2), 2, 1), {"dilation": 2, "padding": 1, "return_indices": True}
        yield (_plane(rank, 0, 2), 2), {}
    return samples


def _mean_samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        yield (_plane(rank, 2, 3), 2), {}
        yield (_plane(rank, 2), 3, 2), {"padding": 1, "ceil_mode": True}
        yield (_plane(rank, 1, 2), 3, 2), {"padding": 1, "count_include_pad": False}
        if rank > 1:
            yield (_plane(rank, 1, 2), 2, 1), {"divisor_override": 3}
    return samples


def _adaptive_samples(rank: int) -> Callable[[], Any]:
    def samples() -> Any:
        yield (_plane(rank, 2, 3), 3), {}
        yield (_plane(rank, 2), (1,) * rank), {}
        if rank > 1:
            yield (_plane(rank, 1, 2), (None,) + (2,) * (rank - 1)), {}
    return samples


# The public functions ---

def _declare(rank: int) -> tuple[Any, ...]:
    names = [f"{n}_pool{rank}d" for n in ("max", "avg", "adaptive_avg", "adaptive_max")]

    def largest(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                ceil_mode: bool = False, return_indices: bool = False) -> Any:
        return _run_max(names[0], rank, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)

    def mean(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: Any = None) -> Any:
        return _run_mean(names[1], rank, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                         divisor_override)

    def mean_1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                count_include_pad: bool = True) -> Any:
        return _run_mean(names[1], rank, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)

    def adaptive_mean(input: Any, output_size: Any) -> Any:
        x, windows, size = _adaptive(names[2], rank, input, output_size)
        if all(n == 1 for n in size):
            return mean_reduction(input, tuple(range(-rank, 0)), True)
        return _drop_batch(mean_pool(x, windows=windows, size=size), input)

    def adaptive_largest(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        x, windows, size = _adaptive(names[3], rank, input, output_size)
        y, indices = max_pool(x, windows=windows, size=size)
        return (_drop_batch(y, input), _drop_batch(indices, input)) if return_indices else _drop_batch(y, input)

    shape = f"(n, c, {', '.join('dhw'[3 - rank:])}), or without n"
    errors = "\n\n    Raises:\n        RuntimeError: wrong dimensions, or windows that don't fit the input."
    windows = """
        kernel_size, stride, padding: a number, or one per dimension; the stride is the window by default.
        ceil_mode: whether a last window may reach beyond the input."""
    largest.__doc__ = f"""The largest element of each {rank}-d window; NaN wins.

    Args:
        input: {shape}.{windows}
        dilation: distance between the elements of a window.
        return_indices: return also the largest elements' flat indices in their planes (int64).{errors}"""
    mean.__doc__ = mean_1d.__doc__ = f"""The mean of each {rank}-d window.

    Args:
        input: {shape}.{windows}
        count_include_pad: whether padding counts as elements, of value 0.{errors}"""
    adaptive_mean.__doc__ = f"""The mean of windows that divide the input evenly into ``output_size``.

    Args:
        input: {shape}.
        output_size: a number, or one per dimension; None keeps the input's.{errors}"""
    adaptive_largest.__doc__ = f"""The largest element of windows that divide the input into ``output_size``.

    Args:
        input: {shape}.
        output_size: a number, or one per dimension; None keeps the input's.
        return_indices: return also their flat indices in their planes (int64).{errors}"""
    common = {"namespace": "nn.functional", "method": False}
    return (
        composite("pool", name=names[0], samples=_max_samples(rank), reference=_max_reference(rank), **common)(largest),
        composite("pool", name=names[1], samples=_mean_samples(rank), reference=_mean_reference(rank),
                  **common)(mean if rank > 1 else mean_1d),
        composite("pool", name=names[2], samples=_adaptive_samples(rank), **common,
                  reference=lambda x, s: _pooled(x, _adaptive_spans(x, s, rank), rank, lambda v, at, n: v.mean(-1)),
                  )(adaptive_mean),
        composite("pool", name=names[3], samples=_adaptive_samples(rank), **common,
                  reference=lambda x, s, return_indices=False: _largest(
                      x, _adaptive_spans(x, s, rank), rank, return_indices))(adaptive_largest))


max_pool1d, avg_pool1d, adaptive_avg_pool1d, adaptive_max_pool1d = _declare(1)
max_pool2d, avg_pool2d, adaptive_avg_pool2d, adaptive_max_pool2d = _declare(2)
max_pool3d, avg_pool3d, adaptive_avg_pool3d, adaptive_max_pool3d = _declare(3)
