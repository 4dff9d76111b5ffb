"""Tuning on the device: results that are checked, the command, first use."""
from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import clnet
from clnet import cli
from clnet.codegen.expr import from_storage, to_storage
from clnet.core import config, tuned
from clnet.core import dtypes as dt
from clnet.core import layout as lay
from clnet.core.plan import Launch, Number, Plan
from clnet.core.tunables import Trial
from clnet.core.tuned import Database
from clnet.ops.matmul import gemm
from clnet.tune import Problem, Space
from clnet.tune.bench import DeviceBench, _difference
from clnet.tune.standard import PROBLEMS, problems

ROOT = Path(__file__).parents[2]
# Small, odd, and deep enough that sums are split.
CASES = [("matmul", "33x65x70"), ("matmul", "3x40x1100"), ("conv", "n2c5h7o9k3p1"), ("conv", "n2c6h16o6k3s2p1g6"),
         ("transpose", "35x70"), ("reduction", "70x300"), ("rowwise", "20x96")]
VARIANTS = 2
# Problems of the other families, small but large enough that there are choices.
SMALL = {"norm_backward": "70x96", "elementwise": "70x300", "attention": "3x140x32", "pool": "2x3x55",
         "scan": "3x20000", "sort": "3x20000", "index": "97x96", "update": "5x5000",
         "recurrent": "4x19x32", "fft": "5x480", "resample": "2x3x36"}


def _run(folder, *command, **environment):
    return subprocess.run([sys.executable, *command], text=True, timeout=300, capture_output=True, check=False,
                          env=os.environ | {"PYTHONPATH": str(ROOT), "CLNET_CACHE_DIR": str(folder)} | environment)


@pytest.fixture(scope="module")
def device():
    return clnet.current_device()


@pytest.mark.parametrize(("family", "size"), CASES)
def test_variants_are_right(family, size, device):
    """A few of each space, drawn at random; the extremes of each parameter are checked as the tuner goes."""
    rng = random.Random(size)
    for problem in problems([family], [size], dt.float32):
        bench = DeviceBench(problem, device)
        space = Space.of(problem, device.caps)
        left = VARIANTS
        for _ in range(50):
            trial = Trial(space.draw(rng))
            plan = problem.plan(device.caps, trial)
            if left and trial.allowed(device.caps):
                left -= 1
                assert bench.error(bench.load(plan)) == "", (problem.text, [u.taken for u in trial.uses])


@pytest.mark.parametrize("plan_class", ["cpu", "gpu"])
@pytest.mark.parametrize("family", SMALL)
def test_every_value_is_right(family, plan_class, device):
    """Variants that differ in everything show each value at least once; each operator's first problem does."""
    caps, seen = device.caps.with_plan_class(plan_class), set()
    for problem in problems([family], [SMALL[family]], dt.float32):
        space = Space.of(problem, caps)
        if problem.op in seen or (plan_class, problem.op.name) == ("gpu", "_attention_backward"):
            continue  # its tiles are the forward's, and take long to build
        seen.add(problem.op)
        bench, left = DeviceBench(problem, device), {(k, v) for k, values in space.values.items() for v in values}
        assert left, problem.text
        together = ({k: v[i % len(v)] for k, v in space.values.items()} for i in range(8))
        for variant in (*together, *({k: v} for k, v in left)):
            trial = Trial(variant)
            plan = problem.plan(caps, trial)
            taken = {((u.family.name, name), value) for u in trial.uses for name, value in u.taken.items()}
            if taken & left and trial.allowed(caps):
                left -= taken
                assert bench.error(bench.load(plan)) == "", (problem.text, variant)
        assert not left, problem.text


def test_every_family_is_tried_here():
    assert PROBLEMS.keys() == SMALL.keys() | {family for family, _ in CASES}


def test_what_is_wrong_is_seen(device):
    problem = Problem.of(gemm, (lay.dense((6, 5), dt.float32), lay.make((5, 7), (1, 5), dt.float32),
                                lay.make((7,), (0,), dt.float32), Number("float"), Number("float")), {})
    bench, plan = DeviceBench(problem, device), problem.plan(device.caps)
    assert bench.error(bench.load(plan)) == ""
    assert bench.sample(bench.load(plan)) > 0
    last = plan.launches[-1]
    idle = Launch(last.spec, last.global_size, tuple(0 if isinstance(a, int) else a for a in last.args))
    assert bench.error(bench.load(Plan(plan.outputs, (*plan.launches[:-1], idle), plan.temporaries))) != ""


