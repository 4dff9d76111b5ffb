"""Optimizers and schedules beside PyTorch's: trajectories, text, state."""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import clnet
from clnet import nn, optim

torch = pytest.importorskip("torch")

SHAPES = ((3, 4), (7,), (), (2, 3, 5))
_DECOUPLED = {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}
OPTIMIZERS = {
    "SGD": ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
            {"momentum": 0.9, "dampening": 0.3, "maximize": True}),
    "Adam": ({}, {"amsgrad": True, "weight_decay": 0.1}, {"betas": (0.8, 0.95), "maximize": True}),
    "AdamW": ({}, {"amsgrad": True, "weight_decay": 0.1}, {"eps": 1e-3}),
    "NAdam": ({}, _DECOUPLED, {"weight_decay": 0.1, "momentum_decay": 0.01}),
    "RAdam": ({}, _DECOUPLED, {"weight_decay": 0.1, "betas": (0.8, 0.95)}),
    "Adamax": ({}, {"weight_decay": 0.1, "maximize": True}),
    "Adagrad": ({}, {"weight_decay": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    "Adadelta": ({}, {"weight_decay": 0.1, "maximize": True, "rho": 0.7}),
    "RMSprop": ({}, {"weight_decay": 0.1, "momentum": 0.7}, {"centered": True, "momentum": 0.5}),
    "Rprop": ({}, {"maximize": True, "etas": (0.3, 1.5)}),
    "ASGD": ({}, {"weight_decay": 0.1, "t0": 10, "lambd": 0.01}),
    "Adafactor": ({}, {"weight_decay": 0.1, "maximize": True, "d": 1.2}),
    "Muon": ({}, {"adjust_lr_fn": "match_rms_adamw", "nesterov": False}),
}


def _train(library, parameter, module, name, options, steps=100):
    rng = np.random.default_rng(0)
    shapes = [s for s in SHAPES if name != "Muon" or len(s) == 2]
    values = [rng.normal(size=s).astype("float32") for s in shapes]
    parameters = [parameter(library.tensor(v)) for v in values]
    optimizer = getattr(module, name)(parameters, lr=0.01, **options)
    for _ in range(steps):
        for p in parameters:
            p.grad = library.tensor(rng.normal(size=tuple(p.shape)).astype("float32"))
        optimizer.step()
    return [p.tolist() for p in parameters], optimizer


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, group in OPTIMIZERS.items() for o in group])
def test_trajectory(name, options):
    ours, a = _train(clnet, nn.Parameter, optim, name, options)
    theirs, b = _train(torch, torch.nn.Parameter, torch.optim, name, options)
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)
    assert repr(a) == repr(b)
    saved, expected = a.state_dict(), b.state_dict()
    assert saved["param_groups"] == expected["param_groups"]
    assert [list(g) for g in saved["param_groups"]] == [list(g) for g in expected["param_groups"]]
    assert list(saved["state"]) == list(expected["state"])
    for i, entries in expected["state"].items():
        assert list(saved["state"][i]) == list(entries)
        for key, value in entries.items():
            np.testing.assert_allclose(saved["state"][i][key].tolist(), value.tolist(), rtol=1e-4, atol=2e-6)


def _minimise(library, parameter, module, options):
    p = parameter(library.tensor(np.array([-1.2, 1.0, 0.5, -0.3])))
    q = parameter(library.tensor(np.array([[2.0, 1.0]])))
    optimizer = module.LBFGS([p, q], **options)

    def closure():
        optimizer.zero_grad()
        loss = (10 * (p[2:] - p[:2] ** 2) ** 2 + (1 - p[:2]) ** 2 / 10).sum() + ((q - 3) ** 4).sum()
        loss.backward()
        return loss

    losses = [float(optimizer.step(closure).detach()) for _ in range(4)]
    return losses, p.tolist(), optimizer


