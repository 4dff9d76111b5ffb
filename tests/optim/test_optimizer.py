"""Parameter groups, state, hooks and mistakes."""
from __future__ import annotations

import copy
import pickle

import pytest

import clnet
from clnet import nn, optim


def _net():
    clnet.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))


def _train(net, optimizer, steps=3):
    x = clnet.arange(6, dtype=clnet.float32).reshape(2, 3)
    for _ in range(steps):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
    return [p.tolist() for p in net.parameters()]


def test_groups_have_their_own_options():
    a, b = nn.Parameter(clnet.ones(1)), nn.Parameter(clnet.ones(1))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1, momentum=0.9)
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]
    assert optimizer.param_groups[1]["momentum"] == 0.9
    a.grad, b.grad = clnet.ones(1), clnet.ones(1)
    optimizer.step()
    assert a.item() == pytest.approx(0.9) and b.item() == pytest.approx(0.5)
    optimizer.add_param_group({"params": [nn.Parameter(clnet.zeros(2))], "lr": 1.0})
    assert len(optimizer.param_groups) == 3
    named = optim.SGD([("w", a), ("v", b)], lr=0.1)
    assert named.param_groups[0]["param_names"] == ["w", "v"]


def test_text():
    text = repr(optim.SGD([nn.Parameter(clnet.ones(1))], lr=0.1))
    assert text == ("SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n"
                    "    foreach: None\n    fused: None\n    lr: 0.1\n    maximize: False\n    momentum: 0\n"
                    "    nesterov: False\n    weight_decay: 0\n)")


