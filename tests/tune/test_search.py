"""Searches with a clock that is made up: strategies, what is tried, what is kept."""
from __future__ import annotations

import dataclasses
import math
import random

import pytest

from clnet.core import dtypes as dt
from clnet.core import layout as lay
from clnet.core.errors import BuildError
from clnet.core.presets import RTX_3060
from clnet.core.tunables import Trial, families
from clnet.core.tuned import Database, Machine
from clnet.ops.matmul import gemm
from clnet.tune import STRATEGIES, Journal, Outcome, Problem, Space, tune
from clnet.tune.general import general_entries
from clnet.tune.journal import identity_of
from clnet.tune.standard import PROBLEMS, problems
from clnet.tune.strategy import given
from clnet.tune.tuner import WrongDefaultError

CPU = dataclasses.replace(RTX_3060.with_plan_class("cpu"), float_vector_width=16, units=4)
PROBLEM = Problem.of(gemm, (lay.dense((256, 256), dt.float32), lay.dense((256, 256), dt.float32)), {})


class Clock:
    """A bench on which a plan's time is a function of its kernel's parameters; it drifts, too."""

    def __init__(self, seconds, broken=lambda p: False, wrong=lambda p: False):
        self.seconds, self.broken, self.wrong = seconds, broken, wrong
        self.loaded, self.drift = [], 1.0

    def load(self, plan):
        parameters = dict(plan.launches[-1].spec.params) | {"size": plan.launches[-1].global_size[0]}
        self.loaded.append(parameters)
        if self.broken(parameters):
            raise BuildError("no registers left\nlog")
        return parameters

    def error(self, loaded):
        return "all wrong" if self.wrong(loaded) else ""

    def sample(self, loaded):
        assert not self.wrong(loaded), "timed though its results are wrong"
        self.drift *= 1.01
        return self.seconds(loaded) * self.drift


def seconds(p):
    """Fastest by far for 4 rows, 3 vectors and both factors packed."""
    return 1e-3 * (1 + abs(p["rows"] - 4) + abs(p["vectors"] - 3) + (not p["pack_a"]) + (not p["pack_b"]))


def best(outcome):
    return {name: v for (_, name), v in outcome.best.items()}


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_find_the_best(name):
    outcome = tune(PROBLEM, CPU, Clock(seconds), STRATEGIES[name], seconds=60, most=400)
    assert best(outcome).items() >= {"rows": 4, "vectors": 3, "pack_a": True, "pack_b": True}.items()
    assert outcome.cost == pytest.approx(1 / 8, rel=0.05)
    (entry,) = outcome.entries(CPU)
    assert entry.family == "matmul_tile" and entry.sizes == (1, 256, 256, 256)
    assert entry.choice["rows"] == 4 and entry.machine.name == CPU.name


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_end_and_are_reproducible(name):
    values = {("f", "a"): (1, 2, 3), ("f", "b"): (False, True)}
    runs = []
    for _ in range(2):
        space = Space(values, {("f", "a"): 2, ("f", "b"): False})
        search, asked = STRATEGIES[name](space, random.Random(3)), []
        variant = next(search)
        assert variant == space.default
        try:
            while True:
                asked.append(variant)
                variant = search.send(variant["f", "a"] - variant["f", "b"])
        except StopIteration:
            runs.append(asked)
    assert runs[0] == runs[1]
    assert {("f", "a"): 1, ("f", "b"): True} in runs[0]
    assert len(runs[0]) < 1000


def test_the_model_stays_where_nothing_is_clearly_faster():
    outcome = tune(PROBLEM, CPU, Clock(lambda p: 1e-3 * (1 - 0.001 * p["rows"])), STRATEGIES["random"], most=50)
    assert outcome.best == {} and outcome.cost == 1.0 and not outcome.complete
    (entry,) = outcome.entries(CPU)
    assert entry.choice == {} and entry.time_us == entry.default_us


