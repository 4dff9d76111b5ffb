"""Saving and loading: round trips, PyTorch's own files, sharing, devices."""
from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest

import clnet
from clnet import nn, optim

# Written by PyTorch 2.13: every dtype, views, parameters, state_dicts of a module and an optimizer.
PYTORCH_FILE = Path(__file__).parent / "pytorch_2_13.pt"


def _through_memory(value, **options):
    file = io.BytesIO()
    clnet.save(value, file)
    file.seek(0)
    return clnet.load(file, **options)


def _objects():
    x = clnet.arange(24, dtype=clnet.float32).reshape(4, 6)
    dtypes = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
    return {
        "x": x, "t": x.t(), "row": x[1],
        "dtypes": {d: clnet.tensor([0, 1, 2, 3], dtype=getattr(clnet, d)) for d in dtypes},
        "parameter": nn.Parameter(clnet.ones(2)),
        "plain": [1, 2.5, "a", None, True, (1, 2), {3}, b"xyz", 1 + 2j],
        "more": [bytearray(b"ab\xff"), frozenset({1}), OrderedDict(a=1), Counter("aab"),
                 defaultdict(list, a=[1])],
        "dtype": clnet.bfloat16, "size": x.shape, "device": clnet.device("cpu"), "empty": clnet.empty(0, 3),
        "scalar": clnet.tensor(2.5), "expanded": clnet.ones(1).expand(3)}


def _check_same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, clnet.Tensor):
        assert got.tolist() == expected.tolist() and got.dtype is expected.dtype
        assert got.stride() == expected.stride() and got.requires_grad == expected.requires_grad
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        for key in expected:
            _check_same(got[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        assert len(got) == len(expected)
        for g, e in zip(got, expected):
            _check_same(g, e)
    else:
        assert got == expected


def test_round_trip(tmp_path):
    objects = _objects()
    clnet.save(objects, tmp_path / "a.pt")
    for loaded in (clnet.load(tmp_path / "a.pt"), clnet.load(str(tmp_path / "a.pt"), weights_only=False),
                   _through_memory(objects)):
        _check_same(loaded, objects)
        assert loaded["x"].storage is loaded["t"].storage is loaded["row"].storage
        loaded["x"].zero_()
        assert loaded["row"].tolist() == [0] * 6


def test_pytorchs_own_file():
    loaded = clnet.load(PYTORCH_FILE)
    for key, expected in _objects().items():
        if key != "more":
            _check_same(loaded[key], expected)
    assert loaded["x"].storage is loaded["t"].storage is loaded["row"].storage
    net = nn.Sequential(OrderedDict(a=nn.Linear(3, 2), b=nn.BatchNorm1d(2)))
    assert repr(net.load_state_dict(loaded["model"])) == "<All keys matched successfully>"
    assert net.b.num_batches_tracked.item() == 1
    optimizer = optim.AdamW(net.parameters(), lr=0.5)
    optimizer.load_state_dict(loaded["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 0.01
    net(clnet.ones(4, 3)).sum().backward()
    optimizer.step()
    assert optimizer.state_dict()["state"][0]["step"].item() == 2


def test_our_file_has_pytorchs_records(tmp_path):
    clnet.save({"w": clnet.ones(3)}, tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        assert archive.namelist() == ["net/data.pkl", "net/byteorder", "net/data/0", "net/version"]
        assert archive.read("net/version") == b"3\n"
        assert archive.read("net/data/0") == np.ones(3, "float32").tobytes()
        with open(tmp_path / "net.pt", "rb") as file:
            for record in archive.infolist():
                file.seek(record.header_offset + 26)
                lengths = np.frombuffer(file.read(4), "<u2")
                assert (record.header_offset + 30 + int(lengths.sum())) % 64 == 0
        assert b"ctorch._utils\n_rebuild_tensor_v2\n" in archive.read("net/data.pkl")


def test_equal_contents_make_equal_files():
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        clnet.save(_objects(), file)
    assert files[0].getvalue() == files[1].getvalue()


def test_training_state_round_trip(tmp_path):
    def train(net, optimizer):
        optimizer.zero_grad()
        net(clnet.arange(6, dtype=clnet.float32).reshape(2, 3)).square().mean().backward()
        optimizer.step()

    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    train(net, optimizer)
    path = tmp_path / "state.pt"
    clnet.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
    state = clnet.load(path)
    assert state["epoch"] == 3 and state["net"]._metadata == net.state_dict()._metadata
    twin = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    other = optim.SGD(twin.parameters(), lr=0.5)
    twin.load_state_dict(state["net"])
    other.load_state_dict(state["optimizer"])
    train(net, optimizer)
    train(twin, other)
    for (key, a), b in zip(net.state_dict().items(), twin.state_dict().values()):
        assert a.tolist() == b.tolist(), key


def test_whole_modules_need_trust(tmp_path):
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    clnet.save(net, tmp_path / "net.pt")
    with pytest.raises(pickle.UnpicklingError, match=r"clnet\.nn\.modules.*Sequential.*weights_only=False"):
        clnet.load(tmp_path / "net.pt")
    loaded = clnet.load(tmp_path / "net.pt", weights_only=False)
    assert repr(loaded) == repr(net) and loaded[0].weight.tolist() == net[0].weight.tolist()


def test_map_location(tmp_path):
    path = tmp_path / "a.pt"
    clnet.save(clnet.ones(2), path)
    current = clnet.current_device()
    assert clnet.load(path, map_location=current).device is current
    assert clnet.load(path, map_location="cpu").device is clnet.device("cpu")
    assert clnet.load(path, map_location={"cpu": str(current)}).device is current
    seen = []
    moved = clnet.load(path, map_location=lambda storage, place: seen.append(place) or storage)
    assert moved.tolist() == [1, 1]
    assert seen == ["cpu"]
    with pytest.raises(TypeError, match="map_location"):
        clnet.load(path, map_location=3.5)


def test_files_of_absent_devices_say_so(tmp_path):
    if clnet.cuda.is_available():
        pytest.skip("there is a GPU")
    path = tmp_path / "gpu.pt"
    clnet.save(clnet.ones(2), path)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records.items():
            archive.writestr(name, data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    with pytest.raises(RuntimeError, match="map_location='cpu'"):
        clnet.load(path)
    assert clnet.load(path, map_location="cpu").tolist() == [1, 1]


def test_other_byte_order(tmp_path):
    path = tmp_path / "a.pt"
    clnet.save(clnet.tensor([1.0, 2.0]), path)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records.items():
            if name.endswith("byteorder"):
                data = b"big"
            if name.endswith("data/0"):
                data = np.array([1.0, 2.0], ">f4").tobytes()
            archive.writestr(name, data)
    assert clnet.load(path).tolist() == [1.0, 2.0]


def test_mistakes_are_named(tmp_path):
    x = clnet.ones(4)
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        clnet.save([x, x.view(clnet.int32)], tmp_path / "a.pt")
    assert os.listdir(tmp_path) == []
    with pytest.raises(AttributeError, match="file-like object with a 'write'"):
        clnet.save(x, 3)
    with pytest.raises(NotImplementedError, match="zip format"):
        clnet.save(x, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(FileNotFoundError):
        clnet.load(tmp_path / "a.pt")