@pytest.mark.parametrize(("make", "error", "text"), [
    (lambda: optim.SGD([], lr=1), ValueError, "optimizer got an empty parameter list"),
    (lambda: optim.SGD(clnet.ones(1)), TypeError, "should be an iterable of Tensors or dicts"),
    (lambda: optim.SGD([3]), TypeError, "can only optimize Tensors, but one of the params is int"),
    (lambda: optim.SGD([clnet.ones(1)], lr=-1), ValueError, "Invalid learning rate: -1"),
    (lambda: optim.SGD([clnet.ones(1)], momentum=-1), ValueError, "Invalid momentum value: -1"),
    (lambda: optim.SGD([clnet.ones(1)], nesterov=True), ValueError, "Nesterov momentum requires"),
    (lambda: optim.Adam([clnet.ones(1)], betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0"),
    (lambda: optim.Adam([clnet.ones(1)], eps=-1), ValueError, "Invalid epsilon value"),
    (lambda: optim.AdamW([clnet.ones(1)], weight_decay=-1), ValueError, "Invalid weight_decay value"),
    (lambda: optim.SGD([{"params": {clnet.ones(1)}}]), TypeError, "ordered collections"),
    (lambda: optim.SGD([clnet.ones(1, requires_grad=True) * 2]), ValueError, "non-leaf"),
    (lambda: optim.Adam([clnet.ones(1)], differentiable=True), NotImplementedError, "differentiable"),
    (lambda: optim.SGD([{"params": p, "lr": 1} for p in [[x] for x in [clnet.ones(1)] * 2]]), ValueError,
     "more than one parameter group"),
    (lambda: optim.SGD([clnet.ones(1)]).load_state_dict({"state": {}, "param_groups": []}), ValueError,
     "different number of parameter groups"),
    (lambda: optim.SGD([clnet.ones(1)]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}),
     ValueError, "doesn't match the size of optimizer's group"),
])
def test_mistakes_are_named(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert text in caught.value.args[0]


def test_closures():
    p = nn.Parameter(clnet.tensor([2.0]))
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with clnet.no_grad():
        assert optimizer.step(closure).item() == 4
    assert p.item() == 1


def test_zero_grad():
    p = nn.Parameter(clnet.ones(2))
    p.grad = clnet.ones(2)
    optimizer = optim.SGD([p])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert p.grad is None
    optimizer.step()


def test_hooks():
    net = _net()
    optimizer, seen = optim.SGD(net.parameters(), lr=0.1), []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    _train(net, optimizer, 1)
    before.remove()
    _train(net, optimizer, 1)
    assert seen == ["before", "after", "after"]
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    state = optimizer.state_dict()
    optimizer.register_load_state_dict_pre_hook(lambda o, s: {k: s[k] for k in ("state", "param_groups")})
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(state)
    assert state["extra"] == 1 and seen[-2:] == ["save", "loaded"]


def test_hooks_surround_a_step_that_calls_its_parents():
    class Clipped(optim.SGD):
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad.clamp_(-1, 1)
            return super().step(closure)

    p, seen = nn.Parameter(clnet.zeros(1)), []
    p.grad = clnet.tensor([5.0])
    optimizer = Clipped([p], lr=1.0)
    optimizer.register_step_pre_hook(lambda *args: seen.append(p.grad.item()))
    optimizer.step()
    assert p.item() == -1 and seen == [5.0]


def test_own_optimizers_have_hooks_too():
    class Sign(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            with clnet.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p.sub_(p.grad.sign() * group["lr"])

    p = nn.Parameter(clnet.zeros(1))
    p.grad = clnet.tensor([5.0])
    optimizer, seen = Sign([p], 0.5), []
    optimizer.register_step_post_hook(lambda *args: seen.append(1))
    optimizer.step()
    assert p.item() == -0.5 and seen == [1]


@pytest.mark.parametrize("make", [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.AdamW(p, lr=0.01),
    lambda p: optim.Adam(p, lr=0.01, amsgrad=True)])
@pytest.mark.parametrize("carry", [
    lambda old, new: new.load_state_dict(old.state_dict()),
    lambda old, new: new.load_state_dict(pickle.loads(pickle.dumps(old.state_dict())))])
def test_a_resumed_run_goes_on_the_same(make, carry):
    net = _net()
    optimizer = make(net.parameters())
    _train(net, optimizer)
    twin = copy.deepcopy(net)
    other = make(twin.parameters())
    carry(optimizer, other)
    assert _train(net, optimizer) == _train(twin, other)


def test_deep_copies_and_pickles():
    net = _net()
    optimizer = optim.AdamW(net.parameters(), lr=0.01)
    _train(net, optimizer)
    for twin, other in (copy.deepcopy((net, optimizer)), pickle.loads(pickle.dumps((net, optimizer)))):
        assert other.param_groups[0]["params"][0] is next(twin.parameters())
        assert [p.tolist() for p in net.parameters()] == [p.tolist() for p in twin.parameters()]
        expected = _train(copy.deepcopy(twin), copy.deepcopy((twin, other))[1], 0)
        assert _train(twin, other, 1) != expected


def test_the_layout_of_a_state_dict():
    net = _net()
    optimizer = optim.AdamW(net.parameters(), lr=0.01)
    assert optimizer.state_dict()["state"] == {}
    _train(net, optimizer)
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"] and list(state["state"]) == [0, 1, 2, 3]
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["param_groups"][0]["params"] == [0, 1, 2, 3]
    steps = [s["step"] for s in state["state"].values()]
    assert all(s.item() == 3 and s.dtype is clnet.float32 and s.shape == () for s in steps)
    assert len({id(s.storage) for s in steps}) == 4


def test_hooks_around_every_step():
    from clnet.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
    calls = []
    handles = [register_optimizer_step_pre_hook(lambda o, args, kwargs: calls.append(args)),
               register_optimizer_step_post_hook(lambda o, args, kwargs: calls.append(o))]
    optimizer = optim.SGD([clnet.ones(1)], lr=0.1)
    optimizer.step()
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert calls == [(optimizer,), optimizer]


def test_lbfgs_history_has_pytorchs_length():
    p = clnet.ones(2).requires_grad_()
    optimizer = optim.LBFGS([p], history_size=7, max_iter=3)

    def closure():
        optimizer.zero_grad()
        loss = (p ** 4).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert len(optimizer.state_dict()["state"][0]["al"]) == 7
