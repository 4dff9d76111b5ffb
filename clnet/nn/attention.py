"""Attention by several heads, as a function of its weights."""
from __future__ import annotations

import contextlib
import enum
import math
from collections.abc import Iterator
from typing import Any

from ..core import dtypes as dt
from ..ops.attention import scaled_dot_product_attention
from ..ops.comparison import where
from ..ops.join import cat
from ..ops.matmul import linear, matmul
from ..ops.random import f_dropout
from ..ops.rowwise import f_softmax
from ..ops.view import chunk
from ..tensor import Tensor


class SDPBackend(enum.Enum):
    """PyTorch's implementations of attention; here is one, which keeps no scores."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[None]:
    """Accepted: attention has one implementation, whichever are chosen.

    Raises:
        AssertionError: ``backends`` is neither a backend nor a list of them.
    """
    chosen = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(chosen, list) or not all(isinstance(b, SDPBackend) for b in chosen):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances")
    yield


def additive_mask(mask: Tensor | None, name: str, dtype: Any) -> Tensor | None:
    """A mask to add to scores: bool ones, true where left out, become minus infinity.

    Raises:
        RuntimeError: neither bool nor floating.
    """
    if mask is None:
        return None
    if mask.dtype is dt.bool_:
        return where(mask, -math.inf, 0.0).to(dtype)
    if not mask.dtype.is_floating_point:
        raise RuntimeError(f"only bool and floating types of {name} are supported")
    return mask if mask.dtype is dtype else mask.to(dtype)


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None,
                  heads: int) -> bool:
    """Whether the inputs are batched.

    Raises:
        AssertionError: numbers of dimensions that don't fit.
    """
    if query.ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query "
                             "tensor")
    n, kind = query.ndim, "batched (3-D)" if query.ndim == 3 else "unbatched (2-D)"
    if key.ndim != n or value.ndim != n:
        raise AssertionError(f"For {kind} `query`, expected `key` and `value` to be {n}-D but found {key.ndim}-D and "
                             f"{value.ndim}-D tensors respectively")
    if padding is not None and padding.ndim != n - 1:
        raise AssertionError(f"For {kind} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found "
                             f"{padding.ndim}-D tensor instead")
    if mask is not None:
        if mask.ndim not in (2, 3):
            raise AssertionError(f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
                                 f"{mask.ndim}-D tensor instead")
        shape = (heads, query.shape[0], key.shape[0])
        if n == 2 and mask.ndim == 3 and tuple(mask.shape) != shape:
            raise AssertionError(f"Expected `attn_mask` shape to be {shape} but got {tuple(mask.shape)}")
    return n == 3


def _projected(query: Tensor, key: Tensor, value: Tensor, weight: Any, bias: Any) -> Any:
    """Queries, keys and values by one weight (3E, E): one product where inputs are the same."""
    width = query.shape[-1]
    if key is value:
        if query is key:
            return chunk(linear(query, weight, bias), 3, -1)
        parts = (None, None) if bias is None else (bias[:width], bias[width:])
        return (linear(query, weight[:width], parts[0]), *chunk(linear(key, weight[width:], parts[1]), 2, -1))
    biases = (None,) * 3 if bias is None else chunk(bias, 3)
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), chunk(weight, 3), biases))


def _extended(x: Tensor, extra: Any) -> Tensor:
    return cat((x, extra), -2)


def _mask_of(mask: Any, padding: Any, batch: int, heads: int, added: int) -> Any:
    """Both masks as one that broadcasts to (N, H, L, S + added)."""
    if mask is not None:
        mask = mask.reshape(batch, heads, *mask.shape[1:]) if mask.ndim == 3 else mask[None, None]
    if padding is not None:
        padding = padding[:, None, None, :]
        mask = padding if mask is None else mask + padding
    if mask is not None and added:
        mask = cat((mask, mask.new_zeros((*mask.shape[:-1], added))), -1)
    return mask


def multi_head_attention_forward(
        query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,
        in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None,
        add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor, out_proj_bias: Tensor | None,
        training: bool = True, key_padding_mask: Tensor | None = None, need_weights: bool = True,
        attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False,
        q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None,
        v_proj_weight: Tensor | None = None, static_k: Tensor | None = None, static_v: Tensor | None = None,
        average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
    """Attention of ``num_heads`` heads between projected inputs (Vaswani et al. 2017).

    Args:
        query: (L, N, E) or (L, E).  key: (S, N, kE).  value: (S, N, vE).
        bias_k, bias_v: (1, 1, E), a key and value added to every sequence.
        key_padding_mask: (N, S), true (or minus infinity) where a key is left out.
        attn_mask: (L, S) or (N * heads, L, S), true where left out, or added to the scores.
        static_k, static_v: (N * heads, S, E / heads) in place of the projected ones.
        is_causal: a hint that ``attn_mask`` is causal.

    Returns:
        (L, N, E), and the weights (N, L, S) if ``need_weights``, per head (N, heads, L, S) unless
        ``average_attn_weights``.

    Raises:
        AssertionError, RuntimeError: shapes or dtypes that don't fit.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if not batched:
        same_key, same_value = key is query, value is key
        query = query.unsqueeze(1)
        key = query if same_key else key.unsqueeze(1)
        value = key if same_value else value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    padding = additive_mask(key_padding_mask, "key_padding_mask", query.dtype)
    causal = is_causal and key_padding_mask is None and not need_weights and bias_k is None and not add_zero_attn
    mask = None if causal else additive_mask(attn_mask, "attn_mask", query.dtype)
    if use_separate_proj_weight:
        assert q_proj_weight is not None and k_proj_weight is not None and v_proj_weight is not None
        biases = (None,) * 3 if in_proj_bias is None else chunk(in_proj_bias, 3)
        q, k, v = (linear(x, w, b) for x, w, b in zip(
            (query, key, value), (q_proj_weight, k_proj_weight, v_proj_weight), biases))
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {tuple(key.shape)} does not match value shape {tuple(value.shape)}")
        assert in_proj_weight is not None
        q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias)

    def heads(x: Tensor) -> Any:
        return x.reshape(x.shape[0], batch, num_heads, head).permute(1, 2, 0, 3)

    q = heads(q)
    k = heads(k) if static_k is None else static_k.reshape(batch, num_heads, -1, head)
    v = heads(v) if static_v is None else static_v.reshape(batch, num_heads, -1, head)
    added = 0
    if bias_k is not None and bias_v is not None:
        k, v = (_extended(x, b.reshape(num_heads, 1, head).expand(batch, num_heads, 1, head))
                for x, b in ((k, bias_k), (v, bias_v)))
        added += 1
    if add_zero_attn:
        k, v = (_extended(x, x.new_zeros((batch, num_heads, 1, head))) for x in (k, v))
        added += 1
    if padding is not None and padding.shape[1] != k.shape[2] - added:
        raise AssertionError(f"expecting key_padding_mask shape of {(batch, k.shape[2] - added)}, but got "
                             f"{tuple(padding.shape)}")
    both = _mask_of(mask, padding, batch, num_heads, added)
    dropped = dropout_p if training else 0.0
    weights = None
    if need_weights:
        scores = matmul(q * math.sqrt(1.0 / head), k.transpose(-2, -1))
        weights = f_softmax(scores if both is None else scores + both, -1)
        weights = f_dropout(weights, dropped) if dropped else weights
        y = matmul(weights, v)
        weights = weights.mean(1) if average_attn_weights else weights
    else:
        y = scaled_dot_product_attention(q, k, v, both, dropped, causal)
    y = linear(y.permute(2, 0, 1, 3).reshape(length, batch, width), out_proj_weight, out_proj_bias)
    if not batched:
        return y.squeeze(1), None if weights is None else weights.squeeze(0)
    return y, weights
