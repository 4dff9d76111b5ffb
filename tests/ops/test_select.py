"""Selection: sizes on both sides of every way of selecting, NaN, equal elements, errors."""

from __future__ import annotations

import numpy as np
import pytest

import clnet

SIZES = ((1, 1), (40, 3), (40, 20), (700, 5), (700, 300))


def lines(n: int, seed: int = 0) -> np.ndarray:
    """Three lines with many equal elements, the first with NaNs."""
    x = np.random.default_rng(seed).integers(-9, 9, (3, n)).astype("float32")
    if n > 10:
        x[0, 4:7] = np.nan
    return x


def order(x: np.ndarray, descending: bool) -> np.ndarray:
    """Stable positions in order, NaN largest."""
    key = np.where(np.isnan(x), np.inf, x)
    return np.argsort(-key if descending else key, -1, kind="stable")


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("n, k", SIZES)
def test_topk_takes_the_first_of_equals(n, k, largest):
    x = lines(n)
    values, index = clnet.topk(clnet.tensor(x), k, largest=largest)
    wanted = order(x, largest)[:, :k]
    assert np.array_equal(index.numpy(), wanted)
    assert np.array_equal(values.numpy(), np.take_along_axis(x, wanted, -1), equal_nan=True)


@pytest.mark.parametrize("n, k", SIZES)
def test_kthvalue_and_strided_lines(n, k):
    x = lines(n)
    wanted = order(x, False)[:, k - 1]
    assert np.array_equal(clnet.kthvalue(clnet.tensor(x), k).indices.numpy(), wanted)
    assert np.array_equal(clnet.kthvalue(clnet.tensor(np.ascontiguousarray(x.T)), k, 0).indices.numpy(), wanted)


def test_medians_and_nan():
    x = lines(41)
    found = clnet.median(clnet.tensor(x), 1)
    assert np.isnan(found.values.numpy()[0]) and found.indices.numpy()[0] == 4
    for row, got in zip(x, clnet.nanmedian(clnet.tensor(x), 1).values.numpy()):
        kept = np.sort(row[~np.isnan(row)])
        assert got == kept[(len(kept) - 1) // 2]


def test_equal_elements_share_the_gradient_of_the_median():
    x = clnet.tensor([1.0, 2.0, 2.0, 5.0], requires_grad=True)
    clnet.median(x).backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.5, 0.0]


@pytest.mark.parametrize("call, error", [
    (lambda x: x.topk(6), RuntimeError), (lambda x: x.topk(1, 2), IndexError),
    (lambda x: x.kthvalue(0), RuntimeError), (lambda x: x[:0].median(0), IndexError),
    (lambda x: x[:0].mode(), IndexError), (lambda x: (x > 0).median(), NotImplementedError)])
def test_errors(call, error):
    with pytest.raises(error):
        call(clnet.arange(5.0))


def test_results_are_named():
    assert clnet.topk(clnet.ones(3), 1)._fields == ("values", "indices")
    assert isinstance(clnet.max(clnet.ones(2, 2), 0), clnet.return_types.max)