def test_wrong_variants_are_never_timed_and_failures_are_survived():
    clock = Clock(seconds, broken=lambda p: p["vectors"] == 3, wrong=lambda p: p["rows"] == 4)
    outcome = tune(PROBLEM, CPU, clock, STRATEGIES["coordinate"], most=300)
    status = {s: [r for r in outcome.records if r.status == s] for s in ("ok", "wrong", "failed")}
    assert all(status.values())
    assert all(math.isinf(r.cost) for s in ("wrong", "failed") for r in status[s])
    assert status["failed"][0].detail == "no registers left"
    assert best(outcome)["rows"] != 4 and best(outcome)["vectors"] != 3


def test_a_wrong_default_is_reported():
    with pytest.raises(WrongDefaultError, match="all wrong"):
        tune(PROBLEM, CPU, Clock(seconds, wrong=lambda p: True), STRATEGIES["random"])


def test_plans_that_are_the_same_are_tried_once():
    clock = Clock(seconds)
    outcome = tune(PROBLEM, CPU, clock, STRATEGIES["random"], most=200)
    assert len(outcome.records) == 200
    seen = [tuple(sorted((k, repr(v)) for k, v in p.items())) for p in clock.loaded[1:201]]
    assert len(set(seen)) > 20  # launches differ beyond the kernel's parameters, in their arguments


def test_budgets():
    assert tune(PROBLEM, CPU, Clock(seconds), STRATEGIES["random"], seconds=0).records == []
    assert len(tune(PROBLEM, CPU, Clock(seconds), STRATEGIES["random"], most=7).records) == 7


def test_known_variants_are_verified_and_kept_only_if_they_win():
    good = {("matmul_tile", "rows"): 4, ("matmul_tile", "vectors"): 3, ("gone", "x"): 1}
    outcome = tune(PROBLEM, CPU, Clock(seconds), given([good]), most=50)
    assert outcome.complete and len(outcome.records) == 1 and best(outcome)["rows"] == 4
    slow = {("matmul_tile", "rows"): 12, ("matmul_tile", "vectors"): 1}
    assert tune(PROBLEM, CPU, Clock(seconds), given([slow]), most=50).best == {}
    wrong = Clock(seconds, wrong=lambda p: p["rows"] == 4)
    assert tune(PROBLEM, CPU, wrong, given([good]), most=50).best == {}


def test_a_search_that_was_killed_goes_on(tmp_path):
    path = tmp_path / "journal.jsonl"
    first = tune(PROBLEM, CPU, Clock(seconds), STRATEGIES["coordinate"], most=20, journal=Journal(path, "here"))
    with path.open("a") as file:
        file.write('{"identity": "here", "prob')  # killed while it wrote
    clock = Clock(seconds)
    second = tune(PROBLEM, CPU, clock, STRATEGIES["coordinate"], most=20, journal=Journal(path, "here"))
    assert [r.values for r in second.records[:20]] == [r.values for r in first.records]
    assert len(second.records) == 40
    elsewhere = tune(PROBLEM, CPU, Clock(seconds), STRATEGIES["coordinate"], most=20, journal=Journal(path, "there"))
    assert len(elsewhere.records) == 20
    anew = tune(PROBLEM, CPU, Clock(seconds), STRATEGIES["coordinate"], most=5, journal=Journal(path, "here", False))
    assert len(anew.records) == 5
    third = Journal(path, "here")
    assert all(third.known(PROBLEM.text, r.values)["status"] == "ok" for r in second.records)


def test_what_kills_the_process_is_not_tried_for_ever(tmp_path):
    path, values = tmp_path / "deep" / "journal.jsonl", {("f", "a"): 1}
    for _ in range(2):
        assert Journal(path, "here").known("problem", values) is None
        Journal(path, "here").begin("problem", values)
    assert Journal(path, "here").known("problem", values)["status"] == "failed"


