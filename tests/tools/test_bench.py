"""The benchmark tool measures, compares and draws: smallest sizes, one round."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.structure.sources import ROOT
from tools.benchmark.report import markdown
from tools.benchmark.rounds import Table, bandwidth, same
from tools.benchmark.worker import digest


def _bench(*arguments: str) -> str:
    """What the tool prints."""
    done = subprocess.run([sys.executable, "tools/bench.py", *arguments], cwd=ROOT, check=False,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _measure(command: str, *arguments: str) -> str:
    return _bench(command, "--sizes", "tiny", "--rounds", "1", "--seconds", "0.005", *arguments)


def test_peak(tmp_path):
    _measure("peak", "--json", str(tmp_path / "peak.json"))
    peaks = Table.from_json((tmp_path / "peak.json").read_text()).peaks["clnet"]
    assert set(peaks) == {"fma_gflops", "copy_1_mib"}
    assert min(peaks.values()) > 0


def test_operators_are_compared_and_drawn(tmp_path):
    saved, picture = str(tmp_path / "ops.json"), str(tmp_path / "ops.png")
    printed = _measure("ops", "--libraries", "numpy,clnet", "--json", saved, "--plot", picture)
    table = Table.from_json((tmp_path / "ops.json").read_text())
    assert set(table.about) == {"numpy", "clnet"}
    assert not any(row["errors"] for row in table.rows.values())
    assert table.ratio(table.rows["matmul 16"], "clnet") > 0
    assert table.limit(table.rows["matmul 16"], "clnet") > 0
    # NumPy has no such operation.
    assert set(table.rows["batch_norm 2x4x4x4 fwd+bwd"]["seconds"]) == {"clnet"}
    assert "geometric mean of all" in printed
    for path in (tmp_path / "ops.png", tmp_path / "ops-roofline.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert _bench("show", saved, "--markdown").strip() == markdown(table).strip()


def test_dispatch_is_compared_and_drawn(tmp_path):
    printed = _measure("dispatch", "--libraries", "numpy,clnet", "--plot", str(tmp_path / "dispatch.png"))
    assert "add of 64" in printed
    assert (tmp_path / "dispatch.png").exists()


def test_training_is_timed(tmp_path):
    _measure("train", "--libraries", "clnet", "--json", str(tmp_path / "train.json"))
    row = json.loads((tmp_path / "train.json").read_text())["rows"]["perceptron"]
    assert row["seconds"]["clnet"] > 0
    assert row["first"]["clnet"] > 0


def test_an_unknown_library_is_refused():
    with pytest.raises(AssertionError, match="caffe is not one of those installed"):
        _measure("ops", "--libraries", "caffe")


def test_wrong_results_are_told():
    right = np.random.default_rng(0).standard_normal((8, 8))
    wrong = right.copy()
    wrong[7, 7] += 1
    assert same(digest([right]), digest([right + 1e-4]))
    assert not same(digest([right]), digest([wrong]))
    assert not same(digest([right]), digest([right.reshape(64)]))


def test_a_copy_of_like_size_bounds_traffic():
    peaks = {"fma_gflops": 1.0, "copy_128_mib": 20.0, "copy_16_mib": 50.0}
    assert bandwidth(peaks, 30 << 20) == 50.0
    assert bandwidth(peaks, 48 << 20) == 50.0
    assert bandwidth(peaks, 100 << 20) == 20.0
    assert bandwidth(peaks, 1 << 40) == 20.0
