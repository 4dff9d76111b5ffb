"""Writes and sums at indices: order, ownership, in place, errors."""

import numpy as np
import pytest

import clnet


@pytest.mark.parametrize(("targets", "count", "width"), [(1000, 20000, 1), (10, 5000, 70), (300, 2000, 130)])
@pytest.mark.parametrize("dim", [0, 1])
def test_sums_are_right_and_the_same_every_time(targets, count, width, dim):
    rng = np.random.default_rng(1)
    index, source = rng.integers(0, targets, count), rng.standard_normal((count, width)).astype("float32")
    want = np.zeros((targets, width))
    np.add.at(want, index, source.astype("float64"))
    given = clnet.tensor(source if dim == 0 else source.T.copy())
    base = clnet.zeros(*((targets, width) if dim == 0 else (width, targets)))
    first = clnet.index_add(base, dim, clnet.tensor(index), given).numpy()
    np.testing.assert_allclose(first if dim == 0 else first.T, want, atol=2e-3)
    again = clnet.index_add(base, dim, clnet.tensor(index), given).numpy()
    np.testing.assert_array_equal(first, again)


def test_the_last_of_equal_indices_wins():
    count = 10000
    index = clnet.arange(count) % 7
    got = clnet.zeros(7).scatter(0, index, clnet.arange(count).float()).numpy()
    np.testing.assert_array_equal(got, [count - 1 - (count - 1 - k) % 7 for k in range(7)])


def test_sixteen_bit_floats_round_once():
    index = clnet.zeros(4096, dtype=clnet.int64)
    for dtype in (clnet.float16, clnet.bfloat16):
        got = clnet.zeros(1, dtype=dtype).index_add(0, index, clnet.ones(4096, dtype=dtype))
        assert got.float().item() == 4096


def test_in_place_through_a_view():
    x = clnet.zeros(4, 5)
    x.t()[1:].index_add_(1, clnet.tensor([3, 3]), clnet.ones(4, 2))
    want = np.zeros((4, 5))
    want[3, 1:] = 2
    np.testing.assert_array_equal(x.numpy(), want)


def test_in_place_on_overlapping_memory_is_refused_or_reads_before_it_writes():
    x = clnet.arange(6).float()
    with pytest.raises(RuntimeError, match="single memory location"):
        x[1:].index_copy_(0, clnet.arange(5), x[:5])
    x[2::2].index_copy_(0, clnet.arange(2), x[:4:2])
    np.testing.assert_array_equal(x.numpy(), [0, 1, 0, 3, 2, 5])


@pytest.mark.parametrize("index", [3, -1, 1 << 40])
def test_an_index_out_of_range_is_reported_and_writes_nothing(index):
    at = clnet.tensor([0, index])
    for error, call in ((RuntimeError, lambda: clnet.zeros(3).scatter_add(0, at, clnet.ones(2))),
                        (RuntimeError, lambda: clnet.zeros(3).scatter(0, at, 1.0)),
                        (IndexError, lambda: clnet.zeros(3).index_copy(0, at, clnet.ones(2)))):
        with pytest.raises(error):
            call().numpy()


def test_what_does_not_fit_is_refused():
    x, at = clnet.zeros(3, 4), clnet.zeros(2, 4, dtype=clnet.int64)
    with pytest.raises(RuntimeError, match="dtype"):
        clnet.scatter(x, 0, at, clnet.ones(2, 4, dtype=clnet.float64))
    with pytest.raises(RuntimeError, match="no larger"):
        clnet.scatter(x, 0, at, clnet.ones(1, 4))
    with pytest.raises(RuntimeError):
        clnet.index_add(x, 0, clnet.tensor([0]), clnet.ones(2, 4))
    with pytest.raises(IndexError):
        clnet.index_copy(x, 0, clnet.tensor([0]), clnet.ones(2, 4))
    with pytest.raises(RuntimeError, match="number of elements"):
        clnet.masked_scatter(x, x == 0, clnet.ones(3))


def test_in_place_forms_of_composites_keep_gradients():
    x = clnet.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    y.scatter_reduce_(0, clnet.tensor([1]), clnet.tensor([5.0]), "prod")
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1, 5, 1])
