"""Schedules against their closed forms."""
from __future__ import annotations

import math

import pytest

import clnet
from clnet import nn, optim
from clnet.optim import lr_scheduler as sched

EPOCHS = 30


def _optimizer(lr=0.1, cls=optim.SGD, **options):
    return cls([nn.Parameter(clnet.zeros(1))], lr=lr, **options)


def _rates(make, optimizer=None, epochs=EPOCHS):
    optimizer = optimizer or _optimizer()
    schedule = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(epochs):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
        assert rates[-1] == optimizer.param_groups[0]["lr"]
    return rates


@pytest.mark.parametrize(("make", "closed"), [
    (lambda o: sched.StepLR(o, 7, 0.5), lambda t: 0.1 * 0.5 ** (t // 7)),
    (lambda o: sched.MultiStepLR(o, [3, 9, 9], 0.5), lambda t: 0.1 * 0.5 ** ((t >= 3) + 2 * (t >= 9))),
    (lambda o: sched.ExponentialLR(o, 0.9), lambda t: 0.1 * 0.9 ** t),
    (lambda o: sched.LambdaLR(o, lambda t: 1 / (t + 1)), lambda t: 0.1 / (t + 1)),
    (lambda o: sched.ConstantLR(o, 0.5, 4), lambda t: 0.05 if t < 4 else 0.1),
    (lambda o: sched.LinearLR(o, 0.25, 1.0, 8), lambda t: 0.1 * (0.25 + 0.75 * min(t, 8) / 8)),
    (lambda o: sched.CosineAnnealingLR(o, 10, 0.01),
     lambda t: 0.01 + 0.09 * (1 + math.cos(math.pi * t / 10)) / 2),
])
def test_closed_forms(make, closed):
    assert _rates(make) == pytest.approx([closed(t) for t in range(EPOCHS + 1)], rel=1e-9)


def test_one_cycle():
    optimizer = _optimizer(cls=optim.AdamW)
    schedule = sched.OneCycleLR(optimizer, 1.0, total_steps=20, pct_start=0.25)
    rates, betas = [], []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        betas.append(optimizer.param_groups[0]["betas"][0])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(1 / 25) and max(rates) == rates[4] == pytest.approx(1.0)
    assert rates[19] == pytest.approx(1 / 25 / 1e4)
    assert betas[0] == pytest.approx(0.95) and betas[4] == pytest.approx(0.85) == min(betas)
    with pytest.raises(ValueError, match="Tried to step 21 times"):
        schedule.step()
    with pytest.raises(ValueError, match="total_steps OR"):
        sched.OneCycleLR(_optimizer(), 1.0)


def test_plateau():
    optimizer = _optimizer(1.0)
    schedule = sched.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1, min_lr=0.2)
    rates = []
    for loss in (3, 2, 2, 2, 2, 2, 2, 2, 2, 2):
        schedule.step(clnet.tensor(float(loss)))
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2]
    with pytest.raises(ValueError, match="Factor should be < 1.0"):
        sched.ReduceLROnPlateau(optimizer, factor=1.0)


def test_schedules_resume():
    optimizer = _optimizer()
    schedule = sched.CosineAnnealingLR(optimizer, 10)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    other = _optimizer()
    resumed = sched.CosineAnnealingLR(other, 10)
    resumed.load_state_dict(schedule.state_dict())
    other.load_state_dict(optimizer.state_dict())
    for o, s in ((optimizer, schedule), (other, resumed)):
        o.step()
        s.step()
    assert schedule.get_last_lr() == resumed.get_last_lr()
    assert "optimizer" not in schedule.state_dict()
    late = _optimizer()
    with pytest.raises(KeyError, match="initial_lr"):
        sched.StepLR(late, 3, last_epoch=5)


def test_rates_in_tensors_stay_the_same_tensor():
    rate = clnet.tensor(0.1)
    optimizer = _optimizer(rate)
    schedule = sched.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] is rate and rate.item() == pytest.approx(0.05)


def test_wrong_order_is_noticed():
    schedule = sched.StepLR(_optimizer(), 3)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        schedule.step()
    with pytest.raises(TypeError, match="is not an Optimizer"):
        sched.StepLR(3, 3)
