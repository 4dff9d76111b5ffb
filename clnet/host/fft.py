"""Discrete Fourier transforms along one dimension."""
from __future__ import annotations

from typing import Any

import numpy as np

from .table import statements


@statements.of("_fft")
def _fft(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
    """The transform of length ``n`` along ``dim``: see ``kind``, ``inverse`` and ``scale`` in kernels/fft.py."""
    x, n, dim, inverse = arrays[0], attrs["n"], attrs["dim"], attrs["inverse"]
    if not x.size and x.shape[dim]:
        half = attrs["kind"] == "real"
        return np.zeros([(n // 2 + 1 if half else n) if d == dim else size for d, size in enumerate(x.shape)])
    if attrs["kind"] == "complex":
        # "forward" leaves the inverse without its 1 / n.
        y: Any = np.fft.ifft(x, n, dim, "forward") if inverse else np.fft.fft(x, n, dim)
    elif attrs["kind"] == "real":
        y = np.fft.rfft(x, n, dim)
        y = np.conj(y) if inverse else y
    else:
        y = np.fft.irfft(x if inverse else np.conj(x), n, dim, "forward")
    return y * attrs["scale"]
