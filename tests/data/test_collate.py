"""Samples made into batches."""
from __future__ import annotations

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import clnet
from clnet.utils.data import default_collate, default_convert

Point = namedtuple("Point", ["x", "y"])


def test_leaves():
    assert default_collate([clnet.zeros(2), clnet.ones(2)]).tolist() == [[0, 0], [1, 1]]
    batch = default_collate([np.zeros(2, "float32"), np.ones(2, "float32")])
    assert batch.shape == (2, 2) and batch.dtype is clnet.float32
    assert default_collate([1, 2]).dtype is clnet.int64 and default_collate([0.5, 1.0]).dtype is clnet.float64
    assert default_collate([True, False]).dtype is clnet.bool
    assert default_collate([np.float32(1), np.float32(2)]).dtype is clnet.float32
    assert default_collate(["a", "b"]) == ["a", "b"]


def test_containers():
    batch = default_collate([{"a": 1, "b": (2.0, [3, 4])}, {"a": 5, "b": (6.0, [7, 8])}])
    assert batch["a"].tolist() == [1, 5] and batch["b"][0].tolist() == [2, 6]
    assert [t.tolist() for t in batch["b"][1]] == [[3, 7], [4, 8]]
    point = default_collate([Point(1, "p"), Point(2, "q")])
    assert isinstance(point, Point) and point.x.tolist() == [1, 2] and point.y == ("p", "q")
    assert isinstance(default_collate([OrderedDict(a=1)]), OrderedDict)
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1, 2], [3]])
    with pytest.raises(TypeError, match="batch must contain tensors"):
        default_collate([object()])


def test_conversion():
    got = default_convert({"a": np.arange(2), "b": ["x", Point(np.float32(1), 2)]})
    assert got["a"].tolist() == [0, 1] and got["b"][0] == "x"
    assert got["b"][1].x.item() == 1 and got["b"][1].y == 2