def test_general_entries_are_good_on_all_devices(tmp_path):
    """One device likes many rows, another few; between them is what neither minds."""
    other = dataclasses.replace(CPU, name="another")
    slow = {CPU: {4: 0.5, 6: 0.6, 8: 2.0, 2: 0.4}, other: {4: 0.9, 6: 0.6, 8: 0.4, 2: 2.0}}
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, (caps, costs) in zip(paths, slow.items()):
        journal = Journal(path, identity_of(caps))
        for rows, cost in costs.items():
            values = {("matmul_tile", "rows"): rows}
            journal.begin(PROBLEM.text, values)
            journal.judge(PROBLEM.text, values, status="ok", cost=cost)
        journal.judge(PROBLEM.text, {("matmul_tile", "rows"): 1}, status="wrong")
    with paths[0].open("a") as file:
        file.write('{"identity": "here", "prob')
    (entry,) = general_entries(paths, CPU)
    assert entry.choice["rows"] == 6 and (entry.time_us, entry.default_us) == (0.6, 1.0)
    assert entry.machine == Machine(type=CPU.device_type, plan_class="cpu")
    stranger = dataclasses.replace(CPU, name="unseen", vendor="nobody", platform="any")
    assert Database([entry]).find(stranger, entry.family, entry.kind, entry.sizes) is entry
    assert general_entries(paths[:1], CPU) == []  # one device says nothing about others


def test_failures_are_remembered(tmp_path):
    path = tmp_path / "journal.jsonl"
    broken = {"broken": lambda p: p["vectors"] == 3}
    tune(PROBLEM, CPU, Clock(seconds, **broken), STRATEGIES["coordinate"], most=40, journal=Journal(path, "here"))
    clock = Clock(seconds)
    outcome = tune(PROBLEM, CPU, clock, STRATEGIES["coordinate"], most=0, journal=Journal(path, "here"))
    assert any(r.status == "failed" for r in outcome.records)
    assert all(p["vectors"] != 3 for p in clock.loaded)


@pytest.mark.parametrize("family", PROBLEMS)
@pytest.mark.parametrize("caps", [CPU, RTX_3060], ids=["cpu", "gpu"])
def test_standard_problems_have_choices_and_a_text(family, caps):
    sizes = []
    for problem in problems([family], [], dt.float32):
        space = Space.of(problem, caps)
        sizes.append(space.size)
        assert all(space.default[key] in values for key, values in space.values.items())
        again = Problem.parse(problem.text)
        assert again.text == problem.text
        assert again.plan(caps) == problem.plan(caps)
    assert sum(size > 1 for size in sizes) > 0.9 * len(sizes)


def test_spaces_reach_what_other_choices_ask_for():
    (problem,) = [p for p in problems(["conv"], ["n4c16h16o32k3p1"], dt.float32) if p.op.name == "_conv_forward"]
    keys = Space.of(problem, CPU).values
    assert {("conv_windows", "panel"), ("conv_windows", "rows"), ("conv_panel", "block")} <= keys.keys()


@pytest.mark.parametrize(("family", "size"), [
    ("matmul", "5,5"), ("matmul", "2x2"), ("conv", "n1c4"), ("conv", "big"), ("conv", "c3h8o4k3g2"),
    ("conv", "c4h2o4k3"), ("transpose", "1x2x3"), ("music", "8")])
def test_sizes_that_are_none(family, size):
    with pytest.raises(ValueError):
        problems([family], [size], dt.float32)


@pytest.mark.parametrize("text", ["", "_gemm", "nothing() {}", "_gemm(float32[2:1]; x) {}", "_gemm(float32[2,2:1]) {}",
                                  "_gemm(octonion[2:1]) {}", "_copy(float32[2:1]) {'dtype': 'dtype:octonion'}",
                                  "_gemm() {__import__('os')}"])
def test_texts_that_are_no_problem(text):
    with pytest.raises((ValueError, TypeError)):
        Problem.parse(text)


def test_every_family_has_a_problem_that_asks_it():
    asked = set()
    for caps in (CPU, RTX_3060):
        for problem in problems([], [], dt.float32):
            space = Space.of(problem, caps)
            asked |= {family for family, _ in space.values}
            trial = Trial({})
            problem.plan(caps, trial)
            assert trial.allowed(caps)
    assert asked == families.keys()


def test_entries_hold_all_that_was_asked_of_one_problem():
    (problem,) = [p for p in problems(["conv"], ["n4c32h16o32k3p1"], dt.float32) if p.op.name == "_conv_forward"]
    space = Space.of(problem, CPU)
    asked = {name for family, name in space.values if family == "conv_winograd"}
    chosen = {key: v for key, v in space.default.items() if key[0] == "conv_winograd"}
    entries = Outcome(problem, 1.0, 0.5, chosen).entries(CPU)
    assert [e.choice.keys() for e in entries if e.family == "conv_winograd"] == [asked]
