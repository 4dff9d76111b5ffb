"""Checkpoint: runs that are killed and go on, and what it refuses; shards."""
from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import clnet
from clnet import nn
from clnet.core import tuned
from clnet.io import Checkpoint

ROOT = Path(__file__).parents[2]
RUN = Path(__file__).parent / "interrupted_run.py"


def _start(folder):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, str(RUN), str(folder)], stdout=subprocess.PIPE, text=True,
                            env=os.environ | {"PYTHONPATH": str(ROOT)})


def _finish(folder):
    process = _start(folder)
    lines = process.communicate(timeout=300)[0].splitlines()
    assert process.returncode == 0
    return int(lines[0])


def test_another_tuning_database_is_reported(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "run.pt", model=nn.Linear(2, 1))
    checkpoint.save(epoch=1)
    assert checkpoint.load() == {"epoch": 1}
    monkeypatch.setattr(tuned, "database", lambda: tuned.Database([tuned.Entry(
        "matmul_tile", "float32 nn", (1, 8, 8, 8), tuned.Machine(), {}, "", 1.0, 1.0)]))
    with pytest.warns(RuntimeWarning, match="another tuning database"):
        assert checkpoint.load() == {"epoch": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_run_ends_as_one_that_was_not(tmp_path):
    assert _finish(tmp_path / "whole") == 1
    for stop in (4, 17):  # in the middle of the first and of the second epoch
        process = _start(tmp_path / "killed")
        for line in process.stdout:
            if int(line) == stop:
                break
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    first = _finish(tmp_path / "killed")
    assert 17 < first <= 30
    whole, killed = (clnet.load(tmp_path / name / "result.pt") for name in ("whole", "killed"))
    assert len(whole["losses"]) == 30 and whole["losses"] == killed["losses"]
    assert whole["draw"].tolist() == killed["draw"].tolist()
    for key, value in whole["model"].items():
        assert value.numpy().tobytes() == killed["model"][key].numpy().tobytes(), key
    assert not list((tmp_path / "killed").glob(".run.pt.*"))


def test_generators_and_progress(tmp_path):
    own = clnet.Generator().manual_seed(5)
    checkpoint = Checkpoint(tmp_path / "deep" / "run.pt", own=own, model=nn.Linear(2, 2))
    assert checkpoint.load() is None
    random.gauss(0, 1)
    checkpoint.save(step=3, best=clnet.ones(2))
    drawn = [clnet.rand(2).tolist(), clnet.rand(2, generator=own).tolist(), random.gauss(0, 1), np.random.randn()]
    (tmp_path / "deep" / ".run.pt.0a1b2c3d.tmp").write_bytes(b"half")
    progress = checkpoint.load()
    assert progress["step"] == 3 and progress["best"].tolist() == [1, 1]
    assert drawn == [clnet.rand(2).tolist(), clnet.rand(2, generator=own).tolist(), random.gauss(0, 1),
                     np.random.randn()]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["run.pt"]


def test_mistakes_are_named(tmp_path):
    path = tmp_path / "run.pt"
    with pytest.raises(TypeError, match="epoch is a int"):
        Checkpoint(path, epoch=3)
    Checkpoint(path, model=nn.Linear(2, 2)).save()
    with pytest.raises(RuntimeError, match=r"holds \['model'\] in place of \['net'\]"):
        Checkpoint(path, net=nn.Linear(2, 2)).load()
    clnet.save({"weight": clnet.ones(2)}, path)
    with pytest.raises(RuntimeError, match="not written by Checkpoint"):
        Checkpoint(path, model=nn.Linear(2, 2)).load()


TENSORS = {"a": [1.0] * 10, "b": [2.0] * 10, "c": [3.0] * 100, "d": [4.0]}


def _tensors():
    return {k: clnet.tensor(v) for k, v in TENSORS.items()}


@pytest.mark.parametrize("suffix", (".safetensors", ".pt"))
def test_shards(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    clnet.save(_tensors(), path, max_shard_size="80 B")
    names = [f"model-0000{k}-of-00003{suffix}" for k in (1, 2, 3)]
    index = json.loads((tmp_path / f"model{suffix}.index.json").read_text())
    assert index == {"metadata": {"total_size": 484},
                     "weight_map": {"a": names[0], "b": names[0], "c": names[1], "d": names[2]}}
    assert sorted(p.name for p in tmp_path.iterdir()) == [*names, f"model{suffix}.index.json"]
    for given in (path, f"{path}.index.json"):
        assert {k: v.tolist() for k, v in clnet.load(given).items()} == TENSORS
    if suffix == ".safetensors":
        assert safetensors.numpy.load_file(tmp_path / names[2])["d"].tolist() == [4.0]
    clnet.save(_tensors(), path, max_shard_size=200)  # as many files: the old ones stay until the index is new
    assert {k: v.tolist() for k, v in clnet.load(path).items()} == TENSORS
    assert len(list(tmp_path.iterdir())) == 4 and not (tmp_path / names[0]).exists()
    clnet.save({"d": clnet.zeros(1)}, path, max_shard_size="1GiB")
    assert [p.name for p in tmp_path.iterdir()] == [path.name] and clnet.load(path)["d"].tolist() == [0]


def test_bad_shards_are_named(tmp_path):
    path = tmp_path / "model.safetensors"
    for size in ("5 cows", 0, "0MB"):
        with pytest.raises(ValueError, match="max_shard_size"):
            clnet.save(_tensors(), path, max_shard_size=size)
    with pytest.raises(TypeError, match="dict of tensors"):
        clnet.save([clnet.ones(1)], path, max_shard_size=10)
    clnet.save(_tensors(), path, max_shard_size=80)
    index = tmp_path / "model.safetensors.index.json"
    content = index.read_text()
    index.write_text(content.replace("model-00003-of-00003", "../model-00003-of-00003"))
    with pytest.raises(RuntimeError, match="not beside it"):
        clnet.load(index)
    index.write_text(content.replace('"d"', '"e"'))
    with pytest.raises(RuntimeError, match="lacks 'e'"):
        clnet.load(index)
    index.write_text("[]")
    with pytest.raises(RuntimeError, match="not a readable index"):
        clnet.load(index)
