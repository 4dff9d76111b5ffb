"""The digits example: its smoke run as a user starts it, MNIST-format files, and resuming."""
from __future__ import annotations

import gzip
import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import clnet

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "digits.py"

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def digits():
    spec = importlib.util.spec_from_file_location("digits_example", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)})


def test_smoke_run(tmp_path):
    done = _run("--smoke", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"test accuracy \d+\.\d\d% \(\d+ of 256 images\) after 1 epochs on ", done.stdout)
    assert re.search(r"total time: \d+\.\d s", done.stdout)
    assert "batch/s" in done.stderr
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    state = clnet.load(tmp_path / "digits.pt")
    assert len(state["history"]) == 1 and state["model"]["0.weight"].shape == (32, 1, 3, 3)


def _write_idx(path, array):
    data = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def _images(n):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, 12, 10), dtype="uint8"), rng.integers(0, 10, n, dtype="uint8")


def test_mnist_files(digits, tmp_path):
    images, labels = _images(50)
    _write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", images)
    _write_idx(tmp_path / "t10k-labels-idx1-ubyte", labels)
    train, test = digits.load_data(tmp_path)
    assert len(train.digits) == 40 and len(test.digits) == 10
    together = np.concatenate([train.images, test.images]).sum()
    assert together == pytest.approx(images.sum() / 255, rel=1e-5)
    _write_idx(tmp_path / "train-images.idx3-ubyte", images[:30])
    _write_idx(tmp_path / "train-labels.idx1-ubyte", labels[:30])
    train, test = digits.load_data(tmp_path)
    assert len(train.digits) == 30 and test.digits.tolist() == labels.tolist()
    assert digits.main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--epochs", "1"]) == 0


def test_bad_files_are_named(digits, tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images"):
        digits.load_data(tmp_path)
    path = tmp_path / "t10k-images-idx3-ubyte"
    images, labels = _images(5)
    _write_idx(path, images)
    _write_idx(tmp_path / "t10k-labels-idx1-ubyte", labels)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="t10k-images-idx3-ubyte: holds 599 values in place of 5x12x10"):
        digits.load_data(tmp_path)
    path.write_bytes(b"no images")
    with pytest.raises(ValueError, match="not an idx file"):
        digits.load_data(tmp_path)
    for options in (("--data", tmp_path), ("--device", "abacus"), ("--resume", "--out", tmp_path)):
        (tmp_path / "digits.pt").write_bytes(b"PK damaged")
        done = _run(*options, "--smoke")
        assert done.returncode == 1 and done.stderr.strip().splitlines()[-1].startswith("digits.py: ")
        assert "Traceback" not in done.stderr


def test_a_resumed_run_ends_as_an_uninterrupted_one(digits, tmp_path):
    class Stop(Exception):
        pass

    options = ["--smoke", "--epochs", "3", "--out"]
    digits.main([*options, str(tmp_path / "whole")])
    run_epoch = digits.Training.run_epoch

    def interrupted(self, bar):
        if len(self.history) == 1:
            raise Stop
        run_epoch(self, bar)

    digits.Training.run_epoch = interrupted
    try:
        with pytest.raises(Stop):
            digits.main([*options, str(tmp_path / "parts")])
    finally:
        digits.Training.run_epoch = run_epoch
    digits.main([*options, str(tmp_path / "parts"), "--resume"])
    whole, parts = (clnet.load(tmp_path / name / "digits.pt") for name in ("whole", "parts"))
    assert whole["history"] == parts["history"] and len(parts["history"]) == 3
    for key, value in whole["model"].items():
        assert parts["model"][key].tolist() == value.tolist(), key
    with pytest.raises(ValueError, match="run of 3 epochs"):
        digits.main(["--smoke", "--epochs", "5", "--out", str(tmp_path / "parts"), "--resume"])
