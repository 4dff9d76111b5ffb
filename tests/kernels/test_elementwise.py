"""Results too large for caches, which CPUs write past them."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.codegen.types import STREAM_BYTES


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_large_sums(dtype, start):
    numel = STREAM_BYTES // (3 * np.dtype(dtype).itemsize) + 21
    a = np.arange(numel).astype(dtype)
    x = clnet.tensor(a)[start:]
    assert np.array_equal((x + x.flip(0)).numpy(), a[start:] + a[start:][::-1])
    x += x
    assert np.array_equal(x.numpy(), 2 * a[start:])
