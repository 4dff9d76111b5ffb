"""Quantiles by sorting: quantile, nanquantile."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from .arithmetic import lerp
from .comparison import isnan, masked_fill
from .declare import composite
from .gather import gather
from .reduction import any as any_
from .reduction import sum as sum_
from .sort import sort
from .view import expand, movedim, reshape, squeeze, unsqueeze

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _check(name: str, input: Any, q: Any, interpolation: str) -> None:
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype, got {input.dtype}")
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
                           f"but got {interpolation}")
    if isinstance(q, (int, float)):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        return
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, got {q.ndim} dimensions")
    if q.dtype is not input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor, got {q.dtype} and "
                           f"{input.dtype}")
    # Reading q waits for the device, as PyTorch does on the CPU.
    if q.numel() and not bool(((q >= 0) & (q <= 1)).all().item()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")


def _quantiles(name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str) -> Any:
    _check(name, input, q, interpolation)
    levels = input.new_full((), float(q)) if isinstance(q, (int, float)) else q
    result = input.dtype
    if result.itemsize < 4:  # ranks need more digits
        input, levels = input.to(dt.float32), levels.to(dt.float32)
    single, count = levels.ndim == 0, levels.numel()
    d = 0 if dim is None else lay.wrap_dim(dim, input.ndim)
    lines = reshape(input, (-1,)) if dim is None else movedim(input, d, -1) if input.ndim else unsqueeze(input, 0)
    kept = [1] * input.ndim if dim is None else [1 if e == d else n for e, n in enumerate(input.shape)]
    outer = tuple(lines.shape[:-1])
    ordered = sort(lines, -1)[0]
    last = lines.shape[-1] - 1
    missing = isnan(lines.detach())
    levels = reshape(levels, (1,) * len(outer) + (count,))
    if name == "nanquantile":
        held = sum_(missing.logical_not(), -1, True).to(input.dtype)
        ranks = levels * (held - 1)
        ranks = masked_fill(ranks, ranks < 0, 0)
    else:
        ranks = expand(levels * last, *outer, count)
        ranks = masked_fill(ranks, any_(missing, -1, True), last)
    if interpolation == "nearest":
        ranks = ranks.round()
    elif interpolation == "lower":
        ranks = ranks.floor()
    elif interpolation == "higher":
        ranks = ranks.ceil()
    below = ranks.to(dt.int64)
    found = gather(ordered, -1, below)
    if interpolation in ("linear", "midpoint"):
        weight = ranks.detach() * 0 + 0.5 if interpolation == "midpoint" else ranks - below.to(ranks.dtype)
        found = lerp(found, gather(ordered, -1, ranks.ceil().to(dt.int64)), weight)
    found = movedim(found.to(result), -1, 0)  # one quantile after the other
    if single:
        found = squeeze(found, 0)
        return reshape(found, tuple(kept)) if keepdim else found
    return reshape(found, (count, *kept)) if keepdim else found


def _samples() -> Any:
    x = np.random.default_rng(1).permutation(24).reshape(2, 3, 4) + 0.25
    yield (x, 0.3), {}
    yield (x, np.array([0.1, 0.5, 0.95])), {"dim": 1}
    yield (x, 0.6), {"dim": -1, "keepdim": True, "interpolation": "midpoint"}
    for interpolation in ("lower", "higher", "nearest"):
        yield (x, np.array([0.05, 0.4])), {"dim": 0, "keepdim": True, "interpolation": interpolation}


def _nan_samples() -> Any:
    yield from _samples()
    x = np.arange(12.0).reshape(3, 4)
    x[1, 1:3] = np.nan
    yield (x, 0.4), {"dim": 1}


def _numpy(f: Any) -> Any:
    return lambda x, q, dim=None, keepdim=False, interpolation="linear": f(
        x, q, dim, keepdims=keepdim, method=interpolation)


@composite("sort", samples=_samples, reference=_numpy(np.quantile))
def quantile(input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *,
             interpolation: str = "linear") -> Any:
    """The ``q``-th quantiles along a dimension (of all elements by default); NaN where there is one.

    Args:
        q: number in [0, 1], or tensor of them whose 1 dimension becomes the result's first.
        interpolation: between the two nearest elements: "linear", "lower", "higher", "midpoint",
            "nearest".

    Raises:
        RuntimeError: integers, no elements, or ``q`` outside [0, 1].
    """
    return _quantiles("quantile", input, q, dim, keepdim, interpolation)


@composite("sort", samples=_nan_samples, reference=_numpy(np.nanquantile))
def nanquantile(input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *,
                interpolation: str = "linear") -> Any:
    """The ``q``-th quantiles of what is no NaN, along a dimension (of all elements by default).

    Raises:
        RuntimeError: integers, no elements, or ``q`` outside [0, 1].
    """
    return _quantiles("nanquantile", input, q, dim, keepdim, interpolation)
