"""Checkpoints in both directions between clnet and PyTorch."""
from __future__ import annotations

import io
from collections import OrderedDict

import pytest

import clnet
from clnet import nn, optim

torch = pytest.importorskip("torch")
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")


def _objects(library, parameter):
    x = library.arange(24, dtype=library.float32).reshape(4, 6)
    return {"x": x, "t": x.t(), "row": x[1], "p": parameter(library.ones(2)), "size": x.shape,
            "dtype": library.bfloat16, "empty": library.empty(0, 3), "scalar": library.tensor(2.5),
            "plain": [1, 2.5, "a", None, True, (1, 2), {3}, b"xyz", 1 + 2j, OrderedDict(a=1)],
            "dtypes": {d: library.tensor([0, 1, 2, 3], dtype=getattr(library, d)) for d in DTYPES}}


def _check(got, expected):
    if isinstance(expected, (clnet.Tensor, torch.Tensor)):
        assert got.tolist() == expected.tolist() and got.stride() == expected.stride()
        assert str(got.dtype).split(".")[1] == str(expected.dtype).split(".")[1]
        assert got.requires_grad == expected.requires_grad and type(got).__name__ == type(expected).__name__
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        for key in expected:
            _check(got[key], expected[key])
    elif isinstance(expected, (clnet.dtype, torch.dtype)):
        assert str(got).split(".")[1] == str(expected).split(".")[1]
    else:
        assert got == expected


def test_pytorch_reads_ours():
    file = io.BytesIO()
    clnet.save(_objects(clnet, nn.Parameter), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    _check(loaded, _objects(torch, torch.nn.Parameter))
    assert loaded["x"].untyped_storage().data_ptr() == loaded["t"].untyped_storage().data_ptr()


def test_pytorch_maps_our_files_into_memory(tmp_path):
    clnet.save({"w": clnet.arange(5)}, tmp_path / "a.pt")
    assert torch.load(tmp_path / "a.pt", mmap=True)["w"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("archive", [True, False])
def test_we_read_pytorchs(archive):
    file = io.BytesIO()
    torch.save(_objects(torch, torch.nn.Parameter), file, _use_new_zipfile_serialization=archive)
    file.seek(0)
    loaded = clnet.load(file)
    _check(loaded, _objects(clnet, nn.Parameter))
    assert loaded["x"].storage is loaded["t"].storage


def test_whole_modules_of_pytorch():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(),
                              torch.nn.Flatten(), torch.nn.Linear(8, 3)).eval()
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    ours = clnet.load(file, weights_only=False)
    assert repr(ours) == repr(net)
    x = [[[[float(i * j % 5) for i in range(4)] for j in range(4)]]]
    assert ours(clnet.tensor(x)).tolist()[0] == pytest.approx(net(torch.tensor(x)).tolist()[0], rel=1e-5)


def _net(n):
    # A bias before normalisation has no gradient but rounding, which Adam would enlarge.
    return n.Sequential(n.Linear(3, 4, bias=False), n.BatchNorm1d(4), n.Linear(4, 1))


def _trained(library, n, o):
    net = _net(n)
    optimizer = o.AdamW(net.parameters(), lr=0.01)
    _train(library, net, optimizer)
    return net, optimizer


def _train(library, net, optimizer):
    optimizer.zero_grad()
    # Rows on a line would leave the weights before a normalisation gradients of rounding alone.
    net(library.arange(12, dtype=library.float32).mul(1.7).sin().reshape(4, 3)).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("ours_first", [True, False])
def test_a_run_goes_on_in_the_other_library(ours_first):
    sides = [(clnet, nn, optim), (torch, torch.nn, torch.optim)]
    (a, n, o), (b, m, q) = sides if ours_first else sides[::-1]
    net, optimizer = _trained(a, n, o)
    file = io.BytesIO()
    a.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    state = b.load(file)
    twin = _net(m)
    other = q.AdamW(twin.parameters())
    twin.load_state_dict(state["net"])
    other.load_state_dict(state["optimizer"])
    for _ in range(5):
        _train(a, net, optimizer)
        _train(b, twin, other)
    for (key, x), y in zip(net.state_dict().items(), twin.state_dict().values()):
        assert x.reshape(-1).tolist() == pytest.approx(y.reshape(-1).tolist(), rel=1e-4, abs=1e-5), key


def test_conjugates_and_signs_put_off():
    x = torch.tensor([1 + 2j])
    file = io.BytesIO()
    torch.save([x.conj(), x.clone().conj().imag], file)
    file.seek(0)
    assert [t.tolist() for t in clnet.load(file)] == [[1 - 2j], [-2.0]]
