"""SGD, Adam and AdamW against their definitions in float64, step by step."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet import nn, optim
from clnet.core.events import HUB

STEPS = 100
SHAPES = ((3, 4), (7,), (), (2, 3, 5))


def _sgd(lr=0.05, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False):
    def update(p, g, state):
        g = (-g if maximize else g) + weight_decay * p
        if momentum:
            state["b"] = momentum * state["b"] + (1 - dampening) * g if "b" in state else g
            g = g + momentum * state["b"] if nesterov else state["b"]
        return p - lr * g
    return update


def _adam(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, maximize=False,
          decoupled=False):
    def update(p, g, state):
        g = -g if maximize else g
        if decoupled:
            p = p * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * p
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * g
        v = state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * g * g
        if amsgrad:
            v = state["x"] = np.maximum(state.get("x", 0), v)
        denominator = np.sqrt(v) / np.sqrt(1 - betas[1] ** t) + eps
        return p - lr / (1 - betas[0] ** t) * m / denominator
    return update


def _gradient(step, k):
    return np.random.default_rng(step * 100 + k).normal(size=SHAPES[k])


def _start(dtype):
    rng = np.random.default_rng(7)
    values = [rng.normal(size=s) for s in SHAPES]
    return values, [nn.Parameter(clnet.tensor(v, dtype=dtype)) for v in values]


def _compare(make, update, dtype=clnet.float32, tolerance=1e-5, steps=STEPS, absent=lambda step, k: False):
    values, parameters = _start(dtype)
    states = [{} for _ in values]
    optimizer = make(parameters)
    for step in range(steps):
        for k, p in enumerate(parameters):
            g = None if absent(step, k) else _gradient(step, k)
            p.grad = None if g is None else clnet.tensor(g, dtype=dtype)
            if g is not None:
                values[k] = update(values[k], g, states[k])
        optimizer.step()
    for value, p in zip(values, parameters):
        np.testing.assert_allclose(p.tolist(), value, rtol=tolerance, atol=tolerance)
    return optimizer, states


@pytest.mark.parametrize("options", [
    {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1, "maximize": True},
    {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}])
def test_sgd(options):
    _compare(lambda p: optim.SGD(p, lr=0.05, **options), _sgd(**options))


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("options", [
    {}, {"amsgrad": True}, {"weight_decay": 0.1}, {"betas": (0.0, 0.9)},
    {"betas": (0.8, 0.95), "eps": 1e-3, "maximize": True, "weight_decay": 0.05, "amsgrad": True}])
def test_adam(options, decoupled):
    cls = optim.AdamW if decoupled else optim.Adam
    options = {"weight_decay": 0.0, **options}
    _compare(lambda p: cls(p, lr=0.01, **options), _adam(decoupled=decoupled, **options))


@pytest.mark.skipif(not clnet.current_device().caps.fp64, reason="the device computes no float64")
def test_float64_is_exact():
    definition = _adam(weight_decay=0.01, decoupled=True)
    _compare(lambda p: optim.AdamW(p, lr=0.01), definition, clnet.float64, 1e-13)


@pytest.mark.parametrize(("dtype", "tolerance"), [(clnet.float16, 4e-3), (clnet.bfloat16, 4e-2)])
def test_narrow_types_compute_in_float32(dtype, tolerance):
    _compare(lambda p: optim.Adam(p, lr=0.01), _adam(), dtype, tolerance, steps=5)


def test_parameters_without_gradients_wait():
    def absent(step, k):
        return (step + k) % 3 == 0

    _compare(lambda p: optim.SGD(p, lr=0.05, momentum=0.9), _sgd(momentum=0.9), absent=absent)
    optimizer, states = _compare(lambda p: optim.Adam(p, lr=0.01), _adam(), absent=absent)
    counts = [float(s["step"]) for s in optimizer.state_dict()["state"].values()]
    assert sorted(counts) == sorted(s["t"] for s in states)


def test_rates_may_be_tensors_and_change():
    for cls, update, options in ((optim.SGD, _sgd, {}), (optim.AdamW, _adam, {"weight_decay": 0.0})):
        rate = clnet.tensor([0.5])
        values, parameters = _start(clnet.float32)
        optimizer = cls(parameters, lr=rate, **options)
        states = [{} for _ in values]
        for step in range(10):
            lr = 0.1 / (step + 1)
            optimizer.param_groups[0]["lr"].fill_(lr)
            for k, p in enumerate(parameters):
                p.grad = clnet.tensor(_gradient(step, k), dtype=clnet.float32)
                values[k] = update(lr=lr)(values[k], _gradient(step, k), states[k])
            optimizer.step()
        for value, p in zip(values, parameters):
            np.testing.assert_allclose(p.tolist(), value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("make", "extra"), [
    (lambda p: optim.SGD(p, lr=0.1), 0), (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), 0),
    (lambda p: optim.AdamW(p), 1)])
def test_a_launch_updates_many_parameters(make, extra):
    parameters = [nn.Parameter(clnet.ones(k % 7 + 1, 3)) for k in range(20)]
    optimizer = make(parameters)
    for p in parameters:
        p.grad = clnet.ones_like(p)
    optimizer.step()
    launches = []
    stop = HUB.subscribe(launch=launches.append)
    optimizer.step()
    stop()
    assert len(launches) <= 3 + extra
    for p in parameters:
        assert clnet.equal(p, parameters[0][:1].expand(p.shape))


def test_a_parameter_given_twice_steps_twice():
    p = nn.Parameter(clnet.ones(3))
    p.grad = clnet.ones(3)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = optim.SGD([p, p, nn.Parameter(clnet.ones(2))], lr=0.25)
    optimizer.step()
    assert p.tolist() == [0.5] * 3


@pytest.mark.parametrize("dtype", [clnet.float16, clnet.bfloat16])
def test_slots_of_many_sizes_and_types(dtype):
    sizes = (1, 15, 16, 33, 4096, 4097, 9000, 0)
    parameters = [nn.Parameter(clnet.full((n,), 2.0, dtype=d)) for n in sizes for d in (dtype, clnet.float32)]
    for p in parameters:
        p.grad = clnet.ones_like(p)
    optim.RMSprop(parameters, lr=0.5, alpha=0.0).step()
    for p in parameters:
        assert bool((p == 1.5).all())


def test_steps_count_as_writes():
    p = nn.Parameter(clnet.ones(3))
    loss = (p * p).sum()
    p.grad = clnet.ones(3)
    version = p._version
    optim.AdamW([p]).step()
    assert p._version > version and p.is_leaf and p.requires_grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_strided_parameters():
    p = nn.Parameter(clnet.ones(3, 4).t())
    p.grad = clnet.arange(12, dtype=clnet.float32).reshape(4, 3)
    optim.SGD([p], lr=0.5, momentum=0.9).step()
    np.testing.assert_allclose(p.tolist(), 1 - 0.5 * np.arange(12).reshape(4, 3))
