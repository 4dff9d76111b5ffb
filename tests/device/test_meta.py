"""Tensors without elements."""
from __future__ import annotations

import copy

import pytest

import clnet
from clnet import nn


def test_shapes_and_dtypes_alone():
    x = clnet.empty(2, 3, device="meta", dtype=clnet.float16)
    y = (x @ x.T).softmax(-1).sum(0, keepdim=True)
    assert y.shape == (1, 2) and y.dtype is clnet.float16 and y.device.type == "meta" and y.is_meta
    assert repr(x) == "tensor(..., device='meta', size=(2, 3), dtype=clnet.float16)"
    assert clnet.ones(2).to("meta").is_meta and not clnet.ones(2).is_meta
    assert x.view(3, 2).t()[0].shape == (3,) and clnet.cat([x, x]).shape == (4, 3)
    for read in (lambda: x.to(clnet.device("cpu")), x.tolist, lambda: x.sum().item(), x.nonzero):
        with pytest.raises(NotImplementedError, match="no data"):
            read()


def test_no_memory_is_taken():
    with clnet.device("meta"):
        model = nn.Linear(1 << 20, 1 << 20)
        out = model(clnet.rand(4, 1 << 20))
    assert model.weight.nbytes == 1 << 42 and out.shape == (4, 1 << 20)
    out.sum().backward()
    assert model.weight.grad.shape == model.weight.shape


def test_modules_come_and_go():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    skeleton = copy.deepcopy(model).to("meta")
    assert all(p.is_meta for p in skeleton.parameters())
    x = clnet.rand(5, 3)
    tensors = dict(model.eval().named_parameters()) | dict(model.named_buffers())
    called = clnet.func.functional_call(skeleton.eval(), tensors, x)
    assert called.equal(model(x)) and called.shape == (5, 4)
    skeleton.to_empty(device=model[0].weight.device).load_state_dict(model.state_dict())
    assert skeleton.eval()(x).equal(model(x))
    with clnet.device("meta"):
        other = nn.Linear(3, 4)
    other.load_state_dict(model[0].state_dict(), assign=True)
    assert other(x).equal(model[0](x))
    with pytest.raises(NotImplementedError, match="to_empty"):
        nn.Linear(2, 2, device="meta").to(clnet.device("cpu"))
