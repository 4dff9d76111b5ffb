"""Powers, neighbours, parts of floats and integers, exactly."""

from __future__ import annotations

import numpy as np
import pytest

import clnet

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, 2, -3, 1e-40, 1e30, -1e-30, 2.5, 2.0 ** 24],
                   np.float32)


def test_powers_of_special_values():
    a, b = (g.ravel() for g in np.meshgrid(SPECIAL, SPECIAL))
    with np.errstate(all="ignore"):
        want = np.power(a, b)
    np.testing.assert_allclose(clnet.pow(clnet.tensor(a), clnet.tensor(b)).numpy(), want, 2e-7, 0)


def test_powers_are_within_three_units_in_the_last_place():
    rng = np.random.default_rng(0)
    a = rng.uniform(0.01, 100, 20000).astype(np.float32)
    b = rng.uniform(-19, 19, 20000).astype(np.float32)
    want = np.power(a.astype(np.float64), b.astype(np.float64))
    error = np.abs(clnet.pow(clnet.tensor(a), clnet.tensor(b)).numpy() - want)
    assert (error <= 3 * np.spacing(want.astype(np.float32))).all()


def test_integral_powers_are_exact():
    a, b = (g.ravel().astype(np.float32) for g in np.meshgrid(np.arange(-12, 13), np.arange(0, 7)))
    np.testing.assert_array_equal(clnet.pow(clnet.tensor(a), clnet.tensor(b)).numpy(), a.astype(np.float64) ** b)


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -0.5, -1, -2, 1, 0, 2.0, True])
def test_powers_by_numbers_have_the_general_power_s_result(exponent):
    x = clnet.tensor([0.25, 1.0, 3.0], requires_grad=True)
    (x ** exponent).sum().backward()
    e = float(exponent)
    np.testing.assert_allclose(clnet.pow(x, exponent).detach().numpy(), x.detach().numpy() ** e, 1e-6)
    np.testing.assert_allclose(x.grad.numpy(), e * x.detach().numpy() ** (e - 1), 1e-6)


def test_dtypes_of_powers():
    assert (clnet.tensor([2]) ** 2).dtype is clnet.int64
    assert (clnet.tensor([4]) ** 0.5).dtype is clnet.float32
    assert (clnet.tensor([True]) ** 2).dtype is clnet.int64
    with pytest.raises(RuntimeError, match="negative integer powers"):
        clnet.tensor([2]) ** -1


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_neighbours(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    a = np.array([0, -0.0, 1, 1, -1, 2, np.inf, tiny, 3.5, np.finfo(dtype).max, np.nan, 1, 1e-6], dtype)
    b = np.array([1, -1, 2, 0, 0, 1, 0, 0, 3.5, np.inf, 1, np.nan, -1], dtype)
    with np.errstate(all="ignore"):
        want = np.nextafter(a, b)
    np.testing.assert_array_equal(clnet.nextafter(clnet.tensor(a), clnet.tensor(b)).numpy(), want)


def test_neighbours_in_bfloat16():
    a = clnet.tensor([1.0, 1.0, 2.0, 0.0], dtype=clnet.bfloat16)
    got = clnet.nextafter(a, clnet.tensor([2.0, 0.0, 3.0, 1.0], dtype=clnet.bfloat16))
    assert got.float().tolist() == [1 + 2.0 ** -7, 1 - 2.0 ** -8, 2 + 2.0 ** -6, 2.0 ** -133]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mantissa_and_exponent(dtype):
    info = np.finfo(dtype)
    x = np.array([0, -0.0, 1, -0.3, 7e5, np.inf, -np.inf, np.nan, info.max, info.tiny, info.smallest_subnormal, 1.5],
                 dtype)
    mantissa, exponent = clnet.frexp(clnet.tensor(x))
    want = np.frexp(x)
    np.testing.assert_array_equal(mantissa.numpy(), want[0])
    np.testing.assert_array_equal(exponent.numpy()[np.isfinite(x)], want[1][np.isfinite(x)])
    assert exponent.dtype is clnet.int32
    with pytest.raises(RuntimeError, match="floating-point"):
        clnet.frexp(clnet.tensor([1]))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8, np.uint8])
def test_common_divisors_and_multiples(dtype):
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0 if dtype is np.uint8 else -11, 11, 50).astype(dtype) for _ in range(2))
    np.testing.assert_array_equal(clnet.gcd(clnet.tensor(a), clnet.tensor(b)).numpy(), np.gcd(a, b))
    np.testing.assert_array_equal(clnet.lcm(clnet.tensor(a), clnet.tensor(b)).numpy(), np.lcm(a, b))


def test_functions_named_in_place():
    x = clnet.tensor([1.0, 4.0])
    assert clnet.sqrt_(x) is x
    assert x.tolist() == [1.0, 2.0]


def test_float_power_is_double():
    assert clnet.float_power(clnet.tensor([2]), 3).dtype is clnet.float64
    assert clnet.float_power(2, clnet.tensor([0.5])).dtype is clnet.float64


@pytest.mark.parametrize("exponent", [2.5, -1.5, 0.3])
def test_powers_of_vectors_with_zeros(exponent):
    """PoCL 3.1's pow of double vectors mixes lanes up where one of them is zero."""
    x = np.array([1.0, 0.0, 2.0, 3.0, 0.0, 0.5, 7.0, 0.25] * 3)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose((clnet.tensor(x) ** exponent).numpy(), x ** exponent, rtol=1e-14)