@pytest.mark.parametrize("dtype", [dt.float16, dt.bfloat16, dt.float32, dt.float64, dt.int32], ids=str)
def test_tolerances(dtype):
    expected = from_storage(to_storage(np.arange(1.0, 9.0), dtype), dtype)
    assert _difference(expected, expected, dtype) == ""
    off = expected.copy()
    off[3] += 1 if dtype is dt.int32 else expected.max() / 8
    assert _difference(off, expected, dtype) != ""
    if dtype is not dt.int32:
        for odd in (np.nan, np.inf):
            off[3] = odd
            assert _difference(off, expected, dtype) != "" != _difference(expected, off, dtype)
            assert _difference(off, off.copy(), dtype) == ""


def test_problems_without_a_statement_are_refused(device):
    with pytest.raises(ValueError, match="checked"):
        DeviceBench(Problem(dataclasses.replace(gemm, host=None), (), ()), device)


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Runs the command with a cache folder of a name."""
    def call(name, *arguments):
        place = dataclasses.replace(config.settings(), cache_dir=tmp_path / name)
        with monkeypatch.context() as patch:
            patch.setattr(tuned, "settings", lambda: place)
            patch.setattr(tuned, "database", lambda: Database(tuned.merge(tuned.read_shipped(), tuned.read_user())))
            return cli.main(["tune", *map(str, arguments)])
    return call


def test_the_command(at, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture, file = tmp_path / "search.png", tmp_path / "mine.json"
    assert at("a", "transpose", "--sizes", "256", "--budget", "2", "--strategy", "random", "--plot", picture) == 0
    said = capsys.readouterr()
    assert "geometric mean" in said.out and "problem" in said.err
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a" / "tuning" / "journal.jsonl").exists()
    (entry,) = tuned.parse((tmp_path / "a" / "tuning" / "database.json").read_text())
    assert entry.family == "transpose" and entry.sizes == (1, 256, 256)

    assert at("a", "--export", file) == 0
    # The same from another driver: it is measured again before it is used.
    stale = entry.as_json() | {"choice": {"block_a": 32}}
    stale["machine"]["driver"] = "another"
    file.write_text(json.dumps({"format": 1, "entries": [stale]}))
    assert at("b", "--import", file) == 0
    capsys.readouterr()
    assert at("b", "--show") == 0
    shown = capsys.readouterr().out
    assert "digest" in shown and "another" in shown and "block_a=32" in shown
    assert at("b", "rowwise", "--sizes", "8x32", "--budget", "2") == 0
    assert "_copy" in capsys.readouterr().out
    assert "another" not in (tmp_path / "b" / "tuning" / "database.json").read_text()


def test_a_budget_that_ends_and_a_folder_that_cannot_be_written(at, tmp_path, capsys):
    assert at("d", "scan", "--sizes", "2x64", "--budget", "0") == 0
    assert at("d", "scan", "--budget", "0") == 0
    assert "are left" in capsys.readouterr().out
    assert not (tmp_path / "d" / "tuning" / "database.json").exists()
    assert at("d", "--generalize") == 0
    (tmp_path / "full").write_text("not a folder")
    assert at("full", "scan") == 2
    assert "CLNET_CACHE_DIR" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("matmul", "--sizes", "much"), ("music",), ("--import", "nowhere.json"),
                                       ("--sizes", "8"), ("matmul", "--dtype", "octonion"), ("--device", "abacus")])
def test_what_the_command_refuses(at, capsys, arguments):
    assert at("c", *arguments) == 2
    assert "clnet tune: " in capsys.readouterr().err


def test_the_tool():
    done = _run(ROOT, str(ROOT / "tools" / "autotune.py"), "--help")
    assert done.returncode == 0 and "--strategy" in done.stdout


def test_first_use(tmp_path):
    program = ("import clnet; x = clnet.ones(40, 64).t(); y = x.contiguous(); "
               "assert y.tolist() == [[1.0] * 40] * 64; print(clnet.build_stats()['kernels_from_source'])")
    first = _run(tmp_path, "-c", program, CLNET_TUNE="1", CLNET_NO_DISK_CACHE="1")
    assert first.returncode == 0, first.stderr
    (entry,) = tuned.parse((tmp_path / "tuning" / "database.json").read_text())
    assert entry.family == "transpose"
    second = _run(tmp_path, "-c", program, CLNET_TUNE="1", CLNET_NO_DISK_CACHE="1")
    assert float(second.stdout) <= 3 < float(first.stdout)
    quiet = _run(tmp_path / "off", "-c", program)
    assert quiet.returncode == 0 and not (tmp_path / "off" / "tuning").exists()
