"""Special functions against SciPy's over wide ranges, in float32 and float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

import clnet

scipy_special = pytest.importorskip("scipy.special")

TOLERANCE = {"float32": 2e-6, "float64": 2e-13}
LINE = np.concatenate([np.linspace(-12, 12, 241), [0.0, 1e-30, 1e-5, 30.0, -30.0]])
POSITIVE = np.concatenate([np.linspace(0.01, 30, 200), [1e-5, 100.0]])
UNIT = np.concatenate([np.linspace(1e-3, 1 - 1e-3, 200), [1e-20, 0.0, 1.0]])
UNARY = {
    "erf": (LINE, scipy_special.erf), "erfc": (LINE, scipy_special.erfc),
    "erfcx": (np.abs(LINE), scipy_special.erfcx), "erfinv": (2 * UNIT - 1, scipy_special.erfinv),
    "ndtr": (LINE, scipy_special.ndtr), "ndtri": (UNIT, scipy_special.ndtri),
    "log_ndtr": (LINE, scipy_special.log_ndtr), "entr": (POSITIVE, scipy_special.entr),
    "digamma": (POSITIVE, scipy_special.digamma), "gammaln": (POSITIVE, scipy_special.gammaln),
    "i0": (LINE, scipy_special.i0), "i0e": (LINE, scipy_special.i0e),
    "i1": (LINE, scipy_special.i1), "i1e": (LINE, scipy_special.i1e),
    "modified_bessel_k0": (POSITIVE, scipy_special.k0), "modified_bessel_k1": (POSITIVE, scipy_special.k1),
    "scaled_modified_bessel_k0": (POSITIVE, scipy_special.k0e),
    "scaled_modified_bessel_k1": (POSITIVE, scipy_special.k1e),
    "bessel_j0": (LINE, scipy_special.j0), "bessel_j1": (LINE, scipy_special.j1),
    "bessel_y0": (POSITIVE, scipy_special.y0), "bessel_y1": (POSITIVE, scipy_special.y1),
    "airy_ai": (LINE, lambda x: scipy_special.airy(x)[0]),
    "spherical_bessel_j0": (LINE, lambda x: scipy_special.spherical_jn(0, x)),
}
_GRID = np.meshgrid(np.array([0.1, 0.7, 1.0, 3.5, 20.0, 150.0, 5e4]), np.array([0.2, 0.9, 1.0, 1.3, 4.0]))
BINARY = {
    "zeta": (np.array([1.1, 2.0, 3.5, 20.0])[:, None], np.array([0.1, 1.0, 7.5, 40.0]), scipy_special.zeta),
    "gammainc": (_GRID[0], _GRID[0] * _GRID[1], scipy_special.gammainc),
    "gammaincc": (_GRID[0], _GRID[0] * _GRID[1], scipy_special.gammaincc),
}
DEGREES = np.array([0.0, 1.0, 2.0, 5.0, 9.0, 12.0])
POLYNOMIALS = {
    "chebyshev_polynomial_t": scipy_special.eval_chebyt, "chebyshev_polynomial_u": scipy_special.eval_chebyu,
    "shifted_chebyshev_polynomial_t": scipy_special.eval_sh_chebyt,
    "shifted_chebyshev_polynomial_u": scipy_special.eval_sh_chebyu,
    "hermite_polynomial_h": scipy_special.eval_hermite, "hermite_polynomial_he": scipy_special.eval_hermitenorm,
    "laguerre_polynomial_l": scipy_special.eval_laguerre, "legendre_polynomial_p": scipy_special.eval_legendre,
}

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def agree(got: clnet.Tensor, want: np.ndarray, dtype: str, slack: float = 1.0) -> None:
    tolerance = TOLERANCE[dtype] * slack
    np.testing.assert_allclose(got.numpy(), want.astype(dtype), tolerance, tolerance)


@dtypes
@pytest.mark.parametrize("name", UNARY)
def test_unary(name, dtype):
    x, reference = UNARY[name]
    x = x.astype(dtype)
    agree(getattr(clnet.special, name)(clnet.tensor(x)), reference(x.astype(np.float64)), dtype, 5)


@dtypes
@pytest.mark.parametrize("name", BINARY)
def test_binary(name, dtype):
    a, b, reference = BINARY[name]
    a, b = a.astype(dtype), b.astype(dtype)
    want = reference(a.astype(np.float64), b.astype(np.float64))
    agree(getattr(clnet.special, name)(clnet.tensor(a), clnet.tensor(b)), want, dtype, 20)


@dtypes
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name, dtype):
    x = np.linspace(-1, 1, 11).astype(dtype)[:, None]
    want = POLYNOMIALS[name](DEGREES.astype(int), x.astype(np.float64))
    got = getattr(clnet.special, name)(clnet.tensor(x), clnet.tensor(DEGREES.astype(dtype)))
    scale = np.maximum(1, np.abs(want).max(axis=0))
    agree(got / clnet.tensor(scale.astype(dtype)), want / scale, dtype, 20)


def test_the_error_function_is_within_two_units_in_the_last_place():
    x = np.linspace(-5, 5, 20001).astype(np.float32)
    want = scipy_special.erf(x.astype(np.float64))
    error = np.abs(clnet.erf(clnet.tensor(x)).numpy() - want)
    assert (error <= 2.0 * np.spacing(np.abs(want.astype(np.float32)))).all()


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_polygamma(n):
    x = np.linspace(0.3, 20, 40)
    got = clnet.polygamma(n, clnet.tensor(x))
    np.testing.assert_allclose(got.numpy(), scipy_special.polygamma(n, x), 1e-11)
    assert clnet.equal(clnet.tensor(x).polygamma(n), got)


def test_orders_below_zero_are_refused():
    with pytest.raises(RuntimeError, match="negative n"):
        clnet.polygamma(-1, clnet.ones(2))


def test_a_derivative_that_is_not_stated_raises_when_it_is_asked_for():
    a, x = clnet.tensor([2.0], requires_grad=True), clnet.tensor([1.0], requires_grad=True)
    value = clnet.igamma(a, x)
    with pytest.raises(NotImplementedError, match="igamma"):
        value.sum().backward()
    clnet.igamma(a.detach(), x).sum().backward()
    assert x.grad is not None


def test_integers_compute_as_floats():
    assert clnet.special.i0e(clnet.tensor([1, 2])).dtype is clnet.float32
    assert clnet.special.zeta(clnet.tensor([2]), 1).dtype is clnet.float32


def test_degrees_and_infinities():
    n = clnet.tensor([math.nan, math.inf, -math.inf, 1e20, 2.0])
    assert clnet.special.laguerre_polynomial_l(clnet.tensor(0.5), n).tolist() == [0, 0, 0, 0, 0.125]
    assert clnet.special.shifted_chebyshev_polynomial_v(clnet.tensor(-1.0), n).tolist() == [0, 0, 0, 0, 41]
    q = clnet.tensor([0.5, 1.0, 2.0, math.inf])
    np.testing.assert_array_equal(clnet.special.zeta(math.inf, q).tolist(), [math.inf, 1, math.nan, math.nan])
    got = clnet.special.polygamma(4, clnet.tensor([-5.5]))
    np.testing.assert_allclose(got.tolist(), [-0.00452593], rtol=1e-5)  # terms of 768 cancel
