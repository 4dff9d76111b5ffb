"""Counts, searches and distinct elements: edges, ties, NaN and errors."""

from __future__ import annotations

import numpy as np
import pytest

import clnet


def test_searches_at_equal_elements_and_nan():
    line = clnet.tensor([1.0, 2.0, 2.0, 5.0])
    values = clnet.tensor([2.0, 0.0, 5.0, 9.0, float("nan")])
    assert clnet.searchsorted(line, values).tolist() == [1, 0, 3, 4, 4]
    assert clnet.searchsorted(line, values, right=True).tolist() == [3, 0, 4, 4, 4]
    assert clnet.bucketize(3, line, out_int32=True).dtype is clnet.int32
    order = clnet.tensor([2, 0, 1])
    assert clnet.searchsorted(clnet.tensor([3, 9, 1]), clnet.tensor([3]), sorter=order).tolist() == [1]


def test_histograms_count_their_last_edge():
    x = clnet.tensor([0.0, 1.0, 2.0, 2.0, 3.0, float("nan")])
    assert clnet.histc(x, 2, 0, 2).tolist() == [1.0, 3.0]
    found = clnet.histogram(x, clnet.tensor([0.0, 1.0, 2.0]))
    assert found.hist.tolist() == [1.0, 3.0] and found.bin_edges.tolist() == [0.0, 1.0, 2.0]


def test_slices_are_distinct_in_lexicographic_order():
    x = np.random.default_rng(0).integers(0, 3, (50, 5))
    values, inverse, counts = clnet.unique(clnet.tensor(x), return_inverse=True, return_counts=True, dim=0)
    wanted = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    assert np.array_equal(values.numpy(), wanted[0])
    assert np.array_equal(inverse.numpy(), wanted[1].reshape(-1)) and np.array_equal(counts.numpy(), wanted[2])


def test_unique_of_nothing():
    assert clnet.unique(clnet.ones(0)).shape == (0,)
    with pytest.raises(RuntimeError):
        clnet.unique(clnet.ones(2, 0), dim=0)


@pytest.mark.parametrize("call, error", [
    (lambda: clnet.bincount(clnet.tensor([-1])), RuntimeError),
    (lambda: clnet.bincount(clnet.ones(2)), NotImplementedError),
    (lambda: clnet.histc(clnet.ones(2), 0), RuntimeError),
    (lambda: clnet.quantile(clnet.ones(2), 1.5), RuntimeError),
    (lambda: clnet.quantile(clnet.ones(2), 0.5, interpolation="cubic"), RuntimeError),
    (lambda: clnet.searchsorted(clnet.ones(2), clnet.ones(1), side="middle"), RuntimeError)])
def test_errors(call, error):
    with pytest.raises(error):
        call()
