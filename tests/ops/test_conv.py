"""Convolutions against their NumPy references: geometries, dtypes, derivatives, messages."""
from __future__ import annotations

import numpy as np
import pytest

import clnet as cl
from clnet.autograd import grad
from clnet.ops import conv as ops

# input, weight, keywords
GEOMETRIES = [
    ((2, 3, 9, 8), (5, 3, 3, 3), {"padding": 1}),
    ((2, 3, 33, 16), (9, 3, 3, 3), {}),
    ((1, 16, 12, 20), (40, 16, 3, 3), {"padding": (0, 2)}),
    ((2, 4, 11, 13), (6, 2, 3, 5), {"stride": (2, 3), "padding": 2, "groups": 2}),
    ((2, 3, 12, 9), (4, 3, 3, 2), {"stride": 2, "dilation": 2, "padding": 1}),
    ((2, 8, 10, 10), (8, 1, 3, 3), {"padding": 1, "groups": 8}),
    ((3, 20, 6, 7), (33, 20, 1, 1), {}),
    ((2, 8, 8, 8), (12, 4, 1, 1), {"stride": 2, "groups": 2}),
    ((1, 2, 5, 5), (3, 2, 2, 2), {"padding": 4}),
    ((2, 3, 8, 8), (4, 3, 3, 4), {"padding": "same", "dilation": (1, 2)}),
    ((40, 3, 6, 6), (40, 3, 3, 3), {"padding": 1}),
    # Depthwise: rows walked in blocks, two filters per channel, steps, holes.
    ((2, 6, 9, 21), (6, 1, 3, 3), {"padding": 1, "groups": 6}),
    ((2, 5, 7, 8), (10, 1, 3, 2), {"padding": 1, "groups": 5, "stride": 2, "dilation": 2}),
    # Products of panels: small planes over many images, a depth of several blocks, a split weight gradient.
    ((9, 50, 4, 4), (100, 50, 3, 3), {"padding": 1}),
    ((2, 2, 40, 40), (96, 2, 3, 3), {}),
    ((2, 3, 40), (7, 3, 5), {"stride": 2}),
    ((2, 3, 5, 6, 7), (4, 3, 2, 3, 3), {"stride": (1, 2, 1), "padding": 1}),
]
TRANSPOSED = [
    ((2, 6, 5, 7), (6, 5, 3, 3), {"padding": 1}),
    ((2, 6, 5, 7), (6, 5, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((1, 4, 4, 4), (4, 3, 2, 3), {"stride": 3, "groups": 2}),
    ((1, 3, 4, 5), (3, 2, 3, 3), {"stride": 2, "dilation": 2, "padding": 3}),
    ((2, 3, 9), (3, 4, 4), {"stride": 2}),
    ((1, 2, 3, 4, 3), (2, 3, 2, 2, 2), {"stride": 2}),
]


def _array(shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype)


def _functions(rank, transposed):
    if transposed:
        return getattr(ops, f"conv_transpose{rank}d"), ops._transpose_reference(rank)
    return getattr(ops, f"conv{rank}d"), ops._reference(rank)


def _all():
    return [(False, *case) for case in GEOMETRIES] + [(True, *case) for case in TRANSPOSED]


@pytest.mark.parametrize("transposed, x_shape, w_shape, options", _all())
def test_forward(transposed, x_shape, w_shape, options):
    call, reference = _functions(len(x_shape) - 2, transposed)
    groups = options.get("groups", 1)
    x, w = _array(x_shape), _array(w_shape, 1)
    b = _array((w_shape[1] * groups if transposed else w_shape[0],), 2)
    want = reference(x, w, b, **options)
    got = call(*(cl.tensor(v.astype("float32")) for v in (x, w, b)), **options).numpy()
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("transposed, x_shape, w_shape, options", _all())
def test_gradients(transposed, x_shape, w_shape, options):
    """The convolution is linear in each operand, so a directional difference is exact."""
    call, reference = _functions(len(x_shape) - 2, transposed)
    x, w = _array(x_shape), _array(w_shape, 1)
    tx, tw = (cl.tensor(v, dtype=cl.float64, requires_grad=True) for v in (x, w))
    y = call(tx, tw, **options)
    g = _array(y.shape, 3)
    gx, gw = grad(y, (tx, tw), cl.tensor(g, dtype=cl.float64))
    dx, dw = _array(x_shape, 4), _array(w_shape, 5)
    assert (gx.numpy() * dx).sum() == pytest.approx((reference(dx, w, **options) * g).sum(), rel=1e-9, abs=1e-9)
    assert (gw.numpy() * dw).sum() == pytest.approx((reference(x, dw, **options) * g).sum(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": 2, "padding": 1}])
def test_second_derivatives(options):
    x, w = _array((2, 3, 5, 6)), _array((4, 3, 3, 3), 1)
    tx, tw = (cl.tensor(v, dtype=cl.float64, requires_grad=True) for v in (x, w))
    y = ops.conv2d(tx, tw, **options)
    g = _array(y.shape, 2)
    tg = cl.tensor(g, dtype=cl.float64, requires_grad=True)
    gx, gw = grad(y, (tx, tw), tg, create_graph=True)
    dx, dw = _array(x.shape, 3), _array(w.shape, 4)
    total = (gx * cl.tensor(dx, dtype=cl.float64)).sum() + (gw * cl.tensor(dw, dtype=cl.float64)).sum()
    hg, hx, hw = grad(total, (tg, tx, tw))
    reference = ops._reference(2)
    np.testing.assert_allclose(hg.numpy(), reference(dx, w, **options) + reference(x, dw, **options), atol=1e-10)
    # total = <g, conv(dx, w)> + <g, conv(x, dw)>
    ex, ew = _array(x.shape, 5), _array(w.shape, 6)
    assert (hx.numpy() * ex).sum() == pytest.approx((reference(ex, dw, **options) * g).sum(), rel=1e-9)
    assert (hw.numpy() * ew).sum() == pytest.approx((reference(dx, ew, **options) * g).sum(), rel=1e-9)


def test_strided_input_and_half():
    x, w = _array((2, 3, 8, 9), dtype="float32"), _array((4, 3, 3, 3), 1, "float32")
    want = ops._reference(2)(x, w, padding=1)
    turned = cl.tensor(np.ascontiguousarray(x.transpose(3, 2, 1, 0))).permute(3, 2, 1, 0)
    np.testing.assert_allclose(ops.conv2d(turned, cl.tensor(w), padding=1).numpy(), want, atol=1e-5)
    half = ops.conv2d(cl.tensor(x).half(), cl.tensor(w).half(), padding=1)
    assert half.dtype is cl.float16
    np.testing.assert_allclose(half.float().numpy(), want, atol=2e-2)


@pytest.mark.parametrize("x, w, options, message", [
    ((1, 3, 8, 8), (4, 2, 3, 3), {}, "Given groups=1, weight of size [4, 2, 3, 3], expected input[1, 3, 8, 8] to "
     "have 2 channels, but got 3 channels instead"),
    ((1, 4, 8, 8), (3, 2, 3, 3), {"groups": 2}, "expected weight to be divisible by 2 at dimension 0"),
    ((1, 3, 2, 2), (4, 3, 3, 3), {}, "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). "
     "Kernel size can't be greater than actual input size"),
    ((3, 2), (4, 3, 3, 3), {}, "Expected 3D (unbatched) or 4D (batched) input to conv2d"),
    ((1, 3, 8, 8), (4, 3, 3, 3), {"stride": 0}, "non-positive stride is not supported"),
    ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": -1}, "negative padding is not supported"),
    ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": "same", "stride": 2}, "padding='same' is not supported for strided"),
    ((1, 3, 8, 8), (4, 3, 3, 3), {"bias": (5,)}, "expected bias to be 1-dimensional with 4 elements")])
def test_messages(x, w, options, message):
    if "bias" in options:
        options = {"bias": cl.ones(*options["bias"])}
    with pytest.raises(RuntimeError) as caught:
        ops.conv2d(cl.ones(*x), cl.ones(*w), **options)
    assert message in str(caught.value)
