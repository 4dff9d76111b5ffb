"""The tensor types of old."""
from __future__ import annotations

import pytest

import clnet
from clnet.tensor import typed


def test_constructors():
    assert clnet.FloatTensor(2, 3).shape == (2, 3) and clnet.LongTensor().shape == (0,)
    assert clnet.LongTensor([1, 2]).tolist() == [1, 2] and clnet.LongTensor((3, 4)).tolist() == [3, 4]
    assert clnet.DoubleTensor(clnet.Size((2, 1))).shape == (2, 1)
    assert clnet.ByteTensor(clnet.tensor([1.5])).dtype is clnet.uint8
    assert {kind.dtype for kind in typed.PLAIN.values()} >= {clnet.bfloat16, clnet.bool, clnet.complex64}


def test_instances():
    t = clnet.ones(1, device="cpu")
    assert isinstance(t, clnet.FloatTensor) and not isinstance(t, clnet.cuda.FloatTensor)
    assert not isinstance(t, clnet.LongTensor) and not isinstance([1.0], clnet.FloatTensor)
    assert isinstance(t, clnet.autograd.Variable) and clnet.autograd.Variable(t, requires_grad=True).requires_grad


def test_type():
    t = clnet.ones(1, device="cpu")
    assert t.type() == "torch.FloatTensor" and t.type("torch.LongTensor").dtype is clnet.int64
    assert t.type(clnet.HalfTensor).dtype is clnet.float16 and t.type(clnet.int8).dtype is clnet.int8
    for name in ("torch.FrobTensor", "FloatTensor", "numpy.FloatTensor"):
        with pytest.raises(ValueError, match="invalid type"):
            t.type(name)
    assert t.pin_memory() is t and t.share_memory_() is t


def test_default_type():
    clnet.set_default_tensor_type(clnet.DoubleTensor)
    try:
        assert clnet.ones(1).dtype is clnet.float64
    finally:
        clnet.set_default_tensor_type("torch.FloatTensor")
    assert clnet.ones(1).dtype is clnet.float32
    with pytest.raises(TypeError, match="floating-point"):
        clnet.set_default_tensor_type(clnet.LongTensor)


def test_the_constructor():
    assert clnet.Tensor(2, 3).shape == (2, 3) and clnet.Tensor().shape == (0,)
    assert clnet.Tensor([1, 2]).dtype is clnet.float32 and clnet.Tensor((1, 2)).tolist() == [1.0, 2.0]
    assert clnet.Tensor(clnet.Size([2, 2])).shape == (2, 2)

    class Named(clnet.Tensor):
        pass

    made = Named([1.0, 2.0])
    assert type(made) is Named and (made + 1).tolist() == [2.0, 3.0]


def test_pythons_types_are_dtypes():
    assert clnet.zeros(2, dtype=int).dtype is clnet.int64 and clnet.ones(1, dtype=bool).dtype is clnet.bool
    x = clnet.tensor([1, 2], dtype=float)
    assert x.dtype is clnet.float64 and x.to(int).dtype is clnet.int64 and x.to(dtype=bool).dtype is clnet.bool
    assert x.to(clnet.int32).sum(dtype=int).dtype is clnet.int64
    assert clnet.arange(3, dtype=float).dtype is clnet.float64
    assert clnet.randint(3, (2,), dtype=int).dtype is clnet.int64
    for convert in (int, float, complex):
        with pytest.raises(ValueError, match="only one element"):
            convert(clnet.ones(2))
