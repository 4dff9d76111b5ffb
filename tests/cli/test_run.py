"""``clnet run`` on scripts written for PyTorch."""
from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).parent / "scripts"
ROOT = SCRIPTS.parents[2]


def run(script, *arguments):
    return subprocess.run([sys.executable, "-m", "clnet", "run", str(script), *arguments], text=True, timeout=300,
                          capture_output=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)})


def test_a_training_script(tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    numbers = np.random.default_rng(0)
    images = numbers.integers(0, 256, (16, 28, 28), dtype=np.uint8)
    labels = numbers.integers(0, 10, 16, dtype=np.uint8)
    head = b"\0\0\x08\x03" + np.array([16, 28, 28], ">i4").tobytes()
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(
        b"\0\0\x08\x01" + np.array([16], ">i4").tobytes() + labels.tobytes())
    done = run(SCRIPTS / "mnist.py", "--data", str(tmp_path), "--no-cuda")
    assert done.returncode == 0, done.stderr
    assert "Train Epoch: 1 [8/16 (50%)]" in done.stdout and "Accuracy: " in done.stdout
    assert (tmp_path / "mnist_cnn.pt").exists()


def test_mixed_precision():
    done = run(SCRIPTS / "mixed.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("done")
    assert done.stderr.count("compile() changes nothing") == 1


def test_what_is_missing_is_named_with_its_line():
    done = run(SCRIPTS / "missing.py")
    assert done.returncode == 1 and done.stdout == "without frobnication\n"
    assert done.stderr == ("clnet run: torch.frobnicate is missing from clnet\n"
                           f"  {SCRIPTS / 'missing.py'}, line 9: torch.frobnicate(torch.ones(2))\n")


def test_failures_are_the_scripts(tmp_path):
    script = tmp_path / "fails.py"
    for line, said in (("from torch.nn import Frob", "torch.nn.Frob is missing"),
                       ("import torch.frob.inner", "the module torch.frob is missing"),
                       ("import torch; torch.ones(2).frob()", "torch.Tensor.frob is missing"),
                       ("import sys; sys.exit(3)", ""), ("raise ValueError('mine')", "ValueError: mine")):
        script.write_text(line + "\n")
        done = run(script)
        assert done.returncode == (3 if "exit" in line else 1) and said in done.stderr
        assert "runner.py" not in done.stderr
    assert run(tmp_path / "absent.py").returncode == 2
