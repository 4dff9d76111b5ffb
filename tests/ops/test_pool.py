"""Pooling against NumPy references: windows, indices, NaN, derivatives, messages."""
from __future__ import annotations

import numpy as np
import pytest

import clnet as cl
from clnet.autograd import grad
from clnet.core.op import registry
from clnet.ops import pool as ops

NAMES = [f"{kind}_pool{rank}d" for kind in ("max", "avg", "adaptive_avg", "adaptive_max") for rank in (1, 2, 3)]


def _generate():
    for name in NAMES:
        for k, (args, options) in enumerate(registry[f"nn.functional.{name}"].samples()):
            yield pytest.param(name, args, options, id=f"{name}-{k}")


CASES = list(_generate())


@pytest.mark.parametrize("name, args, options", CASES)
def test_forward(name, args, options):
    op = registry[f"nn.functional.{name}"]
    got = op(cl.tensor(args[0].astype("float32")), *args[1:], **options)
    want = op.reference(args[0], *args[1:], **options) if args[0].size else None
    if want is None:
        assert got.numel() == 0
    elif isinstance(got, tuple):
        np.testing.assert_allclose(got[0].numpy(), want[0], rtol=1e-6)
        np.testing.assert_array_equal(got[1].numpy(), want[1])
    else:
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, args, options", CASES)
def test_gradient(name, args, options):
    x = args[0]
    if not x.size:
        pytest.skip("nothing to differentiate")
    op = registry[f"nn.functional.{name}"]
    options = {k: v for k, v in options.items() if k != "return_indices"}
    tx = cl.tensor(x, dtype=cl.float64, requires_grad=True)
    y = op(tx, *args[1:], **options)
    rng = np.random.default_rng(3)
    g, d = rng.uniform(-1, 1, y.shape), rng.uniform(-1, 1, x.shape)
    [gx] = grad(y, (tx,), cl.tensor(g, dtype=cl.float64))
    ahead, behind = (op.reference(x + s * d, *args[1:], **options) for s in (1e-4, -1e-4))
    assert (gx.numpy() * d).sum() == pytest.approx(((ahead - behind) * g).sum() / 2e-4, rel=1e-6, abs=1e-8)


def test_second_derivative_follows_the_indices():
    x = np.random.default_rng(0).permutation(36).reshape(1, 1, 6, 6).astype("float64")
    tx = cl.tensor(x, dtype=cl.float64, requires_grad=True)
    y = ops.max_pool2d(tx, 3, 2)
    tg = cl.tensor(np.ones(y.shape), dtype=cl.float64, requires_grad=True)
    [gx] = grad(y, (tx,), tg, create_graph=True)
    weights = np.arange(36.0).reshape(x.shape)
    [hg] = grad((gx * cl.tensor(weights, dtype=cl.float64)).sum(), (tg,))
    _, indices = ops.max_pool2d(tx, 3, 2, return_indices=True)
    np.testing.assert_array_equal(hg.numpy(), weights.ravel()[indices.numpy()])


def test_nan_wins():
    x = np.zeros((1, 1, 4, 4), "float32")
    x[0, 0, 1, 2] = np.nan
    y, indices = ops.max_pool2d(cl.tensor(x), 2, return_indices=True)
    assert np.isnan(y.numpy()[0, 0]).tolist() == [[False, True], [False, False]]
    assert indices.numpy()[0, 0, 0, 1] == 6


@pytest.mark.parametrize("call, message", [
    (lambda: ops.max_pool2d(cl.ones(1, 3, 2, 2), 3),
     "Given input size: (3x2x2). Calculated output size: (3x0x0). Output size is too small"),
    (lambda: ops.max_pool2d(cl.ones(1, 3, 4, 4), 2, padding=2), "pad should be at most half of effective kernel size"),
    (lambda: ops.max_pool2d(cl.ones(4, 4), 2), "non-empty 3D or 4D (batch mode) tensor expected for input"),
    (lambda: ops.max_pool2d(cl.ones(1, 1, 4, 4), (2, 2, 2)),
     "max_pool2d: kernel_size must either be a single int, or a tuple of two ints"),
    (lambda: ops.avg_pool2d(cl.ones(1, 3, 4, 4), 2, divisor_override=0), "divisor must be not zero"),
    (lambda: ops.avg_pool2d(cl.ones(1, 3, 4, 4), 2, stride=0), "stride should not be zero"),
    (lambda: ops.adaptive_avg_pool2d(cl.ones(4, 4), 2), "adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got"),
    (lambda: ops.adaptive_avg_pool2d(cl.ones(1, 3, 4, 4), -1), "elements of output_size must be greater than or")])
def test_messages(call, message):
    with pytest.raises(RuntimeError) as caught:
        call()
    assert message in str(caught.value)
