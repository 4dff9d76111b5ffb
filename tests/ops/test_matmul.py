"""Matrix products against NumPy: shapes, strides, dtypes, derivatives, messages."""
from __future__ import annotations

import numpy as np
import pytest

import clnet as cl
from clnet.autograd import grad
from clnet.ops import matmul as ops

TOLERANCE = {"float32": 2e-5, "float64": 1e-12, "float16": 5e-3}


def _array(*shape, dtype="float32", seed=0):
    rng = np.random.default_rng(seed + sum(shape))
    if dtype.startswith("int") or dtype == "uint8":
        return rng.integers(0, 9, shape).astype(dtype)
    return rng.uniform(-1, 1, shape).astype(dtype)


def _check(got, want, dtype="float32"):
    assert got.shape == want.shape
    scale = max(1.0, float(np.abs(want).max())) if want.size else 1.0
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE.get(dtype, 0) * scale)


@pytest.mark.parametrize("a, b", [
    ((1, 1), (1, 1)), ((3, 5), (5, 2)), ((2, 300), (300, 3)), ((9, 40), (40, 33)), ((70, 17), (17, 65)),
    ((300, 64), (64, 100)), ((1, 2000), (2000, 1)), ((64, 20), (20, 8)), ((5, 0), (0, 4)), ((0, 3), (3, 4)),
    ((4,), (4, 40)), ((40, 4), (4,)), ((2000,), (2000,)), ((2, 3, 4), (4, 5)), ((4, 5), (3, 5, 2)),
    ((2, 1, 33, 8), (3, 8, 20)), ((7,), (2, 7, 3))])
def test_shapes(a, b):
    x, y = _array(*a), _array(*b, seed=1)
    _check((cl.tensor(x) @ cl.tensor(y)).numpy(), np.matmul(x, y))


@pytest.mark.parametrize("sizes", [(5, 7, 9), (17, 40, 260), (300, 33, 70), (2, 900, 50)])
@pytest.mark.parametrize("turn_a", [False, True])
@pytest.mark.parametrize("turn_b", [False, True])
def test_transposed_and_strided_operands(sizes, turn_a, turn_b):
    m, k, n = sizes
    a = _array(2 * k, m).T[:, ::2] if turn_a else _array(m, 2 * k)[:, :k]
    b = _array(n, k).T if turn_b else _array(k, 3 * n)[:, ::3]
    x = cl.tensor(_array(2 * k, m)).t()[:, ::2] if turn_a else cl.tensor(_array(m, 2 * k))[:, :k]
    y = cl.tensor(_array(n, k)).t() if turn_b else cl.tensor(_array(k, 3 * n))[:, ::3]
    _check((x @ y).numpy(), a @ b)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int32", "uint8"])
def test_dtypes(dtype):
    x, y = _array(20, 30, dtype=dtype), _array(30, 40, dtype=dtype)
    got = cl.tensor(x) @ cl.tensor(y)
    assert got.dtype is getattr(cl, dtype)
    want = x.astype("float32") @ y.astype("float32") if dtype == "float16" else x @ y
    _check(got.numpy(), want.astype(dtype), dtype)


def test_expanded_batch_reads_one_matrix():
    x, y = _array(3, 4, 5), _array(5, 6)
    _check((cl.tensor(x) @ cl.tensor(y).expand(3, 5, 6)).numpy(), x @ y)


@pytest.mark.parametrize("shape", [(4,), (3, 1), (1,), (3, 4), ()])
def test_addmm_broadcasts_and_scales(shape):
    c, a, b = _array(*shape), _array(3, 5), _array(5, 4)
    got = cl.addmm(cl.tensor(c), cl.tensor(a), cl.tensor(b), beta=2, alpha=-0.5)
    _check(got.numpy(), 2 * c - 0.5 * (a @ b))


def test_zero_beta_hides_nan():
    c = cl.full((2, 2), float("nan"))
    one = cl.ones(2, 2)
    np.testing.assert_array_equal(cl.addmm(c, one, one, beta=0).numpy(), np.full((2, 2), 2.0))


def test_linear_on_more_dimensions():
    x, w, b = _array(2, 3, 8), _array(5, 8), _array(5)
    _check(ops.linear(cl.tensor(x), cl.tensor(w), cl.tensor(b)).numpy(), x @ w.T + b)


