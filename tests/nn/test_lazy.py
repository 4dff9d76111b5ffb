"""Layers whose sizes the first input tells."""
from __future__ import annotations

import copy

import pytest

import clnet
from clnet import nn


@pytest.mark.parametrize(("make", "shape", "cls"), [
    (lambda: nn.LazyLinear(3), (2, 4), nn.Linear),
    (lambda: nn.LazyBatchNorm1d(), (4, 3), nn.BatchNorm1d),
    (lambda: nn.LazyBatchNorm2d(affine=False), (4, 3, 2, 2), nn.BatchNorm2d),
    (lambda: nn.LazyBatchNorm3d(), (2, 3, 2, 2, 2), nn.BatchNorm3d),
    (lambda: nn.LazyConv1d(4, 3, padding=1), (2, 3, 5), nn.Conv1d),
    (lambda: nn.LazyConv2d(6, 3, groups=3), (2, 3, 5, 5), nn.Conv2d),
    (lambda: nn.LazyConvTranspose2d(4, 3, bias=False), (2, 3, 5, 5), nn.ConvTranspose2d),
    (lambda: nn.LazyInstanceNorm1d(), (4, 3, 5), nn.InstanceNorm1d),
    (lambda: nn.LazyInstanceNorm2d(track_running_stats=False), (4, 3, 2, 2), nn.InstanceNorm2d),
    (lambda: nn.LazyInstanceNorm3d(), (2, 3, 2, 2, 2), nn.InstanceNorm3d)])
def test_the_first_input_tells_the_sizes(make, shape, cls):
    layer = make()
    assert layer.has_uninitialized_params()
    twin = copy.deepcopy(layer)
    x = clnet.randn(shape).requires_grad_()
    y = layer(x)
    assert type(layer) is cls and y.shape[0] == shape[0]
    y.sum().backward()
    assert all(p.grad is not None and type(p) is nn.Parameter for p in layer.parameters())
    assert clnet.equal(layer.eval()(x), layer(x))
    twin.load_state_dict(layer.state_dict())
    twin(x)
    assert all(clnet.equal(a, b) for a, b in zip(layer.parameters(), twin.parameters()))


def test_shapes_are_unknown_before():
    layer = nn.LazyLinear(3)
    with pytest.raises(RuntimeError, match="uninitialized"):
        _ = layer.weight.shape
    assert "in_features=0" in repr(layer)


def test_batch_norms_become_synchronised():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm2d(4, affine=False)))
    weight = net[1].weight
    found = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert isinstance(found[1], nn.SyncBatchNorm) and isinstance(found[2][0], nn.SyncBatchNorm)
    assert found[1].weight is weight
    x = clnet.randn(5, 3)
    assert clnet.equal(found[1](x), nn.BatchNorm1d(3)(x))
    with pytest.raises(ValueError, match="at least 2D"):
        found[1](clnet.ones(3))
