"""Attention: means of values, weighted by the softmax of products of queries and keys."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import generator as generators
from ..kernels import attention as kernel
from .comparison import eq, ge, where
from .declare import composite, new_results, planner
from .join import cat
from .matmul import gemm
from .reduction import amax
from .reduction import sum as sum_
from .rowwise import dense, softmax
from .view import expand, permute, reshape, slice_, unsqueeze


def _transposed(x: Any) -> Any:
    return permute(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _weights(q: Any, k: Any, mask: Any, causal: bool, scale: float) -> Any:
    """The softmax of the scores, written out; rows without any key are zero."""
    scores = gemm(q, _transposed(k)) * scale
    if mask is not None:
        scores = scores + mask
    if causal:
        rows, columns = scores.shape[-2:]
        later = ge(unsqueeze(q.new_range(rows), 1), q.new_range(columns))
        scores = where(later, scores, -math.inf)
    if not scores.shape[-1]:
        return scores
    empty = eq(amax(scores.detach(), -1, True), -math.inf)
    return where(empty, 0.0, softmax(where(empty, 0.0, scores), -1))


def _explicit_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    """The derivative through the matrix of weights: differentiable again, and giving the mask's."""
    attrs = ctx.attrs
    q, k, v = ctx.operands[:3]
    mask = ctx.operands[3] if attrs["masked"] else None
    p = _weights(q, k, mask, attrs["causal"], attrs["scale"])
    slope, kept = gemm(g, _transposed(v)), p
    if attrs["dropout"]:
        keep = _keep(*ctx.operands[attrs["seed_at"]:], p=attrs["dropout"], shape=tuple(p.shape), dtype=p.dtype,
                     device=p.device)
        slope, kept = slope * keep, p * keep
    ds = p * (slope - sum_(p * slope, -1, True))
    grads = [gemm(ds, k) * attrs["scale"], gemm(_transposed(ds), q) * attrs["scale"], gemm(_transposed(kept), g)]
    return (*grads, ds) if attrs["masked"] else tuple(grads)


def _vjp(ctx: Any, g: Any, g_lse: Any) -> tuple[Any, ...]:
    if g is None:
        return (None,) * len(ctx.needs)
    attrs = ctx.attrs
    if ctx.recorded or (attrs["masked"] and ctx.needs[3]):
        return _explicit_vjp(ctx, g)
    rest = {**attrs, "seed_at": attrs["seed_at"] + 3}
    return backward(_rows(g), *ctx.operands[:3], ctx.outputs[0], ctx.outputs[1], *ctx.operands[3:], **rest)


# Operands: q (..., L, E), k (..., S, E), v (..., S, D), a mask (..., L, S) to add to the scores if
# ``masked``, the generator's seed and call if ``dropout``.  Widths are multiples of kernel.ALIGN.
attend = planner("_attention", lambda *operands, **attrs: (operands, attrs), new_results(kernel.plan_forward),
                 family="attention", vjp=_vjp, saves=(0, 1, 2, 3), saves_out=(0, 1), public=False)
backward = planner("_attention_backward", lambda *operands, **attrs: (operands, attrs),
                   new_results(kernel.plan_backward), family="attention", public=False)
_keep = planner("_attention_keep", lambda *operands, **attrs: (operands, attrs), new_results(kernel.plan_keep),
                family="attention", random=True, public=False)


def _rows(x: Any) -> Any:
    """``x`` itself if each row's elements are neighbours, else a copy in which they are."""
    return x if x.shape[-1] == 1 or x.layout.strides[-1] == 1 else dense(x)


def _padded(x: Any) -> Any:
    """Rows filled up with zeros, which change no product, to a width that the kernels take."""
    rest = -x.shape[-1] % kernel.ALIGN
    return cat((x, x.new_zeros((*x.shape[:-1], rest))), -1) if rest else _rows(x)


