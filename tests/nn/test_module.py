"""Module: what it registers, how it is called, converted, copied and shown."""
from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import clnet
from clnet import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(clnet.ones(4))
        self.register_buffer("count", clnet.zeros(()))
        self.register_buffer("scratch", clnet.zeros(2), persistent=False)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(4, 2))

    def forward(self, x, bias=0.0):
        return self.rest(self.first(x) * self.scale) + bias


def test_assignment_registers():
    net = Net()
    assert [k for k, _ in net.named_parameters()] == [
        "scale", "first.weight", "first.bias", "rest.1.weight", "rest.1.bias"]
    assert [k for k, _ in net.named_buffers()] == ["count", "scratch"]
    assert [k for k, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [k for k, _ in net.named_children()] == ["first", "rest"]
    assert isinstance(net.scale, nn.Parameter) and isinstance(net.scale, clnet.Tensor)
    net.scale = None
    assert "scale" not in dict(net.named_parameters()) and net.scale is None
    net.first = None
    assert [k for k, _ in net.named_children()] == ["rest"]
    del net.rest
    assert not list(net.parameters())
    assert "count" in dir(net)


def test_a_name_changes_what_it_holds():
    net = nn.Module()
    net.x = 3
    net.x = nn.Parameter(clnet.zeros(1))
    assert "x" in net._parameters and "x" not in net.__dict__
    net.x = nn.Linear(1, 1)
    assert "x" in net._modules and "x" not in net._parameters
    net.y = nn.Buffer(clnet.zeros(2), persistent=False)
    assert list(net.state_dict()) == ["x.weight", "x.bias"]
    net.y = clnet.ones(3)
    assert net._buffers["y"].shape == (3,)


def test_shared_parameters_are_listed_once():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 3
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    twin = copy.deepcopy(net)
    assert twin[1].weight is twin[0].weight and twin[0].weight is not net[0].weight
    assert len(net.state_dict()) == 4


@pytest.mark.parametrize(("act", "error", "text"), [
    (lambda m: setattr(m, "first", 3), TypeError, "cannot assign 'int' as child module 'first'"),
    (lambda m: setattr(m, "scale", 3.0), TypeError, "cannot assign 'float' as parameter 'scale'"),
    (lambda m: setattr(m, "count", "a"), TypeError, "cannot assign 'str' as buffer 'count'"),
    (lambda m: m.register_parameter("a.b", None), KeyError, "parameter name can't contain"),
    (lambda m: m.register_buffer("", None), KeyError, "buffer name can't be empty"),
    (lambda m: m.register_buffer("first", None), KeyError, "attribute 'first' already exists"),
    (lambda m: m.add_module("x", 3), TypeError, "int is not a Module subclass"),
    (lambda m: m.register_parameter("x", m.scale * 2), TypeError, "torch.nn.Parameter or None required"),
    (lambda m: m.nothing, AttributeError, "'Net' object has no attribute 'nothing'"),
    (lambda m: m.get_submodule("rest.7"), AttributeError, "Sequential has no attribute `7`"),
    (lambda m: m.get_parameter("count"), AttributeError, "`count` is not an nn.Parameter"),
    (lambda m: m.get_buffer("scale"), AttributeError, "`scale` is not a buffer"),
    (lambda m: m.train("no"), ValueError, "training mode is expected to be boolean"),
    (lambda m: m.to(clnet.int32), TypeError, "nn.Module.to only accepts floating point"),
    (lambda m: nn.Module()(1), NotImplementedError, 'missing the required "forward" function'),
])
def test_mistakes_are_named(act, error, text):
    with pytest.raises(error, match=None) as caught:
        act(Net())
    assert text in caught.value.args[0]


def test_nothing_is_assigned_before_init():
    class Bad(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match="before Module.__init__"):
        Bad()


def test_paths():
    net = Net()
    assert net.get_submodule("rest.1") is net.rest[1] and net.get_submodule("") is net
    assert net.get_parameter("rest.1.bias") is net.rest[1].bias
    assert net.get_buffer("count") is net.count
    net.set_submodule("rest.0", nn.Tanh())
    assert isinstance(net.rest[0], nn.Tanh)


def test_modes_and_gradients():
    net = Net()
    assert net.training and not net.eval().rest[1].training and net.train().rest.training
    net(clnet.ones(2, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(p.grad.abs().sum().item() == 0 for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(clnet.ones(2, 3)).requires_grad


def test_conversion_keeps_the_parameters():
    net = Net()
    before = net.first.weight
    values = before.tolist()
    assert net.half() is net and net.first.weight is before and before.dtype is clnet.float16
    assert before.requires_grad and before.is_leaf and net.count.dtype is clnet.float16
    net.to(clnet.float32)
    np.testing.assert_allclose(before.tolist(), values, rtol=1e-3)
    net.to("cpu", clnet.bfloat16)
    assert net.scale.dtype is clnet.bfloat16
    net.register_buffer("steps", clnet.zeros(1, dtype=clnet.int64))
    assert net.float().steps.dtype is clnet.int64
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_copies_and_pickles():
    net = Net()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(twin) == repr(net)
        assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in twin.parameters())
        for (key, a), b in zip(net.state_dict().items(), twin.state_dict().values()):
            assert a.tolist() == b.tolist(), key
        with clnet.no_grad():
            twin.scale.fill_(5)
        assert net.scale.tolist() == [1, 1, 1, 1]
        twin(clnet.ones(1, 3)).sum().backward()


def test_text():
    assert repr(Net()) == (
        "Net(\n  (first): Linear(in_features=3, out_features=4, bias=True)\n  (rest): Sequential(\n"
        "    (0): ReLU()\n    (1): Linear(in_features=4, out_features=2, bias=True)\n  )\n)")
    assert repr(nn.Parameter(clnet.zeros(1))).startswith("Parameter containing:\ntensor([0.]")


def test_forward_hooks():
    net, seen = Net(), []
    handles = [
        net.register_forward_pre_hook(lambda m, args: seen.append("pre") or (args[0] * 0,)),
        net.register_forward_pre_hook(
            lambda m, args, kwargs: (args, {"bias": 7.0}), with_kwargs=True, prepend=True),
        net.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs["bias"]), with_kwargs=True),
        net.register_forward_hook(lambda m, args, out: out * 2),
    ]
    x = clnet.ones(2, 3)
    hooked = net(x)
    assert seen == ["pre", 7.0]
    for h in handles:
        h.remove()
    np.testing.assert_allclose(hooked.tolist(), (2 * net(x * 0, bias=7.0)).tolist(), rtol=1e-6)
    assert seen == ["pre", 7.0]


def test_a_hook_can_see_failures():
    net, seen = Net(), []
    net.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(RuntimeError):
        net(clnet.ones(2, 5))
    assert seen == [None]


def test_backward_hooks():
    layer, seen = nn.Linear(3, 2), []
    pre = layer.register_full_backward_pre_hook(lambda m, g: (g[0] * 2,))
    post = layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)) or (gi[0] * 10,))
    x = clnet.ones(4, 3, requires_grad=True)
    layer(x).sum().backward()
    [(grad_input, grad_output)] = seen
    assert grad_output[0].tolist() == [[2, 2]] * 4
    np.testing.assert_allclose(x.grad.tolist(), (grad_input[0] * 10).tolist())
    assert layer.bias.grad.tolist() == [8, 8]
    pre.remove()
    post.remove()
    seen.clear()
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(gi))
    layer(clnet.ones(4, 3)).sum().backward()
    assert seen == [(None,)]


