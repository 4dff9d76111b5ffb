"""Fourier transforms of every kind of length against NumPy's, in one and more dimensions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import clnet
from clnet.kernels.fft import factors
from tests.ops.test_complex import numbers

# Powers of two, of three, mixed radices, primes (Bluestein), and the smallest.
LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 16, 27, 30, 31, 64, 97, 105, 128, 256, 360, 1000, 1009, 1024, 2310)


@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
def test_lengths(kind):
    # Errors grow with the number of passes: a few units of rounding.
    bound = 8 * np.finfo(kind).eps
    for n in LENGTHS:
        z = numbers(3, n).astype(kind)
        for name in ("fft", "ifft", "rfft"):
            x = z.real.copy() if name == "rfft" else z
            got = getattr(clnet.fft, name)(clnet.tensor(x))
            want = getattr(np.fft, name)(x.astype(np.complex128 if name != "rfft" else np.float64))
            assert got.dtype is clnet.tensor(z).dtype
            assert np.abs(got.numpy() - want).max() <= bound * np.abs(want).max(), (name, n)


def test_halves():
    for n in range(1, 14):
        x = numbers(n, 2, seed=n).real.copy()
        half = clnet.fft.rfft(clnet.tensor(x), dim=0)
        assert tuple(half.shape) == (n // 2 + 1, 2)
        assert np.allclose(clnet.fft.irfft(half, n, 0).numpy(), x)
        assert np.allclose(clnet.fft.hfft(clnet.fft.ihfft(clnet.tensor(x), dim=0), n, 0).numpy(), x)


def test_padding_and_trimming():
    z = numbers(4, 9, seed=1)
    x = clnet.tensor(z)
    for n in (1, 5, 9, 16, 22):
        for norm in (None, "ortho", "forward"):
            assert np.allclose(clnet.fft.fft(x, n, norm=norm).numpy(), np.fft.fft(z, n, norm=norm))
            assert np.allclose(clnet.fft.irfft(x, n + 1, 0, norm).numpy(), np.fft.irfft(z, n + 1, 0, norm))
    assert np.allclose(clnet.fft.fftn(x[::2, 1:], (3, 10)).numpy(), np.fft.fftn(z[::2, 1:], (3, 10), (0, 1)))
    assert np.allclose(clnet.fft.fft2(x.t()).numpy(), np.fft.fft2(z.T))
    assert np.allclose(clnet.fft.fft(clnet.arange(5)).numpy(), np.fft.fft(np.arange(5)), atol=1e-5)


def test_long_and_many():
    z = numbers(3, 1 << 15, seed=2)
    x = clnet.tensor(z)
    assert np.allclose(clnet.fft.ifft(clnet.fft.fft(x)).numpy(), z)
    assert np.allclose(clnet.fft.fft(x.reshape(1 << 10, 96), dim=0).numpy(), np.fft.fft(z.reshape(1 << 10, 96), axis=0))
    assert clnet.fft.fft(clnet.zeros(0, 4)).shape == (0, 4)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_derivatives(name):
    z = numbers(2, 5, seed=3)
    x = z.real.copy() if name in ("rfft", "ihfft") else z
    leaf = clnet.tensor(x, requires_grad=True)
    for n in (4, 7, None):
        assert clnet.autograd.gradcheck(lambda x, n=n: getattr(clnet.fft, name)(x, n, norm="ortho"), (leaf,))
    assert clnet.autograd.gradgradcheck(lambda x: getattr(clnet.fft, name)(x).abs().square(), (leaf,))


def test_frequencies():
    for n in (1, 5, 8):
        assert np.allclose(clnet.fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5))
        assert np.allclose(clnet.fft.rfftfreq(n, 2.0).numpy(), np.fft.rfftfreq(n, 2.0))


def test_errors():
    x = clnet.ones(2, 4)
    for call in (lambda: clnet.fft.fft(x, 0), lambda: clnet.fft.fft(x, norm="none"),
                 lambda: clnet.fft.fftn(x, (2,), (0, 1)), lambda: clnet.fft.fftn(x, dim=(0, -2)),
                 lambda: clnet.fft.fftn(x, (1, 2, 3)), lambda: clnet.fft.rfft(x * 1j),
                 lambda: clnet.fft.fft(x.half())):
        with pytest.raises(RuntimeError):
            call()
    for call in (lambda: clnet.fft.fft(x, dim=2), lambda: clnet.fft.fft(clnet.tensor(1.0))):
        with pytest.raises(IndexError):
            call()


def test_short_time():
    x = numbers(2, 50, seed=4).real.copy()
    window = clnet.tensor(0.5 + np.random.default_rng(0).uniform(size=8))
    signal = clnet.tensor(x, requires_grad=True)
    for options in ({"window": window}, {"hop_length": 3, "normalized": True}, {"onesided": False},
                    {"win_length": 6, "hop_length": 2}):
        spectra = clnet.stft(signal, 8, return_complex=True, **options)
        back = clnet.istft(spectra, 8, length=50, **options)
        reached = 50 if "hop_length" not in options else 48
        assert np.allclose(back.detach().numpy()[:, :reached], x[:, :reached])
    assert clnet.autograd.gradcheck(
        lambda x: clnet.stft(x, 4, center=False, return_complex=True), (signal[:1, :7].detach().requires_grad_(),))
    with pytest.raises(RuntimeError, match="return_complex"):
        clnet.stft(signal, 8)
    with pytest.raises(RuntimeError, match="win_length"):
        clnet.stft(signal, 8, win_length=9, return_complex=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clnet.stft(signal * 1j, 8).shape == (2, 8, 26)


def test_factors():
    for n in (1, 2, 48, 1000, 2 ** 20, 3 ** 9 * 7):
        assert np.prod(factors(n)) == n
    assert factors(22) is None
