"""PyTorch's paths that offer what others hold."""
from __future__ import annotations

import importlib
import pickle

import pytest

import clnet


def test_paths():
    for path in ("utils.data", "utils.checkpoint", "nn.functional", "nn.init", "nn.utils", "optim.lr_scheduler"):
        module = importlib.import_module(f"clnet.{path}")
        found = clnet
        for part in path.split("."):
            found = getattr(found, part)
        assert found is module
    assert clnet.utils.data.DataLoader is clnet.data.DataLoader
    assert clnet.utils.checkpoint.checkpoint is clnet.autograd.checkpoint.checkpoint
    assert clnet.save is clnet.io.save and "load" in dir(clnet)
    with pytest.raises(AttributeError, match="has no function 'nothing'"):
        assert clnet.nn.functional.nothing
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        assert clnet.utils.nothing


def test_cuda_means_the_gpus():
    gpus = [d for d in clnet.devices() if d.type == "cuda"]
    assert clnet.cuda.device_count() == len(gpus) and clnet.cuda.is_available() == bool(gpus)
    if gpus:
        assert clnet.cuda.get_device_name(0) == gpus[0].caps.name
        clnet.cuda.synchronize()
        assert clnet.cuda.max_memory_allocated() >= clnet.cuda.memory_allocated()
    else:
        with pytest.raises(RuntimeError, match="no OpenCL device for cuda"):
            clnet.cuda.synchronize()


def test_backends_take_pytorchs_switches():
    clnet.backends.cudnn.benchmark = True
    assert not clnet.backends.mps.is_available() and not clnet.backends.cudnn.is_available()
    clnet.backends.cudnn.benchmark = False


def test_accelerators_are_the_gpus():
    assert clnet.accelerator.is_available() == clnet.cuda.is_available()
    found = clnet.accelerator.current_accelerator()
    assert (found is None) == (clnet.accelerator.device_count() == 0) and (found is None or found.type == "cuda")


def test_exporting_is_missing():
    with pytest.raises(AttributeError, match="export"):
        clnet.onnx.export(None, None, "model.onnx")
    assert not clnet.onnx.is_in_onnx_export()


def test_public_functions_pickle():
    for f in (clnet.relu, clnet.absolute, clnet.exp_, clnet.linalg.norm, clnet.conv2d, clnet.nn.functional.relu_):
        assert pickle.loads(pickle.dumps(f)) is f
