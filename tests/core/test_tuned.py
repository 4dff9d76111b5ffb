"""The tuning database: what an entry serves, files that are damaged, what planners accept of it."""
from __future__ import annotations

import dataclasses
import json
import warnings

import pytest

from clnet.core import config, tunables, tuned
from clnet.core.presets import ARC_A770, PRESETS, RTX_3060
from clnet.core.tunables import Parameter, Trial
from clnet.core.tuned import Database, Entry, Machine, architecture

RTX_3080 = dataclasses.replace(RTX_3060, name="NVIDIA GeForce RTX 3080")
RTX_4090 = dataclasses.replace(RTX_3060, name="NVIDIA GeForce RTX 4090")


def entry(caps=RTX_3060, sizes=(64, 64), choice=None, **machine):
    return Entry("family", "float32", sizes, dataclasses.replace(Machine.of(caps), **machine),
                 {"tile": 8} if choice is None else choice, "op() {}", 1.0, 2.0)


def find(entries, caps=RTX_3060, sizes=(64, 64)):
    return Database(entries).find(caps, "family", "float32", sizes)


def test_the_closest_relative_answers():
    device, generation, vendor = entry(), entry(RTX_3080), entry(RTX_4090)
    kind, anything = (Entry("family", "float32", (64, 64), machine, {"tile": 1}, "op() {}", 1.0, 2.0) for machine in (
        Machine(type="gpu", plan_class="gpu"), Machine(plan_class="gpu")))
    ranked = [device, generation, vendor, kind, anything]
    for best in range(len(ranked)):
        for entries in (ranked[best:], ranked[:best - 1:-1] if best else ranked[::-1]):
            assert find(entries) is ranked[best]
    assert find(ranked, ARC_A770) is kind
    assert find(ranked[:3], ARC_A770) is None
    assert find(ranked, dataclasses.replace(ARC_A770, device_type="accelerator")) is anything
    assert find(ranked, RTX_3060.with_plan_class("cpu")) is None


def test_the_nearest_size_answers():
    small, large = entry(), entry(sizes=(256, 64))
    assert find([small, large], sizes=(96, 64)) is small
    assert find([small, large], sizes=(200, 96)) is large
    assert find([small, large], sizes=(64, 1024)) is None
    assert find([small], sizes=(0, 0)) is None


def test_another_driver_is_not_trusted():
    other = dataclasses.replace(RTX_3060, driver_version="999")
    assert find([entry()], other) is None
    assert find([entry(RTX_3080)], other) is None
    assert find([entry(driver="")], other) is not None
    assert not entry().trusted_on(Machine.of(other))


def test_architectures():
    assert architecture(RTX_3060) == architecture(RTX_3080) != architecture(RTX_4090)
    assert architecture(dataclasses.replace(RTX_3060, device_type="cpu", float_vector_width=16)) == "cpu 16"
    assert all(architecture(caps) for caps in PRESETS.values())


def test_files_are_read_back_and_digests_tell_them_apart():
    entries = [entry(), entry(RTX_4090, (1, 2), {"flag": True, "plan": "direct"})]
    text = tuned.render(entries)
    assert sorted(tuned.parse(text), key=lambda e: e.key) == sorted(entries, key=lambda e: e.key)
    assert len(text.splitlines()) == len(entries) + 7
    assert Database(entries).digest == Database(entries[::-1]).digest != Database(entries[:1]).digest


def test_later_sources_win():
    better = entry(choice={"tile": 16}, driver="999")
    assert tuned.merge([entry()], [better]) == [better]


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2, "entries": []}', '{"format": 1}',
                                  '{"format": 1, "entries": [{}]}', '{"format": 1, "entries": [3]}'])
def test_what_is_no_database(text):
    with pytest.raises(ValueError):
        tuned.parse(text)


@pytest.mark.parametrize("change", [{"sizes": ["64"]}, {"choice": {"tile": [1]}}, {"machine": {"color": "red"}},
                                    {"time_us": None}, {"family": 3}, {"choice": None}])
def test_what_is_no_entry(change):
    with pytest.raises(ValueError):
        tuned.parse(json.dumps({"format": 1, "entries": [entry().as_json() | change]}))


def test_a_damaged_user_file_is_ignored_with_a_warning(tmp_path, monkeypatch):
    path = tmp_path / "tuning" / "database.json"
    monkeypatch.setattr(config, "settings", lambda: config.read({"CLNET_CACHE_DIR": str(tmp_path)}))
    monkeypatch.setattr(tuned, "settings", config.settings)
    assert tuned.user_file() == path
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tuned.read_user() == []
    path.parent.mkdir()
    path.write_text(tuned.render([entry()])[:-9])
    with pytest.warns(RuntimeWarning, match="ignored"):
        assert tuned.read_user() == []
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.warns(RuntimeWarning, match="ignored"):
        assert tuned.read_user() == []


def test_the_shipped_file_is_whole():
    """Every entry names a family, values that it declares, and a problem that can be repeated."""
    from clnet.tune import Problem
    for e in tuned.read_shipped():
        family = tunables.families[e.family]
        assert len(e.sizes) == len(family.sizes)
        declared = {p.name for p in family.parameters}
        assert e.choice.keys() <= declared
        assert Problem.parse(e.problem).text == e.problem
    assert tuned.SHIPPED.stat().st_size < 200_000


@pytest.fixture
def family(monkeypatch):
    monkeypatch.setattr(tunables, "families", {})
    return tunables.family("family", ("m", "n"), Parameter("tile", (4, 8, 16)), Parameter("packed", (False, True)),
                           allows=lambda caps, sizes, values: values.get("tile", 0) <= sizes["m"])


def choose(family, entries, monkeypatch, sizes=(64, 64)):
    monkeypatch.setattr(tuned, "database", lambda: Database(entries))
    pick = family.choice(RTX_3060, "float32", *sizes)
    return pick("tile", 4), pick("packed", False)


def test_planners_get_the_database_s_values_or_their_own(family, monkeypatch):
    assert choose(family, [], monkeypatch) == (4, False)
    assert choose(family, [entry(choice={"tile": 16})], monkeypatch) == (16, False)
    assert choose(family, [entry(choice={})], monkeypatch) == (4, False)


@pytest.mark.parametrize("choice", [{"tile": 5}, {"tile": True}, {"packed": 1}, {"colour": 4}, {"tile": "8"}])
def test_values_that_are_not_declared_are_refused(family, monkeypatch, choice):
    assert choose(family, [entry(choice=choice)], monkeypatch) == (4, False)


def test_values_that_do_not_fit_the_problem_are_refused(family, monkeypatch):
    assert choose(family, [entry(sizes=(16, 64), choice={"tile": 16})], monkeypatch, (8, 64)) == (4, False)


def test_a_trial_gives_values_and_notes_what_was_asked(family, monkeypatch):
    monkeypatch.setattr(tuned, "database", lambda: pytest.fail("a trial asks no database"))
    trial = Trial({("family", "tile"): 16, ("other", "packed"): True})
    with trial.running():
        pick = family.choice(RTX_3060, "float32", 8, 8)
        assert (pick("tile", 4), pick("packed", False)) == (16, False)
    assert [(u.kind, u.sizes, u.taken) for u in trial.uses] == [("float32", (8, 8), {"tile": 16, "packed": False})]
    assert not trial.allowed(RTX_3060)
    assert tunables.planning.trial is None


def test_families_are_declared_once(family):
    with pytest.raises(ValueError, match="twice"):
        tunables.family("family", ())
