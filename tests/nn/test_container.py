"""Lists, dictionaries and chains of modules and parameters."""
from __future__ import annotations

from collections import OrderedDict

import pytest

import clnet
from clnet import nn


def test_sequential():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    assert net(clnet.ones(1, 2)).shape == (1, 3)
    net.append(nn.Linear(3, 1)).insert(1, nn.Tanh())
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "ReLU", "Linear"]
    assert isinstance(net[-1], nn.Linear) and len(net[1:3]) == 2 and isinstance(net[:2], nn.Sequential)
    assert isinstance(net.pop(1), nn.Tanh) and len(net) == 3
    del net[0]
    assert list(net._modules) == ["0", "1"]
    net[0] = nn.Identity()
    assert isinstance(net[0], nn.Identity)
    assert len(net + nn.Sequential(nn.ReLU())) == 3 and len(net * 2) == 4
    with pytest.raises(IndexError, match="index 5 is out of range"):
        net[5]
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Flatten()))
    assert [k for k, _ in named.named_children()] == ["a", "b"] and isinstance(named.b, nn.Flatten)


def test_module_list():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    layers += [nn.ReLU()]
    assert len(list(layers.parameters())) == 6 and isinstance(layers[3], nn.ReLU) and len(layers[:2]) == 2
    assert repr(layers) == ("ModuleList(\n  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)\n"
                            "  (3): ReLU()\n)")
    with pytest.raises(NotImplementedError):
        layers(clnet.ones(2))


def test_module_dict():
    layers = nn.ModuleDict({"a": nn.Linear(1, 1)})
    layers["b"] = nn.ReLU()
    layers.update([("c", nn.Tanh())])
    assert list(layers) == ["a", "b", "c"] == list(layers.keys()) and "b" in layers
    assert isinstance(layers.pop("b"), nn.ReLU) and len(layers) == 2
    assert [k for k, _ in layers.items()] == ["a", "c"]
    assert list(layers.state_dict()) == ["a.weight", "a.bias"]


def test_parameter_list():
    values = nn.ParameterList([clnet.zeros(2), nn.Parameter(clnet.ones(1))])
    values.append(clnet.zeros(3))
    assert len(values) == 3 and all(isinstance(v, nn.Parameter) for v in values)
    assert list(values.state_dict()) == ["0", "1", "2"] and values[-1].shape == (3,)
    values[0] = clnet.ones(5)
    assert [v.numel() for v in values] == [5, 1, 3] and len(values[1:]) == 2
    assert repr(nn.ParameterList([clnet.zeros(2)])) == (
        "ParameterList(  (0): Parameter containing: [clnet.float32 of size 2])")
    with pytest.raises(RuntimeError, match="should not be called"):
        values()


def test_parameter_dict():
    values = nn.ParameterDict({"a": clnet.zeros(2)})
    values["b"] = nn.Parameter(clnet.ones(1))
    assert list(values.keys()) == ["a", "b"] and isinstance(values["a"], nn.Parameter)
    assert values.get("c") is None and len(list(values.parameters())) == 2
    assert values.pop("a").numel() == 2 and "a" not in values and list(values.state_dict()) == ["b"]
    with pytest.raises(KeyError):
        values["a"]
