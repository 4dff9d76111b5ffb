"""Grids of devices, and that a program in one process finds no group."""
from __future__ import annotations

import pytest

import clnet
from clnet import nn
from clnet.distributed import DeviceMesh, init_device_mesh


def _devices():
    here = clnet.current_device()
    if here.caps.device_type != "cpu" or here.caps.units < 2:
        pytest.skip("the device can't be split")
    return here.split(2)


def test_shape_and_parts():
    a, b = _devices()
    mesh = DeviceMesh("cpu", [[a], [b]], mesh_dim_names=("batch", "model"))
    assert mesh.devices == [a, b] == list(mesh) and mesh.shape == (2, 1) and mesh.ndim == 2
    assert (mesh.size(), mesh.size(0), len(mesh)) == (2, 2, 2)
    assert mesh["batch"] == DeviceMesh("cpu", [a, b], mesh_dim_names=("batch",)) and mesh["model"].devices == [a]
    assert mesh["model", "batch"].shape == (1, 2)
    assert str(a) in repr(mesh) and hash(mesh["batch"]) == hash(mesh["batch"])
    numbered = init_device_mesh("cpu", (1,), mesh_dim_names=("batch",))
    assert numbered.devices == [clnet.device("cpu")] and DeviceMesh("cpu", clnet.tensor([0])).size() == 1


def test_mistakes():
    a, b = _devices()
    with pytest.raises(RuntimeError, match="more than once"):
        DeviceMesh("cpu", [a, a])
    with pytest.raises(RuntimeError, match="unevenly"):
        DeviceMesh("cpu", [[a], b])
    with pytest.raises(RuntimeError, match="no devices"):
        DeviceMesh("cpu", [])
    with pytest.raises(RuntimeError, match="mesh_dim_names"):
        DeviceMesh("cpu", [a, b], mesh_dim_names=("x", "y"))
    with pytest.raises(RuntimeError, match="no OpenCL device for cpu:99"):
        DeviceMesh("cpu", [99])
    with pytest.raises(RuntimeError, match="unique"):
        init_device_mesh("cpu", (1, 1), mesh_dim_names=("x", "x"))
    with pytest.raises(KeyError, match="Invalid mesh_dim_name"):
        DeviceMesh("cpu", [a])["x"]


def test_data_parallel_over_a_mesh():
    a, b = _devices()
    with a:
        model = nn.DataParallel(nn.Linear(3, 2), DeviceMesh("cpu", [a, b]), shares=[1, 2])
        assert model.devices == [a, b] and model(clnet.ones(6, 3)).shape == (6, 2)


def test_a_single_process():
    assert not clnet.distributed.is_available() and not clnet.distributed.is_initialized()
    with pytest.raises(ValueError, match="has not been initialized"):
        clnet.distributed.get_rank()
    with pytest.raises(NotImplementedError, match="one process"):
        clnet.distributed.init_process_group("gloo")
