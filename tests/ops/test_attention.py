"""Attention: the streaming kernels against the formula written out, dropout, refusals."""
from __future__ import annotations

import math

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F

RNG = np.random.default_rng(0)


def _tensors(*shapes, dtype="float32"):
    return [clnet.tensor(RNG.normal(size=s).astype(dtype), requires_grad=True) for s in shapes]


def _plain(q, k, v, mask=None, causal=False, scale=None):
    s = q @ k.transpose(-1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if mask is not None:
        s = s + mask
    if causal:
        s = s.masked_fill(clnet.tensor(np.tri(*s.shape[-2:]) == 0), -math.inf)
    return F.softmax(s, -1) @ v


@pytest.mark.parametrize("shapes, causal", [
    (((2, 3, 70, 64), (2, 3, 133, 64), (2, 3, 133, 32)), False),
    (((2, 133, 48), (2, 133, 48), (2, 133, 7)), True),
    (((40, 5), (150, 5), (150, 5)), True),
    (((3, 2, 5, 8), (1, 2, 600, 8), (1, 1, 600, 8)), False)])
def test_streaming(shapes, causal):
    inputs = _tensors(*shapes)
    y, z = F.scaled_dot_product_attention(*inputs, is_causal=causal), _plain(*inputs, causal=causal)
    np.testing.assert_allclose(y.tolist(), z.tolist(), rtol=1e-4, atol=2e-6)
    g = clnet.tensor(RNG.normal(size=tuple(y.shape)).astype("float32"))
    for a, b in zip(clnet.autograd.grad(y, inputs, g), clnet.autograd.grad(z, inputs, g)):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-3, atol=2e-5)


def test_masks():
    q, k, v = _tensors((2, 3, 20, 8), (2, 3, 70, 8), (2, 3, 70, 8))
    mask = RNG.normal(size=(20, 70)).astype("float32")
    mask[3] = -np.inf
    y = F.scaled_dot_product_attention(q, k, v, clnet.tensor(mask))
    assert not y[:, :, 3].detach().numpy().any()
    y.sum().backward()
    assert not q.grad[:, :, 3].numpy().any() and np.isfinite(k.grad.numpy()).all()
    keep = np.ones((2, 1, 1, 70), bool)
    keep[1, ..., 40:] = False
    short = F.scaled_dot_product_attention(q[1:], k[1:, :, :40], v[1:, :, :40])
    got = F.scaled_dot_product_attention(q, k, v, clnet.tensor(keep))[1:]
    np.testing.assert_allclose(got.tolist(), short.tolist(), rtol=1e-5, atol=1e-6)


def test_dropout_is_the_same_in_every_pass():
    q, k, v = _tensors((2, 40, 16), (2, 50, 16), (2, 50, 16), dtype="float64")
    clnet.manual_seed(3)
    y = F.scaled_dot_product_attention(q, k, v, dropout_p=0.3)
    g = clnet.tensor(RNG.normal(size=(2, 40, 16)))
    fused = clnet.autograd.grad(y, (q, k, v), g, retain_graph=True)
    plain = clnet.autograd.grad(y, (q, k, v), g, create_graph=True)
    for a, b in zip(fused, plain):
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-8, atol=1e-10)
    clnet.manual_seed(3)
    assert F.scaled_dot_product_attention(q, k, v, dropout_p=0.3).tolist() == y.tolist()
    ones = clnet.ones(2, 64, 64)
    kept = F.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.25)
    assert abs(float(kept.mean()) - 1) < 0.03


def test_halves_and_strides():
    qkv = clnet.tensor(RNG.normal(size=(2, 9, 3, 2, 16)).astype("float32")).half()
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert y.dtype is clnet.float16 and y.transpose(1, 2).is_contiguous()
    np.testing.assert_allclose(y.float().tolist(), _plain(q.float(), k.float(), v.float(), causal=True).tolist(),
                               atol=2e-3)


def test_refusals():
    q, k, v = _tensors((2, 3, 4), (2, 5, 4), (2, 5, 4))
    with pytest.raises(RuntimeError, match="same dtype"):
        F.scaled_dot_product_attention(q, k.half(), v)
    with pytest.raises(RuntimeError, match="at least 2 dimensional"):
        F.scaled_dot_product_attention(q[0, 0], k, v)
    with pytest.raises(RuntimeError, match="is_causal"):
        F.scaled_dot_product_attention(q, k, v, clnet.ones(3, 5), is_causal=True)
    with pytest.raises(RuntimeError, match="attn_mask dtype"):
        F.scaled_dot_product_attention(q, k, v, clnet.ones(3, 5, dtype=clnet.int64))
    with pytest.raises(RuntimeError, match="heads"):
        F.scaled_dot_product_attention(clnet.ones(3, 2, 4), clnet.ones(2, 2, 4), clnet.ones(2, 2, 4), enable_gqa=True)
