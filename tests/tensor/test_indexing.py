"""``x[...]`` and ``x[...] = v`` against NumPy, with gradients."""
import numpy as np
import pytest

import clnet

A = np.random.default_rng(0).standard_normal((4, 5, 6))

KEYS = [0, -1, slice(1, 3), (slice(None), 2), (Ellipsis, 1), (None, 0), (slice(None, None, 2), slice(1, None, 3)),
        (1, 2, 3), Ellipsis, None, (0, Ellipsis, None), [0, 2], ([0, 2], [1, 3]), ([0, 2], slice(None), [1, 3]),
        (slice(None), [0, 2]), (slice(None), [[0, 2], [1, 1]]), (slice(None), [0, 2], [1, 5]), [3, 0, -1],
        True, False, (0, [1, 2]), ([1, 2], 0), (slice(None), 0, [1, 2]), ([0], Ellipsis, [1]),
        A[..., 0] > 0, (slice(None), A[0] > 0), (A[:, 0, 0] > 0, 1), A > 0.5]


def to_clnet(key):
    if isinstance(key, tuple):
        return tuple(to_clnet(k) for k in key)
    return clnet.tensor(key) if isinstance(key, np.ndarray) else key


@pytest.mark.parametrize("key", KEYS, ids=[str(i) for i in range(len(KEYS))])
def test_read_and_write(key):
    x = clnet.tensor(A, requires_grad=True)
    y = x[to_clnet(key)]
    expected = A[key]
    assert tuple(y.shape) == expected.shape
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    (y * y).sum().backward()
    gradient = np.zeros_like(A)
    np.add.at(gradient, key, 2 * expected)
    np.testing.assert_allclose(x.grad.numpy(), gradient)
    for value in (np.arange(expected.size, dtype=float).reshape(expected.shape), 2.5):
        z, reference = clnet.tensor(A), A.copy()
        z[to_clnet(key)] = clnet.tensor(value)
        reference[key] = value
        np.testing.assert_array_equal(z.numpy(), reference)


def test_repeated_positions_are_deterministic():
    i = np.random.default_rng(1).integers(0, 50, 20000)
    v = np.random.default_rng(2).standard_normal((20000, 3)).astype("float32")
    runs = []
    for _ in range(2):
        x = clnet.zeros(50, 3)
        x.index_put_((clnet.tensor(i),), clnet.tensor(v), accumulate=True)
        runs.append(x.numpy().copy())
    assert (runs[0] == runs[1]).all()
    expected = np.zeros((50, 3))
    np.add.at(expected, i, v)
    np.testing.assert_allclose(runs[0], expected, rtol=1e-3, atol=1e-3)
    x = clnet.zeros(50, 3)
    x[clnet.tensor(i)] = clnet.tensor(v)
    expected[i] = v  # NumPy: the last one wins
    np.testing.assert_array_equal(x.numpy(), expected.astype("float32"))


def test_large_mask_and_nonzero():
    x = clnet.tensor(np.random.default_rng(0).standard_normal(100_000).astype("float32"))
    np.testing.assert_array_equal(x[x > 0].numpy(), x.numpy()[x.numpy() > 0])
    m = clnet.tensor([[1, 0, 2], [0, 0, 3]])
    assert m.nonzero().tolist() == [[0, 0], [0, 2], [1, 2]]
    assert [t.tolist() for t in m.nonzero(as_tuple=True)] == [[0, 0, 1], [0, 2, 2]]


@pytest.mark.parametrize("key, error, text", [
    (5, IndexError, "index 5 is out of bounds for dimension 0 with size 4"),
    ((0, 9), IndexError, "index 9 is out of bounds for dimension 1 with size 5"),
    ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
    (slice(None, None, -1), ValueError, "step must be greater than zero"),
    (1.5, IndexError, "only integers, slices"),
    ((Ellipsis, Ellipsis), IndexError, "single ellipsis"),
    (clnet.tensor([0.5]), IndexError, "must be long"),
    (([0, 1], [0, 1, 2]), IndexError, "shape mismatch"),
    (clnet.tensor([True, False]), IndexError, "mask"),
])
def test_errors(key, error, text):
    with pytest.raises(error, match=text):
        clnet.tensor(A)[key]


def test_index_tensors_out_of_range_raise_at_the_next_wait_and_touch_nothing():
    x = clnet.zeros(4, 3)
    x[clnet.tensor([1, 7, -9])] = 1.0
    with pytest.raises(IndexError, match="out of range"):
        clnet.synchronize()
    assert x.tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]
    y = x[clnet.tensor([1, 4])]
    with pytest.raises(IndexError, match="out of range"):
        y.tolist()
    with pytest.raises(RuntimeError, match="shape mismatch"):
        x[[0, 1]] = clnet.ones(3, 3)


def test_wide_integers_stay_exact_where_a_float_is_written():
    kept = [2 ** 63 - 1, -2 ** 63, 2 ** 62 + 1]
    mask = clnet.tensor([False, False, False, True])
    for write in (lambda x: x.masked_fill(mask, 2.5), lambda x: x.index_fill(0, clnet.tensor([3]), 2.5),
                  lambda x: x.__setitem__(mask, 2.5) or x, lambda x: x.masked_fill(mask, clnet.tensor(2.5)),
                  lambda x: x.masked_fill(mask, 2).nan_to_num()):
        assert write(clnet.tensor([*kept, 7])).tolist() == [*kept, 2]
