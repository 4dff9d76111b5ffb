"""Files of the safetensors format."""
from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy

import clnet


def test_round_trip(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors = {d: clnet.tensor([[0, 1], [2, 3]], dtype=getattr(clnet, d)) for d in (
        "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")}
    tensors |= {"strided": clnet.arange(6).reshape(2, 3).t(), "scalar": clnet.tensor(2.5),
                "empty": clnet.empty(0, 3)}
    clnet.save(tensors, path)
    loaded = clnet.load(path)
    assert set(loaded) == set(tensors)
    for name, x in tensors.items():
        assert loaded[name].tolist() == x.tolist() and loaded[name].dtype is x.dtype
    assert clnet.load(path, map_location="cpu")["scalar"].device.type == "cpu"


def test_the_packages_own_reader_and_writer(tmp_path):
    path = tmp_path / "a.safetensors"
    clnet.save({"w": clnet.arange(6, dtype=clnet.float32).reshape(2, 3)}, path)
    assert safetensors.numpy.load_file(path)["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert length % 8 == 0 and json.loads(path.read_bytes()[8:8 + length])["w"]["shape"] == [2, 3]
    safetensors.numpy.save_file({"v": np.arange(3)}, path)
    assert clnet.load(path)["v"].tolist() == [0, 1, 2]


def test_mistakes_are_named(tmp_path):
    path = tmp_path / "a.safetensors"
    for value in ({"a": {"b": clnet.ones(1)}}, {"a": 3}, {1: clnet.ones(1)}, [clnet.ones(1)]):
        with pytest.raises(TypeError, match="safetensors file holds"):
            clnet.save(value, path)
    assert not path.exists()
    clnet.save({"a": clnet.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RuntimeError, match="not a readable safetensors file"):
        clnet.load(path)