def test_state_dict_round_trip():
    net, other = Net(), Net()
    state = net.state_dict(prefix="net.")
    assert list(state) == [f"net.{k}" for k in ("scale", "count", "first.weight", "first.bias",
                                                "rest.1.weight", "rest.1.bias")]
    assert state._metadata["net"] == {"version": 1}
    assert not state["net.scale"].requires_grad
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    with clnet.no_grad():
        net.scale.fill_(3)
    kept = other.scale
    assert repr(other.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    assert other.scale is kept and kept.tolist() == [3] * 4
    given = net.state_dict()
    given["scale"] = clnet.full((4,), 9.0)
    other.load_state_dict(given, assign=True)
    assert other.scale.tolist() == [9] * 4 and other.scale.storage is given["scale"].storage
    assert isinstance(other.scale, nn.Parameter)


def test_state_dict_mismatches():
    net = Net()
    state = net.state_dict()
    del state["scale"]
    state["extra"] = clnet.zeros(1)
    state["rest.1.more"] = clnet.zeros(1)
    state["first.bias"] = clnet.zeros(2)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        'Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: "scale". \n\t'
        'Unexpected key(s) in state_dict: "extra", "rest.1.more". \n\t'
        "size mismatch for first.bias: copying a param with shape clnet.Size([2]) from checkpoint, the shape "
        "in current model is clnet.Size([4]).")
    state["first.bias"] = clnet.zeros(4)
    keys = net.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["scale"] and keys.unexpected_keys == ["extra", "rest.1.more"]
    with pytest.raises(TypeError, match="dict-like"):
        net.load_state_dict([1])


def test_state_dict_hooks_and_extra_state():
    class Extra(nn.Module):
        def get_extra_state(self):
            return {"n": 3}

        def set_extra_state(self, state):
            self.n = state["n"]

    net, seen = nn.Sequential(OrderedDict(extra=Extra(), layer=nn.Linear(1, 1))), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append("saving"))
    net.register_state_dict_post_hook(lambda m, state, prefix, meta: state.pop("layer.bias"))
    state = net.state_dict()
    assert list(state) == ["extra._extra_state", "layer.weight"] and seen == ["saving"]
    net.layer.register_load_state_dict_pre_hook(
        lambda m, state, prefix, *rest: state.setdefault(prefix + "bias", clnet.full((1,), 4.0)))
    net.register_load_state_dict_post_hook(lambda m, keys: seen.append(keys))
    net.load_state_dict(state)
    assert net.extra.n == 3 and net.layer.bias.tolist() == [4] and len(seen) == 2


def test_moving_between_devices():
    devices = clnet.devices()
    if len(devices) < 2:
        pytest.skip("one device only")
    net = Net()
    optimizer = clnet.optim.AdamW(net.parameters(), lr=0.01)
    for device in devices[:2]:
        net.to(device)
        assert all(t.device is device for t in (*net.parameters(), *net.buffers()))
        optimizer.zero_grad()
        if optimizer.state:  # state moves with a loaded state_dict, as in PyTorch
            optimizer.load_state_dict(optimizer.state_dict())
        net(clnet.ones(2, 3, device=device)).square().sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        assert all(p.grad.device is device for p in net.parameters())
    assert optimizer.state_dict()["state"][0]["step"].item() == 2
    twin = copy.deepcopy(net)
    assert twin.scale.device is devices[1]
    with pytest.raises(RuntimeError, match="same device"):
        net(clnet.ones(2, 3, device=devices[0]))
