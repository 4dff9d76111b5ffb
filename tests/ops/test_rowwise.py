"""Softmax and normalisation: rows of all lengths, overflow, running statistics, errors."""

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F


def log_softmax(x, dim):
    shifted = x - x.max(dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 100, 1000])
@pytest.mark.parametrize("inner", [1, 3, 40])
def test_rows_of_all_lengths(n, inner):
    x = (np.random.default_rng(n).standard_normal((5, n, inner)) * 5).astype("float32")
    want = log_softmax(x.astype("float64"), 1)
    t = clnet.tensor(x)
    np.testing.assert_allclose(clnet.log_softmax(t, 1).numpy(), want, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(clnet.softmax(t, 1).numpy(), np.exp(want), rtol=3e-6, atol=1e-7)


def test_large_scores_do_not_overflow():
    x = clnet.tensor([[1e30, -1e30, 0.0], [-np.inf, 5.0, 5.0]])
    np.testing.assert_array_equal(clnet.softmax(x, 1).numpy(), [[1, 0, 0], [0, 0.5, 0.5]])


def test_a_row_of_minus_infinity_or_nan_is_nan():
    x = clnet.tensor([[-np.inf, -np.inf], [np.nan, 1.0]])
    assert np.isnan(clnet.softmax(x, 1).numpy()).all()


def test_computing_in_another_dtype():
    x = clnet.tensor([1.0, 2.0], dtype=clnet.float16)
    assert F.softmax(x, 0, dtype=clnet.float32).dtype is clnet.float32
    assert clnet.softmax(clnet.tensor([1, 2]), 0, dtype=clnet.float64).dtype is clnet.float64
    with pytest.raises(NotImplementedError):
        clnet.softmax(clnet.tensor([1, 2]), 0)
    with pytest.raises(IndexError):
        clnet.softmax(x, 1)


def test_running_statistics_move_in_training_only():
    x = np.random.default_rng(0).standard_normal((6, 3, 4, 5))
    mean, var = np.arange(3.0), np.arange(3.0) + 1
    running = clnet.tensor(mean), clnet.tensor(var)
    F.batch_norm(clnet.tensor(x), *running, training=True, momentum=0.3)
    np.testing.assert_allclose(running[0].numpy(), 0.7 * mean + 0.3 * x.mean((0, 2, 3)))
    np.testing.assert_allclose(running[1].numpy(), 0.7 * var + 0.3 * x.var((0, 2, 3), ddof=1))
    before = running[0].numpy().copy()
    F.batch_norm(clnet.tensor(x), *running)
    np.testing.assert_array_equal(running[0].numpy(), before)


def test_a_large_mean_does_not_spoil_the_variance():
    x = np.random.default_rng(0).standard_normal((64, 4)).astype("float32") + 1000
    y = F.batch_norm(clnet.tensor(x), None, None, training=True).numpy()
    wide = x.astype("float64")
    np.testing.assert_allclose(y, (wide - wide.mean(0)) / np.sqrt(wide.var(0) + 1e-5), atol=1e-3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="more than 1 value"):
        F.batch_norm(clnet.ones(1, 3), None, None, training=True)
    with pytest.raises(RuntimeError, match="running_mean"):
        F.batch_norm(clnet.ones(2, 3), clnet.ones(4), clnet.ones(4))
    with pytest.raises(RuntimeError, match="normalized_shape"):
        F.layer_norm(clnet.ones(2, 3), (2,))


def test_empty_tensors():
    assert clnet.softmax(clnet.ones(0, 3), 1).shape == (0, 3)
    assert clnet.softmax(clnet.ones(2, 0), 1).shape == (2, 0)


@pytest.mark.parametrize("shape, normal", [((7, 32), (32,)), ((3, 5, 4, 8), (4, 8)), ((40, 768), (768,))])
def test_layer_norm_in_one_walk(shape, normal):
    rng = np.random.default_rng(0)
    x, w, b = (clnet.tensor(rng.standard_normal(s).astype("float32"), requires_grad=True)
               for s in (shape, normal, normal))
    g = clnet.tensor(rng.standard_normal(shape).astype("float32"))
    y = F.layer_norm(x, normal, w, b)
    fused = clnet.autograd.grad(y, (x, w, b), g, retain_graph=True)
    plain = clnet.autograd.grad(y, (x, w, b), g, create_graph=True)
    for one, other in zip(fused, plain):
        np.testing.assert_allclose(one.numpy(), other.detach().numpy(), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("shape, dim", [((70, 37), 0), ((3, 130, 16), 1), ((2, 5, 9, 60), 1), ((129, 700), 0)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
def test_softmax_across_memory(shape, dim, dtype):
    rng = np.random.default_rng(1)
    x, g = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    want = np.exp(log_softmax(x.astype("float64"), dim))
    tolerance = {"float32": 2e-6, "float16": 2e-3, "float64": 1e-13}[dtype]
    t = clnet.tensor(x, requires_grad=True)
    y = clnet.softmax(t, dim)
    np.testing.assert_allclose(y.detach().numpy(), want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(clnet.log_softmax(clnet.tensor(x), dim).numpy(), np.log(want),
                               rtol=tolerance, atol=8 * tolerance)
    y.backward(clnet.tensor(g))
    slope = want * (g - (want * g).sum(dim, keepdims=True))
    np.testing.assert_allclose(t.grad.numpy(), slope, rtol=tolerance, atol=4 * tolerance)


def test_losses_over_planes_check_their_targets():
    x = clnet.tensor(np.random.default_rng(2).standard_normal((2, 3, 5, 7)).astype("float32"))
    target = np.arange(70).reshape(2, 5, 7) % 3
    target[0, 0, :3] = -100
    scores = log_softmax(x.numpy().astype("float64"), 1)
    picked = [-scores[n, target[n, i, j], i, j] for n, i, j in np.argwhere(target >= 0)]
    got = F.cross_entropy(x, clnet.tensor(target))
    np.testing.assert_allclose(got.item(), np.mean(picked), rtol=1e-6)
    target[1, 4, 6] = 3
    with pytest.raises(IndexError):
        F.cross_entropy(x, clnet.tensor(target)).item()
