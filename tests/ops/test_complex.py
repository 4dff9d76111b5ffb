"""Complex numbers: every elementwise function, reductions, moves, derivatives, refusals."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

import clnet
from clnet.autograd import gradcheck, gradgradcheck

FUNCTIONS = {
    "neg": np.negative, "abs": np.abs, "square": np.square, "reciprocal": np.reciprocal, "exp": np.exp,
    "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sqrt": np.sqrt,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "angle": np.angle, "conj_physical": np.conj, "real": np.real, "imag": np.imag,
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "isreal": np.isreal,
    "rsqrt": lambda z: 1 / np.sqrt(z), "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "sgn": lambda z: z / np.abs(z),
}
# The bound is on the error in units of the result's size.
TOLERANCE = {np.complex64: 2e-6, np.complex128: 1e-13}


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def close(got: clnet.Tensor, want: np.ndarray, tolerance: float = 1e-6) -> bool:
    return tuple(got.shape) == want.shape and bool(
        np.all(np.abs(1 * got.detach().numpy() - 1 * want) <= tolerance * (1 + np.abs(want))))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
def test_functions(name, kind):
    z = (2 * numbers(7, 5)).astype(kind)
    x = clnet.tensor(z)
    assert close(getattr(clnet, name)(x), FUNCTIONS[name](z.astype(np.complex128)), TOLERANCE[kind])


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"isnan", "isinf", "isfinite", "isreal"}))
def test_derivatives(name):
    z = clnet.tensor(numbers(3, seed=1), requires_grad=True)
    assert gradcheck(getattr(clnet, name), (z,))
    if name in ("abs", "angle", "log", "sgn", "sqrt", "tanh"):
        assert gradgradcheck(getattr(clnet, name), (z,))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_mixed_with_reals(name):
    reference = {"sub": np.subtract, "add": np.add, "mul": np.multiply, "div": np.divide, "pow": np.power}[name]
    z, r = numbers(4, 3, seed=2), np.abs(numbers(3, seed=3))
    x, y = clnet.tensor(z, requires_grad=True), clnet.tensor(r, requires_grad=True)
    assert close(getattr(clnet, name)(x.t(), 1), reference(z.T, 1), 1e-12)
    for a, b, want in ((x, y, reference(z, r)), (y, x, reference(r, z)), (x, 2.5, reference(z, 2.5)),
                       (y, 1j, reference(r, 1j))):
        assert close(getattr(clnet, name)(a, b), want, 1e-12)
    assert gradcheck(getattr(clnet, name), (x, y), check_forward_ad=True)
    (g,) = clnet.autograd.grad(getattr(clnet, name)(x, y).abs().sum(), y)
    assert g.dtype is clnet.float64


def test_extremes_do_not_overflow():
    big = clnet.tensor([3e38 + 1e38j, 1e-30 + 1e-30j])
    assert np.allclose((big / big).numpy(), 1)
    assert np.isfinite(big.sqrt().numpy()).all()
    assert np.isfinite(big.log().numpy()).all()
    assert np.allclose(clnet.tensor([200.0 + 1j, -200 - 1j]).tanh().numpy(), [1, -1])
    assert clnet.tensor([0j]).pow(0).item() == 1
    cut = clnet.tensor([-4.0 + 0.0j, complex(-4.0, -0.0)])
    assert np.allclose(cut.sqrt().numpy(), [2j, -2j])


def test_reductions():
    z = numbers(5, 70, seed=4)
    for kind in (np.complex64, np.complex128):
        x, tolerance = clnet.tensor(z.astype(kind)), 100 * TOLERANCE[kind]
        for dim in (None, 0, 1):
            assert close(x.sum(dim), z.sum(dim), tolerance)
            assert close(x.mean(dim), z.mean(dim), tolerance)
            assert close(x.var(dim), z.var(dim, ddof=1), tolerance)
        assert close(x.prod(0), z.prod(0), tolerance)
        assert close(x.cumsum(1), z.cumsum(1), tolerance)
        assert close(x.cumprod(0), z.cumprod(0), tolerance)
        assert close(x.norm(), np.linalg.norm(z), tolerance)
        assert close(x.norm(1, 1), np.abs(z).sum(1), tolerance)
        assert x.count_nonzero().item() == z.size
    x = clnet.tensor(z[:2, :3], requires_grad=True)
    assert gradcheck(lambda x: (x.prod(0), x.cumprod(1), x.var(), x.norm(3), x.mean(1), x.logsumexp(0)), (x,))


def test_moves():
    for kind in (np.complex64, np.complex128):
        z = numbers(6, 40, seed=5).astype(kind)
        rows = np.array([5, 0, 0, 3])
        x, index = clnet.tensor(z), clnet.tensor(rows)
        assert np.array_equal(x[index].numpy(), z[rows])
        assert np.array_equal(x.t().contiguous().numpy(), z.T)
        assert np.array_equal(x[x.abs() > 1].numpy(), z[np.abs(z) > 1])
        assert np.array_equal(clnet.cat([x, x]).flip(0).numpy(), np.concatenate([z, z])[::-1])
        assert np.array_equal(clnet.where(x.abs() > 1, x, 0).numpy(), np.where(np.abs(z) > 1, z, 0))
        want = z.copy()
        np.add.at(want, rows, z[:4])
        assert np.allclose(x.index_add(0, index, x[:4]).numpy(), want)


def test_parts_are_views():
    z = clnet.tensor([1 + 2j, 3 - 4j])
    z.real += 1
    z.imag = clnet.tensor([5.0, 6.0])
    assert z.tolist() == [2 + 5j, 4 + 6j]
    pairs = clnet.view_as_real(z)
    pairs[1, 0] = 9
    assert clnet.view_as_complex(pairs).tolist() == [2 + 5j, 9 + 6j]
    assert z.conj().tolist() == [2 - 5j, 9 - 6j]
    assert z.resolve_conj() is z
    assert not z.is_conj()
    leaf = clnet.tensor([1 + 2j], dtype=clnet.complex128, requires_grad=True)
    w = leaf * 1
    w.imag.mul_(3)
    (g,) = clnet.autograd.grad((w * w.conj()).real.sum(), leaf)
    assert g.tolist() == [2 + 36j]


def test_promotion_and_printing():
    assert (clnet.ones(2) * 1j).dtype is clnet.complex64
    assert (clnet.ones(2, dtype=clnet.float64) * 1j).dtype is clnet.complex128
    assert (clnet.ones(2, dtype=clnet.complex64) * clnet.ones(2, dtype=clnet.float64)).dtype is clnet.complex128
    assert (clnet.arange(2) + 1j).tolist() == [1j, 1 + 1j]
    assert repr(clnet.tensor([1 + 2j, 3 - 1.5j])) == "tensor([1.+2.0000j, 3.-1.5000j])"
    assert clnet.complex(clnet.ones(1), clnet.zeros(1)).tolist() == [1 + 0j]


def test_casts():
    z = clnet.tensor([1 + 2j, 0j])
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        assert z.to(clnet.float32).tolist() == [1, 0]
    assert z.bool().tolist() == [True, False]
    assert z.to(clnet.complex128).tolist() == [1 + 2j, 0j]
    file = io.BytesIO()
    clnet.save(z, file)
    file.seek(0)
    assert clnet.load(file).tolist() == [1 + 2j, 0j]


@pytest.mark.parametrize("call", [
    lambda z: z < z, lambda z: z.max(), lambda z: z.clamp(0, 1), lambda z: z.floor(), lambda z: z.round(),
    lambda z: z.sign(), lambda z: z.erf(), lambda z: z // 2, lambda z: z.argmax(), lambda z: clnet.atan2(z, z),
    lambda z: clnet.fft.rfft(z), lambda z: clnet.ones(2).add_(z), lambda z: z.requires_grad_().sum().backward()])
def test_refusals(call):
    with pytest.raises(RuntimeError):
        call(clnet.tensor([1 + 2j, 3j]))


def test_products():
    a, b = numbers(3, 4, seed=6), numbers(4, 5, seed=7)
    x, y = clnet.tensor(a, requires_grad=True), clnet.tensor(b, requires_grad=True)
    assert close(x @ y, a @ b, 1e-12)
    assert gradcheck(clnet.matmul, (x, y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clnet.autograd.grad((x @ y).abs().sum(), x)[0].dtype is clnet.complex128


def test_convolution():
    x, w = numbers(1, 2, 6, seed=8), numbers(3, 2, 2, seed=9)
    want = sum(np.einsum("nci,oc->noi", x[:, :, k:k + 5], w[:, :, k]) for k in range(2))
    signal, weight = clnet.tensor(x, requires_grad=True), clnet.tensor(w, requires_grad=True)
    assert close(clnet.nn.functional.conv1d(signal, weight), want, 1e-12)
    assert gradcheck(clnet.nn.functional.conv1d, (signal, weight))