def _check(query: Any, key: Any, value: Any, mask: Any, causal: bool) -> None:
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError("Expected query, key, and value to have the same dtype, but got query.dtype: "
                           f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead.")
    if not query.dtype.is_floating_point:
        raise RuntimeError(f"scaled_dot_product_attention: expected floating-point query, got {query.dtype}")
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError("Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
                           f"{query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead.")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError("scaled_dot_product_attention: expected query (..., L, E), key (..., S, E) and value "
                           f"(..., S, D), got {list(query.shape)}, {list(key.shape)} and {list(value.shape)}")
    if mask is not None:
        if causal:
            raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when "
                               "is_causal=True")
        if mask.dtype not in (dt.bool_, dt.float32, query.dtype):
            raise RuntimeError("Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                               f"attn_mask.dtype: {mask.dtype} and  query.dtype: {query.dtype} instead.")


def _grouped(query: Any, key: Any, value: Any, mask: Any) -> tuple[Any, Any, Any, Any]:
    """Query heads in groups that share a head of key and value.

    Raises:
        RuntimeError: the numbers of heads don't divide.
    """
    heads = query.shape[-3] if query.ndim > 2 else 0
    found = [x.shape[-3] if x.ndim > 2 else 0 for x in (key, value)]
    if not heads or not all(found) or any(heads % n for n in found):
        raise RuntimeError("scaled_dot_product_attention: Number of heads in key and value must divide the number "
                           f"of heads in query, got {heads}, {found[0]} and {found[1]}")
    shared = math.gcd(*found)
    if mask is not None and mask.ndim > 2:
        mask = (unsqueeze(mask, -4) if mask.shape[-3] == 1 else
                reshape(mask, (*mask.shape[:-3], shared, heads // shared, *mask.shape[-2:])))

    def split(x: Any) -> Any:
        n = x.shape[-3]
        if n not in (heads, shared):  # repeats of a head come one after the other
            x = unsqueeze(x, -3)
            shape = (*x.shape[:-3], heads // n, *x.shape[-2:])
            x, n = reshape(expand(x, shape), (*shape[:-4], heads, *shape[-2:])), heads
        return reshape(x, (*x.shape[:-3], shared, n // shared, *x.shape[-2:]))

    return split(query), split(key), split(value), mask


def _samples() -> Any:
    def wave(*shape: int, at: float = 0.0) -> Any:
        return np.sin(np.arange(math.prod(shape)) * 1.7 + at).reshape(shape)

    yield (wave(2, 3, 5, 4), wave(2, 3, 7, 4, at=1), wave(2, 3, 7, 6, at=2)), {}
    yield (wave(1, 35, 4), wave(2, 35, 4, at=1), wave(2, 35, 3, at=2)), {"is_causal": True, "scale": 0.7}
    mask = wave(3, 70, at=3)
    yield (wave(2, 3, 4), wave(70, 4, at=1), wave(2, 70, 4, at=2), mask), {}
    yield (wave(4, 3, 4), wave(2, 5, 4, at=1), wave(2, 5, 4, at=2), wave(3, 5) > -0.5), {"enable_gqa": True}


def _reference(query: Any, key: Any, value: Any, attn_mask: Any = None, is_causal: bool = False,
               scale: float | None = None, enable_gqa: bool = False) -> Any:
    if enable_gqa:
        key, value = (np.repeat(x, query.shape[-3] // x.shape[-3], -3) for x in (key, value))
    s = query @ np.swapaxes(key, -1, -2) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if attn_mask is not None:
        s = np.where(attn_mask, s, -np.inf) if attn_mask.dtype == bool else s + attn_mask
    if is_causal:
        s = np.where(np.tri(*s.shape[-2:]) > 0, s, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) @ value


@composite("attention", namespace="nn.functional", method=False, samples=_samples, reference=_reference)
def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Any:
    """``softmax(query @ key.mT * scale + attn_mask) @ value``, without the matrix of scores in memory.

    Args:
        query: (..., L, E).  key: (..., S, E).  value: (..., S, D).  Leading dimensions broadcast.
        attn_mask: broadcast to (..., L, S); added to the scores, or, if bool, false where a key is
            left out.  A query that is left no key gives zeros.
        dropout_p: probability with which a weight is dropped, whatever the mode of training.
        is_causal: query i sees the keys up to number i.
        scale: by default ``1 / sqrt(E)``.
        enable_gqa: groups of query heads (dimension -3) share a head of key and value.

    Returns:
        (..., L, D).

    Raises:
        RuntimeError: shapes or dtypes that don't fit, or a mask beside ``is_causal``.
    """
    _check(query, key, value, attn_mask, is_causal)
    shape, dtype = (*query.shape[:-1], value.shape[-1]), query.dtype
    scale = float(1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale)
    acc = dt.float64 if dtype is dt.float64 else dt.float32
    mask = attn_mask
    if mask is not None:
        mask = where(mask, 0.0, -math.inf).to(acc) if mask.dtype is dt.bool_ else mask.to(acc)
    if enable_gqa:
        query, key, value, mask = _grouped(query, key, value, mask)
    query, key, value = (x.to(acc) for x in (query, key, value))
    if not 0.0 <= dropout_p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if dropout_p == 1 or 0 in (*query.shape, *key.shape, *value.shape):
        weights = _weights(query, key, mask, is_causal, scale)
        y = gemm(weights * 0.0 if dropout_p == 1 else weights, value)
    else:
        operands = [_padded(query), _padded(key), _padded(value)]
        if mask is not None:
            operands.append(mask)
        draw = generators.default.draw() if dropout_p else ()
        y = attend(*operands, *draw, causal=bool(is_causal), scale=scale, masked=mask is not None,
                   dropout=float(dropout_p), seed_at=len(operands))[0]
        if y.shape[-1] != value.shape[-1]:
            y = slice_(y, y.ndim - 1, 0, value.shape[-1], 1)
    y = y.to(dtype)
    return reshape(y, (*y.shape[:-4], *shape[-3:])) if enable_gqa else y
