"""Tensors, NumPy arrays, Python values and DLPack; shared memory."""
import numpy as np
import pytest

import clnet


def host_memory():
    return clnet.current_device().caps.host_memory


def test_python_values_take_pytorchs_dtypes():
    assert clnet.tensor([1, 2]).dtype is clnet.int64
    assert clnet.tensor([1.0, 2]).dtype is clnet.float32
    assert clnet.tensor(True).dtype is clnet.bool
    assert clnet.tensor(np.zeros(2)).dtype is clnet.float64
    assert clnet.tensor([]).dtype is clnet.float32
    assert clnet.tensor([clnet.tensor(1.0), clnet.tensor(2.0)]).tolist() == [1, 2]
    with pytest.raises(ValueError, match="equal length"):
        clnet.tensor([[1, 2], [3]])
    with pytest.raises(TypeError):
        clnet.tensor("text")


def test_tensor_copies_and_from_numpy_shares():
    a = np.arange(6, dtype="float32").reshape(2, 3)
    copied, shared = clnet.tensor(a), clnet.from_numpy(a)
    a[0, 0] = 7
    assert copied[0, 0].item() == 0
    if host_memory():
        assert shared[0, 0].item() == 7
        shared[1] = 5.0
        assert a[1].tolist() == [5, 5, 5]
        doubled = shared * 2
        a[:] = 0  # the multiplication had finished
        assert doubled[1].tolist() == [10, 10, 10]


def test_from_numpy_of_views_and_oddities():
    a = np.arange(24, dtype="int32").reshape(4, 6)
    assert clnet.from_numpy(a[::2, 1:4]).tolist() == a[::2, 1:4].tolist()
    assert clnet.from_numpy(a.T).tolist() == a.T.tolist()
    assert clnet.from_numpy(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match="negative"):
        clnet.from_numpy(a[::-1])
    with pytest.raises(TypeError):
        clnet.from_numpy([1, 2])
    with pytest.raises(TypeError, match="datetime64"):
        clnet.from_numpy(np.zeros(2, "datetime64[s]"))


def test_numpy_shares_both_ways_and_outlives_the_tensor():
    x = clnet.zeros(4)
    a = x.numpy()
    x.add_(3)
    if host_memory():
        assert a.tolist() == [3, 3, 3, 3]
        a[1] = 9
        assert x.tolist() == [3, 9, 3, 3]
    before = a.copy()
    del x
    for _ in range(10):
        clnet.ones(4)
    assert (a == before).all()
    v = clnet.arange(6).reshape(2, 3).t()
    assert v.numpy().tolist() == [[0, 3], [1, 4], [2, 5]]


def test_shares_are_forgotten_with_the_arrays():
    x = clnet.zeros(4)
    a = x.numpy()
    assert x.storage.shares == (1 if host_memory() else 0)
    del a
    assert x.storage.shares == 0


@pytest.mark.parametrize("name", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"])
def test_round_trip_of_every_dtype(name):
    a = np.array([[0, 1, 2], [3, 100, 5]]).astype(name)
    x = clnet.tensor(a)
    assert x.numpy().dtype == a.dtype
    np.testing.assert_array_equal(x.numpy(), a)
    assert x.tolist() == a.tolist()


def test_bfloat16_rounds_to_nearest_even():
    values = np.array([1.0, 1.00390625, 1.01171875, -3.14159, 1e38, np.inf, np.nan], "float32")
    x = clnet.tensor(values, dtype=clnet.bfloat16)
    assert x.tolist()[:3] == [1.0, 1.0, 1.015625]
    y = clnet.tensor(values).to(clnet.bfloat16)
    np.testing.assert_array_equal(x.float().numpy(), y.float().numpy())
    with pytest.raises(TypeError, match="BFloat16"):
        x.numpy()


def test_dlpack():
    x = clnet.arange(6, dtype=clnet.float32).reshape(2, 3)
    np.testing.assert_array_equal(np.from_dlpack(x), x.numpy())
    a = np.arange(4.0)
    y = clnet.from_dlpack(a)
    assert y.tolist() == [0, 1, 2, 3]
    assert x.__dlpack_device__() == (1, 0)


def test_to_and_casts():
    x = clnet.tensor([1.7, -2.3])
    assert x.to(clnet.int32).tolist() == [1, -2]
    assert x.int().dtype is clnet.int32 and x.half().dtype is clnet.float16
    assert x.to(x.device) is x and x.to(clnet.float32) is x
    assert x.to(clnet.float32, copy=True) is not x
    assert x.to("cpu").tolist() == x.tolist()
    assert clnet.tensor([300, -1]).to(clnet.uint8).tolist() == [44, 255]
    assert clnet.tensor([0.0, 0.5, float("nan")]).bool().tolist() == [False, True, True]


def test_item_and_truth():
    assert clnet.tensor(2.5).item() == 2.5
    assert int(clnet.tensor([3])) == 3 and float(clnet.tensor(3)) == 3.0
    assert [10, 20, 30][clnet.tensor(1)] == 20
    assert bool(clnet.tensor([True]))
    with pytest.raises(RuntimeError, match="Scalar"):
        clnet.ones(2).item()
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(clnet.ones(2))
    with pytest.raises(TypeError, match="0-d"):
        len(clnet.tensor(1))


def test_limits():
    assert clnet.finfo(clnet.float32).eps == np.finfo("float32").eps
    assert clnet.finfo(clnet.bfloat16).eps == 0.0078125
    assert clnet.iinfo(clnet.int8).max == 127
    with pytest.raises(TypeError):
        clnet.iinfo(clnet.float32)
