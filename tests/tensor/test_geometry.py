"""Geometry as attributes and in place, memory formats, ranges, and questions about tensors."""

import numpy as np
import pytest

import clnet


def test_transposes_as_attributes():
    x = clnet.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(x.T.numpy(), x.numpy().T)
    np.testing.assert_array_equal(x.H.numpy(), x.numpy().T)
    y = clnet.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(y.mT.numpy(), y.numpy().swapaxes(1, 2))
    with pytest.warns(UserWarning, match="deprecated"):
        assert y.T.shape == (4, 3, 2)
    with pytest.raises(RuntimeError):
        _ = clnet.ones(3).mT


def test_views_in_place_keep_their_place_in_the_graph():
    x = clnet.arange(6.0).reshape(2, 1, 3).requires_grad_()
    y = x * 2
    y.squeeze_(1).t_()
    y.mul_(clnet.tensor([[1.0], [2.0], [3.0]]))
    y.sum().backward()
    assert y.shape == (3, 2)
    np.testing.assert_array_equal(x.grad.numpy(), [[[2, 4, 6]], [[2, 4, 6]]])
    base = clnet.zeros(2, 3).requires_grad_() * 1
    row = base[0]
    row.unsqueeze_(1).add_(5)
    np.testing.assert_array_equal(base.detach().numpy(), [[5, 5, 5], [0, 0, 0]])
    with pytest.raises(RuntimeError, match="leaf"):
        x.squeeze_()


def test_fill_diagonal():
    for shape, wrap in (((3, 3), False), ((7, 3), True), ((2, 5), True), ((3, 3, 3), False)):
        x, want = clnet.zeros(*shape), np.zeros(shape, "float32")
        np.fill_diagonal(want, 5, wrap)
        np.testing.assert_array_equal(x.fill_diagonal_(5, wrap).numpy(), want)


def test_memory_formats():
    x = clnet.arange(120.0).reshape(2, 3, 4, 5)
    y = x.contiguous(memory_format=clnet.channels_last)
    assert y.stride() == (60, 1, 15, 3)
    assert y.is_contiguous(memory_format=clnet.channels_last)
    assert not y.is_contiguous()
    np.testing.assert_array_equal(y.numpy(), x.numpy())
    assert clnet.empty_like(y).stride() == y.stride()
    assert y.clone(memory_format=clnet.contiguous_format).is_contiguous()
    with pytest.raises(RuntimeError, match="rank"):
        clnet.ones(2, 3).contiguous(memory_format=clnet.channels_last)


def test_resizing_keeps_what_there_is():
    x = clnet.arange(6.0)
    np.testing.assert_array_equal(x.resize_(2, 2).numpy(), [[0, 1], [2, 3]])
    np.testing.assert_array_equal(x.resize_(9)[:6].numpy(), range(6))
    with pytest.raises(RuntimeError, match="require grad"):
        clnet.ones(2).requires_grad_().resize_(3)


@pytest.mark.parametrize("offset", [-2, 0, 3])
def test_triangle_coordinates(offset):
    np.testing.assert_array_equal(clnet.tril_indices(4, 5, offset).numpy(), np.tril_indices(4, offset, 5))
    np.testing.assert_array_equal(clnet.triu_indices(4, 5, offset).numpy(), np.triu_indices(4, offset, 5))


def test_bits_of_another_size():
    x = np.arange(8, dtype="float32").reshape(2, 4)
    t = clnet.tensor(x)
    for name in ("uint8", "int16", "int32", "float64", "int64"):
        np.testing.assert_array_equal(t.view(getattr(clnet, name)).numpy(), x.view(name))
        np.testing.assert_array_equal(t[1:].view(getattr(clnet, name)).numpy(), x[1:].view(name))
    with pytest.raises(RuntimeError, match="stride"):
        t.t().view(clnet.float64)
    with pytest.raises(RuntimeError, match="divisible"):
        clnet.ones(3).view(clnet.float64)


def test_types_by_name():
    x = clnet.ones(2)
    assert x.type() == "torch.FloatTensor"
    assert x.type("torch.LongTensor").dtype is clnet.int64
    assert x.type(clnet.int32).type() == "torch.IntTensor"


def test_what_a_type_cannot_hold_is_refused():
    with pytest.raises(RuntimeError, match="overflow"):
        clnet.full((2,), 300, dtype=clnet.int8)
    with pytest.raises(RuntimeError, match="overflow"):
        clnet.ones(2, dtype=clnet.float16).masked_fill(clnet.tensor([True, False]), 1e6)
