"""Lookups: what the samples of the registry do not show."""

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_index_dtypes(dtype):
    x = clnet.arange(12).view(3, 4)
    index = clnet.tensor([[2, 0, 1, 1]], dtype=getattr(clnet, dtype))
    np.testing.assert_array_equal(clnet.gather(x, 0, index).numpy(), [[8, 1, 6, 7]])


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_index_select_of_a_transposed_tensor(dim):
    x = np.arange(60).reshape(3, 4, 5).transpose(2, 0, 1)
    index = np.array([2, 0, 1, 1])
    got = clnet.index_select(clnet.tensor(np.arange(60).reshape(3, 4, 5)).permute(2, 0, 1), dim,
                             clnet.tensor(index))
    np.testing.assert_array_equal(got.numpy(), np.take(x, index, dim))


@pytest.mark.parametrize(("call", "error"), [
    (lambda x, i: clnet.gather(x, 0, i), RuntimeError),
    (lambda x, i: clnet.index_select(x, 0, i), IndexError),
    (lambda x, i: clnet.take(x, i), IndexError),
    (lambda x, i: F.embedding(i, x.view(-1, 1)), IndexError),
])
@pytest.mark.parametrize("index", [3, 1 << 40, -4])
def test_an_index_out_of_range_is_reported_and_reads_nothing(call, error, index):
    with pytest.raises(error):
        call(clnet.ones(3), clnet.tensor([0, index])).numpy()


def test_shapes_that_do_not_fit():
    x = clnet.ones(3, 4)
    with pytest.raises(RuntimeError, match="number of dimensions"):
        clnet.gather(x, 0, clnet.zeros(2, dtype=clnet.int64))
    with pytest.raises(RuntimeError, match="Size does not match"):
        clnet.gather(x, 0, clnet.zeros(2, 5, dtype=clnet.int64))
    with pytest.raises(IndexError):
        clnet.index_select(x, 0, clnet.zeros(2, 2, dtype=clnet.int64))


def test_repeated_rows_of_an_embedding_add_up():
    rng = np.random.default_rng(0)
    weight = clnet.tensor(rng.standard_normal((50, 33)), requires_grad=True)
    index, g = rng.integers(0, 50, 700), rng.standard_normal((700, 33))
    F.embedding(clnet.tensor(index), weight, padding_idx=7).backward(clnet.tensor(g))
    want = np.zeros((50, 33))
    np.add.at(want, index, g)
    want[7] = 0
    np.testing.assert_allclose(weight.grad.numpy(), want, rtol=1e-10, atol=1e-12)


def test_embedding_refuses_what_it_lacks():
    with pytest.raises(NotImplementedError):
        F.embedding(clnet.tensor([0]), clnet.ones(2, 2, requires_grad=True), sparse=True)


def test_one_hot_checks_classes():
    with pytest.raises(RuntimeError, match="non-negative"):
        F.one_hot(clnet.tensor([-1]))
    with pytest.raises(RuntimeError, match="smaller"):
        F.one_hot(clnet.tensor([3]), 3)