@pytest.mark.skipif(not clnet.current_device().caps.fp64, reason="the device computes no float64")
@pytest.mark.parametrize("options", [
    {"lr": 0.1, "max_iter": 5}, {"line_search_fn": "strong_wolfe", "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "max_iter": 6, "history_size": 3}])
def test_lbfgs(options):
    ours, p, a = _minimise(clnet, nn.Parameter, optim, options)
    theirs, q, b = _minimise(torch, torch.nn.Parameter, torch.optim, options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(p, q, rtol=1e-5)
    saved, expected = a.state_dict()["state"][0], b.state_dict()["state"][0]
    assert set(saved) == set(expected)
    assert saved["func_evals"] == expected["func_evals"]


def test_every_optimizer_is_compared():
    offered = {n for n in optim.__all__ if n[0].isupper()} - {"Optimizer", "LBFGS"}
    assert offered == set(OPTIMIZERS)
    theirs = {n for n, v in vars(torch.optim).items() if isinstance(v, type)} - {"Optimizer", "LBFGS", "SparseAdam"}
    assert offered == theirs


SCHEDULES = {
    "StepLR": {"step_size": 3}, "MultiStepLR": {"milestones": [3, 5, 5, 9]}, "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 7, "eta_min": 0.01}, "LambdaLR": {"lr_lambda": lambda t: 0.9 ** t},
    "LinearLR": {}, "ConstantLR": {}, "OneCycleLR": {"max_lr": 1.0, "total_steps": 41},
    "ReduceLROnPlateau": {"patience": 2, "cooldown": 1},
    "MultiplicativeLR": {"lr_lambda": lambda t: 0.95}, "PolynomialLR": {"total_iters": 12, "power": 0.9},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 5, "step_size_down": 8, "mode": "triangular2"},
    "CosineAnnealingWarmRestarts": {"T_0": 4, "T_mult": 2, "eta_min": 0.01},
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("three_phase", [False, True])
def test_schedule(name, three_phase):
    options = dict(SCHEDULES[name])
    if name == "OneCycleLR":
        options |= {"three_phase": three_phase, "anneal_strategy": "linear" if three_phase else "cos"}
    rates = []
    for library, module in ((clnet, optim), (torch, torch.optim)):
        optimizer = module.SGD([library.zeros(2, requires_grad=True)], lr=0.1, momentum=0.9)
        schedule = getattr(module.lr_scheduler, name)(optimizer, **options)
        seen = []
        for i in range(40):
            optimizer.step()
            schedule.step(*([1 / (i // 4 + 1) ** 0.01] if name == "ReduceLROnPlateau" else []))
            seen.append((schedule.get_last_lr()[0], optimizer.param_groups[0]["momentum"]))
        rates.append(seen)
    assert rates[0] == rates[1]


def test_every_schedule_is_compared():
    for library in (clnet, torch):
        schedules = vars(library.optim.lr_scheduler)
        offered = {n for n, v in schedules.items() if isinstance(v, type) and not n.startswith("_")
                   and issubclass(v, schedules["LRScheduler"])} - {"LRScheduler", "ChainedScheduler", "SequentialLR"}
        assert offered == set(SCHEDULES)


def _chained(schedules, optimizer):
    return schedules.ChainedScheduler([schedules.ConstantLR(optimizer, 0.5, 7),
                                       schedules.ExponentialLR(optimizer, 0.9)])


def _sequential(schedules, optimizer):
    return schedules.SequentialLR(optimizer, [
        schedules.LinearLR(optimizer, 0.1, total_iters=5), schedules.CosineAnnealingLR(optimizer, 10),
        schedules.StepLR(optimizer, 3)], [6, 16])


def _exponential_cycle(schedules, optimizer):
    return schedules.CyclicLR(optimizer, 0.01, 0.3, 5, mode="exp_range", gamma=0.97, cycle_momentum=False)


@pytest.mark.parametrize("make", [_chained, _sequential, _exponential_cycle])
def test_composed_schedule(make):
    rates = []
    for library, module in ((clnet, optim), (torch, torch.optim)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optimizer = module.SGD([library.zeros(2, requires_grad=True)], lr=0.1, momentum=0.9)
            schedule = make(module.lr_scheduler, optimizer)
            seen = [schedule.get_last_lr()[0]]
            for i in range(30):
                if i == 12:  # continued elsewhere
                    state = schedule.state_dict()
                    schedule = make(module.lr_scheduler, optimizer)
                    schedule.load_state_dict(state)
                    optimizer.param_groups[0]["lr"] = seen[-1]
                optimizer.step()
                schedule.step()
                seen.append(schedule.get_last_lr()[0])
        rates.append(seen)
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-12)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_averages(strategy):
    """The averages of SWA and EMA, their rates, and the batch statistics under them."""
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(5, 3)).astype("float32") for _ in range(4)]
    weights = [rng.normal(size=(4, 3)).astype("float32") for _ in range(5)]
    results = []
    for library, module in ((clnet, optim), (torch, torch.optim)):
        net = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.BatchNorm1d(4))
        swa = module.swa_utils.AveragedModel(net)
        ema = module.swa_utils.AveragedModel(net, multi_avg_fn=module.swa_utils.get_ema_multi_avg_fn(0.9))
        one = module.swa_utils.AveragedModel(net, avg_fn=module.swa_utils.get_ema_avg_fn(0.9), use_buffers=True)
        optimizer = module.SGD(net.parameters(), lr=0.5)
        schedule = module.swa_utils.SWALR(optimizer, 0.05, anneal_epochs=3, anneal_strategy=strategy)
        rates = []
        with library.no_grad():
            net[0].bias.zero_()
        for w in weights:
            with library.no_grad():
                net[0].weight.copy_(library.tensor(w))
            for averaged in (swa, ema, one):
                averaged.update_parameters(net)
            optimizer.step()
            schedule.step()
            rates.append(schedule.get_last_lr()[0])
        module.swa_utils.update_bn([library.tensor(b) for b in batches], swa)
        results.append([rates, *(np.array(v.tolist()) for m in (swa, ema, one) for v in m.state_dict().values())])
        names = list(swa.state_dict())
    assert names[0] == "n_averaged"
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_setting_the_epoch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates it
        rates = []
        for library, module in ((clnet, optim), (torch, torch.optim)):
            optimizer = module.SGD([library.zeros(2, requires_grad=True)], lr=0.1)
            schedule = module.lr_scheduler.CosineAnnealingLR(optimizer, 10)
            optimizer.step()
            schedule.step(7)
            rates.append(schedule.get_last_lr())
    assert rates[0] == rates[1]