@pytest.mark.parametrize("a, b", [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (2, 4, 2)), ((4,), (4, 3))])
def test_gradients(a, b):
    x, y = _array(*a, dtype="float64"), _array(*b, dtype="float64", seed=1)
    tx, ty = (cl.tensor(v, dtype=cl.float64, requires_grad=True) for v in (x, y))
    product = tx @ ty
    g = _array(*product.shape, dtype="float64", seed=2)
    gx, gy = grad(product, (tx, ty), cl.tensor(g, dtype=cl.float64))
    for value, got, f in ((x, gx, lambda v: np.matmul(v, y)), (y, gy, lambda v: np.matmul(x, v))):
        direction = _array(*value.shape, dtype="float64", seed=3)
        slope = ((f(value + 1e-6 * direction) - f(value - 1e-6 * direction)) * g).sum() / 2e-6
        assert (got.numpy() * direction).sum() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("call, error, message", [
    (lambda r: r(2, 3) @ r(4, 5), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    (lambda r: r(2, 3, 4) @ r(5, 6), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (6x4 and 5x6)"),
    (lambda r: r(2, 3) @ r(3, 5).double(), RuntimeError,
     "expected m1 and m2 to have the same dtype, but got: float != double"),
    (lambda r: r(2, 3) @ r(4), RuntimeError, "size mismatch, got input (2), mat (2x3), vec (4)"),
    (lambda r: r(3) @ r(4), RuntimeError, "inconsistent tensor size, expected tensor [3] and src [4]"),
    (lambda r: r(2, 3, 4) @ r(2, 5, 6), RuntimeError,
     "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5]."),
    (lambda r: r(()) @ r(2, 2), RuntimeError,
     "both arguments to matmul need to be at least 1D, but they are 0D and 2D"),
    (lambda r: cl.mm(r(2, 3, 1), r(3, 4)), RuntimeError, "self must be a matrix"),
    (lambda r: cl.bmm(r(2, 3), r(2, 3, 4)), RuntimeError, "batch1 must be a 3D tensor"),
    (lambda r: cl.addmm(r(7), r(2, 3), r(3, 4)), RuntimeError, "The expanded size of the tensor (4) must match"),
    (lambda r: cl.matmul(r(2, 2), 3), TypeError, "matmul(): argument 'other' (position 2) must be Tensor, not int"),
    (lambda r: r(2, 2) @ 3, TypeError, "unsupported operand type(s) for @"),
    (lambda r: r(2, 2).bool() @ r(2, 2).bool(), NotImplementedError, "not implemented for 'Bool'")])
def test_messages(call, error, message):
    with pytest.raises(error) as caught:
        call(lambda *shape: cl.ones(*shape) if shape != ((),) else cl.tensor(1.0))
    assert message in str(caught.value)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8"])
@pytest.mark.parametrize("m, k, n", [(3, 5, 40), (70, 129, 33), (64, 64, 520), (200, 17, 48)])
@pytest.mark.parametrize("turned", [False, True])
def test_narrow_types_are_summed_wide(dtype, m, k, n, turned):
    rng = np.random.default_rng(m)
    draw = (lambda *s: rng.integers(-5, 5, s)) if dtype == "int8" else lambda *s: rng.integers(-8, 9, s) / 8
    x, y = draw(m, k).astype("float32"), draw(k, n).astype("float32")
    kind = getattr(cl, dtype)
    a = cl.tensor(x.T.copy()).to(kind).t() if turned else cl.tensor(x).to(kind)
    got = cl.matmul(a, cl.tensor(y).to(kind))
    assert got.dtype is kind
    want = cl.tensor(x @ y).to(cl.int32).to(kind) if dtype == "int8" else cl.tensor(x @ y).to(kind)
    np.testing.assert_array_equal(got.to(cl.float32).numpy(), want.to(cl.float32).numpy())


def test_halves_are_rounded_to_nearest_even():
    x = np.array([2049, 2051, 65519, 65520, 2.0 ** -25, 1.5 * 2.0 ** -24, 6.1e-5, -0.0, np.inf, np.nan] * 4, "float32")
    with np.errstate(over="ignore"):
        want = x.astype("float16")
    np.testing.assert_array_equal(cl.tensor(x).to(cl.float16).numpy(), want)
