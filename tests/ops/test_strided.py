"""Views by explicit strides: overlap, offsets and gradients."""

import numpy as np
import pytest

import clnet

GEOMETRIES = [((2, 3), (4, 1), 1), ((3, 2), (1, 1), 0), ((2, 2, 2), (3, 1, 2), 2), ((4,), (0,), 5), ((0, 3), (1, 1), 0)]


@pytest.mark.parametrize(("size", "stride", "offset"), GEOMETRIES)
def test_derivatives(size, stride, offset):
    x = clnet.tensor(np.random.default_rng(0).standard_normal((3, 4)), requires_grad=True)
    call = lambda x: clnet.as_strided(x, size, stride, offset)  # noqa: E731
    if 0 not in size:
        assert clnet.autograd.gradcheck(call, (x,))
        assert clnet.autograd.gradgradcheck(call, (x,))
    want = np.lib.stride_tricks.as_strided(x.detach().numpy().reshape(-1)[offset:], size,
                                           tuple(8 * s for s in stride))
    np.testing.assert_array_equal(call(x).detach().numpy(), want)


def test_of_views_and_expanded_tensors():
    base = clnet.arange(12.0)
    np.testing.assert_array_equal(base[4:].as_strided((2, 2), (1, 3)).numpy(), [[4, 7], [5, 8]])
    np.testing.assert_array_equal(base[4:].as_strided((2, 2), (1, 3), 0).numpy(), [[0, 3], [1, 4]])
    x = clnet.arange(3.0, requires_grad=True)
    wide = x.unsqueeze(1).expand(3, 4)
    wide.as_strided((3,), (1,)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1, 1, 1])


def test_scatter_has_derivatives():
    x = clnet.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    src = clnet.tensor(-np.arange(4.0).reshape(2, 2), requires_grad=True)
    assert clnet.autograd.gradcheck(lambda x, s: clnet.as_strided_scatter(x, s, (2, 2), (4, 1), 1), (x, src))


@pytest.mark.parametrize(("size", "stride", "offset", "text"), [
    ((5, 5), (4, 1), 0, "out of bounds"), ((2, 2), (-1, 1), 0, "Negative strides"), ((2,), (1, 1), 0, "mismatch")])
def test_refusals(size, stride, offset, text):
    with pytest.raises(RuntimeError, match=text):
        clnet.zeros(3, 4).as_strided(size, stride, offset)
