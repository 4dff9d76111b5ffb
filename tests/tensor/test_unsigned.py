"""Unsigned types wider than uint8: held, converted, compared, indexed, and never mixed with signed ones."""
from __future__ import annotations

import numpy as np
import pytest

import clnet

TOPS = {clnet.uint16: 2 ** 16 - 1, clnet.uint32: 2 ** 32 - 1, clnet.uint64: 2 ** 64 - 1}
every_type = pytest.mark.parametrize("dtype", TOPS, ids=lambda d: d.name)


@every_type
def test_values_and_casts(dtype):
    top = TOPS[dtype]
    x = clnet.tensor([top, 2, top - 5], dtype=dtype)
    assert x.tolist() == [top, 2, top - 5]
    assert x.numpy().dtype == dtype.storage
    assert clnet.from_numpy(x.numpy()).dtype is dtype
    assert (x == top).tolist() == [True, False, False]
    assert (x & 3).tolist() == [3, 2, (top - 5) & 3]
    assert x[1:].tolist() == [2, top - 5] and x[0].item() == top
    assert x.double().tolist() == [float(top), 2.0, float(top - 5)]
    assert clnet.tensor([-1]).to(dtype).tolist() == [top]
    assert clnet.iinfo(dtype).max == top and not dtype.is_signed
    assert repr(x[1:2]) == f"tensor([2], dtype=clnet.{dtype.name})"
    assert clnet.full((2,), 7, dtype=dtype).tolist() == clnet.zeros(2, dtype=dtype).add(7).tolist() == [7, 7]


@every_type
def test_order_and_sums(dtype):
    top = TOPS[dtype]
    x = clnet.tensor([top, 2, top - 5], dtype=dtype)
    assert x.sort()[0].tolist() == [2, top - 5, top]
    assert x.max().item() == top and x.min().item() == 2
    assert clnet.cat([x, x]).unique().tolist() == [2, top - 5, top]
    assert x[1:2].sum().dtype is clnet.int64


@every_type
def test_promotion(dtype):
    x = clnet.tensor([1, 2], dtype=dtype)
    assert (x + 1.5).tolist() == [2.5, 3.5]
    assert clnet.promote_types(dtype, clnet.float16) is clnet.float16
    for other in (clnet.int64, clnet.uint8, clnet.bool, clnet.complex64):
        with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not supported"):
            x + clnet.ones(2, dtype=other)


def test_digests():
    words = np.array([1.0, 2.0, 3.0]).view(np.uint64)
    expected = int(words[0] ^ words[1] ^ words[2])
    for dtype in (clnet.float64, clnet.float32, clnet.bfloat16):
        assert clnet.hash_tensor(clnet.tensor([1.0, 2.0, 3.0], dtype=dtype)).item() == expected
    assert clnet.hash_tensor(clnet.tensor([-1, 0], dtype=clnet.int8)).item() == 2 ** 64 - 1
    assert clnet.hash_tensor(clnet.ones(2, 3), 1, keepdim=True).shape == (2, 1)
    with pytest.raises(IndexError):
        clnet.hash_tensor(clnet.ones(0, 3), 0)
    with pytest.raises(RuntimeError):
        clnet.hash_tensor(clnet.ones(0, 3))


def test_saved_as_pytorch_saves_them(tmp_path):
    tensors = {d.name: clnet.tensor([2, top, 3], dtype=d)[1:] for d, top in TOPS.items()}
    clnet.save({**tensors, "types": [clnet.uint16, clnet.uint16]}, tmp_path / "x.pt")
    loaded = clnet.load(tmp_path / "x.pt")
    assert loaded.pop("types") == [clnet.uint16, clnet.uint16]
    for name, x in tensors.items():
        assert loaded[name].dtype is x.dtype and loaded[name].tolist() == x.tolist()
