"""Whoever is killed while saving leaves the previous checkpoint whole."""
from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import clnet
from clnet.io.atomic import replacing

ROOT = Path(__file__).parents[2]
SAVER = """
import sys, clnet
tensors = [clnet.full((1 << 20,), float(i)) for i in range(8)]
n = 0
while True:
    n += 1
    clnet.save({"n": n, "tensors": [t + n for t in tensors]}, sys.argv[1])
    print(n, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_kill_while_saving(tmp_path):
    path = tmp_path / "state.pt"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for wait in (0.0, 0.02, 0.05, 0.09):
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE,
                                 env=environment, text=True)
        try:
            done = int(saver.stdout.readline())
            time.sleep(wait)
        finally:
            saver.send_signal(signal.SIGKILL)
            rest = saver.communicate()[0].split()
        done = max([done, *map(int, rest)])
        state = clnet.load(path)
        assert state["n"] in (done, done + 1)  # killed between the renaming and the print
        for i, t in enumerate(state["tensors"]):
            assert t[0].item() == i + state["n"] == t[-1].item()


def test_a_failure_leaves_the_previous_file(tmp_path):
    path = tmp_path / "state.pt"
    clnet.save(clnet.ones(2), path)
    with pytest.raises(Exception, match="pickle|local"):
        clnet.save([clnet.zeros(3), lambda: None], path)
    assert clnet.load(path).tolist() == [1, 1] and os.listdir(tmp_path) == ["state.pt"]
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert clnet.load(path).tolist() == [1, 1] and os.listdir(tmp_path) == ["state.pt"]


@pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX")
def test_modes_and_links_are_kept(tmp_path):
    path, link = tmp_path / "state.pt", tmp_path / "latest.pt"
    clnet.save(clnet.ones(1), path)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(0o640)
    link.symlink_to(path)
    clnet.save(clnet.zeros(1), link)
    assert link.is_symlink() and clnet.load(path).tolist() == [0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    clnet.save(clnet.zeros(1), "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
