"""Damaged and hostile checkpoints end in an error that says what is wrong, never in a crash."""
from __future__ import annotations

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

import clnet


def _archive(pickled, **records):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, data in records.items():
            archive.writestr(f"archive/data/{name[1:]}", data)
    file.seek(0)
    return file


@pytest.fixture(scope="module")
def whole():
    file = io.BytesIO()
    clnet.save({"a": clnet.arange(100), "b": [clnet.ones(3, 3), "text"]}, file)
    return file.getvalue()


def test_truncated(whole):
    for length in (0, 1, 30, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        with pytest.raises(RuntimeError, match="empty|truncated or corrupt|not a checkpoint"):
            clnet.load(io.BytesIO(whole[:length]))


def test_flipped_bits(whole):
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            got = clnet.load(io.BytesIO(bytes(data)))
        except (RuntimeError, pickle.UnpicklingError):
            refused += 1
        else:  # padding and names of records carry no contents
            assert got["a"].tolist() == list(range(100))
    assert refused > 50


@pytest.mark.parametrize("data", [b"hello", b"\x80\x02}q\x00.", b"PK\x03\x04nonsense"])
def test_other_files(data):
    with pytest.raises(RuntimeError, match="not a checkpoint|truncated or corrupt"):
        clnet.load(io.BytesIO(data))


def test_archives_of_other_things():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme", "no checkpoint")
    file.seek(0)
    with pytest.raises(RuntimeError, match="no checkpoint"):
        clnet.load(file)


class _Call:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.system, eval, getattr, print, clnet.tensor])
def test_code_is_refused_by_its_name(function, tmp_path):
    marker = tmp_path / "ran"
    pickled = pickle.dumps({"x": _Call(function, f"touch {marker}")}, 2)
    with pytest.raises(pickle.UnpicklingError, match=function.__name__) as caught:
        clnet.load(_archive(pickled))
    assert "weights_only=False" in str(caught.value) and not marker.exists()


def _tensor_pickle(offset=0, size=(3,), stride=(1,), count=3, extra=b""):
    """A pickle of one float32 tensor, as PyTorch spells it, with anything for its geometry."""
    def number(n):
        return b"\x8a\x09" + n.to_bytes(9, "little", signed=True)

    def numbers(values):
        return b"(" + b"".join(number(v) for v in values) + b"t"

    reference = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    return (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + reference + number(count) + b"tQ"
            + number(offset) + numbers(size) + numbers(stride)
            + b"\x89ccollections\nOrderedDict\n)RtR" + extra + b".")


def test_the_geometry_of_tensors_is_checked():
    data = np.arange(3, dtype="float32").tobytes()
    assert clnet.load(_archive(_tensor_pickle(), _0=data)).tolist() == [0, 1, 2]
    for geometry in ({"offset": 1}, {"size": (4,)}, {"stride": (2,)}, {"offset": 1 << 40}, {"offset": -1},
                     {"stride": (-1,)}, {"size": (-3,)}, {"size": (2, 2)}, {"size": (1 << 62,)}):
        with pytest.raises(RuntimeError, match="can't be|outside its storage"):
            clnet.load(_archive(_tensor_pickle(**geometry), _0=data))
    with pytest.raises(RuntimeError, match="has 12 bytes in place of 4 elements"):
        clnet.load(_archive(_tensor_pickle(count=4), _0=data))
    with pytest.raises(RuntimeError, match="lacks the record"):
        clnet.load(_archive(_tensor_pickle()))


def test_attributes_of_tensors_cannot_be_set():
    data = np.zeros(3, "float32").tobytes()
    build = b"N}X\x06\x00\x00\x00offsetM\xff\xffs\x86b"
    with pytest.raises(pickle.UnpicklingError, match="sets attributes of a Tensor"):
        clnet.load(_archive(_tensor_pickle(extra=build), _0=data))


@pytest.mark.parametrize("pickled", [b"", b"\x80\x02", b"\x80\x02(", b"garbage", b"\x80\x02]q\x00K\x01a",
                                     b"\x80\x02c__builtin__\nbytearray\n\x8a\x05\0\0\0\0\x7f\x85R.",
                                     b"\x80\x02K\x01K\x02R.", b"\x80\x02X\x01\x00\x00\x00aQ."])
def test_broken_pickles(pickled):
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        clnet.load(_archive(pickled))
