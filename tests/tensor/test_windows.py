"""Windows and evenly spaced numbers against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.signal import windows

CASES = {
    "bartlett": ({}, lambda n, N: 1 - np.abs(2 * n / N - 1)),
    "blackman": ({}, lambda n, N: 0.42 - 0.5 * np.cos(2 * np.pi * n / N) + 0.08 * np.cos(4 * np.pi * n / N)),
    "hann": ({}, lambda n, N: 0.5 - 0.5 * np.cos(2 * np.pi * n / N)),
    "hamming": ({}, lambda n, N: 0.54 - 0.46 * np.cos(2 * np.pi * n / N)),
    "gaussian": ({"std": 2.0}, lambda n, N: np.exp(-((n - N / 2) / 2.0) ** 2 / 2)),
    "exponential": ({"tau": 3.0}, lambda n, N: np.exp(-np.abs(n - N / 2) / 3.0)),
    "cosine": ({}, lambda n, N: np.sin(np.pi * (n + 0.5) / (N + 1))),
    "kaiser": ({"beta": 5.0}, lambda n, N: np.i0(5.0 * np.sqrt(1 - (2 * n / N - 1) ** 2)) / np.i0(5.0)),
}


@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_windows(name, sym):
    options, formula = CASES[name]
    got = getattr(windows, name)(9, sym=sym, dtype=clnet.float64, **options)
    np.testing.assert_allclose(got.numpy(), formula(np.arange(9), 8 if sym else 9), 1e-12, 1e-15)


def test_short_windows():
    assert windows.hann(0).shape == (0,)
    assert windows.kaiser(1).tolist() == [1.0]
    with pytest.raises(ValueError, match="non-negative"):
        windows.hann(-1)
    with pytest.raises(ValueError, match="float32 or float64"):
        windows.hann(3, dtype=clnet.float16)
    with pytest.raises(ValueError, match="empty"):
        windows.general_cosine(3, a=[])


def test_older_functions():
    np.testing.assert_allclose(clnet.hann_window(8).numpy(), windows.hann(8, sym=False).numpy(), 1e-6)
    assert clnet.hamming_window(4, dtype=clnet.float16).dtype is clnet.float16
    with pytest.raises(RuntimeError, match="floating point"):
        clnet.hann_window(4, dtype=clnet.int64)


def test_evenly_spaced_numbers():
    np.testing.assert_allclose(clnet.linspace(-1, 2, 50).numpy(), np.linspace(-1, 2, 50), 1e-6, 1e-6)
    assert clnet.linspace(0, 10, 5, dtype=clnet.int64).tolist() == [0, 2, 5, 7, 10]
    assert clnet.linspace(3, 9, 1).tolist() == [3.0]
    assert clnet.linspace(1j, 2, 2).tolist() == [1j, 2]
    assert clnet.logspace(0, 3, 4, dtype=clnet.int64).tolist() == [1, 10, 100, 1000]
    out = clnet.empty(2)
    assert clnet.linspace(0, 1, 3, out=out) is out and out.tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(RuntimeError, match="non-negative"):
        clnet.linspace(0, 1, -1)
    with pytest.raises(RuntimeError, match="0-dimensional"):
        clnet.linspace(clnet.ones(2), 1, 3)
    with pytest.raises(RuntimeError, match="unsupported range"):
        clnet.arange(0, float("inf"))
