"""A plain installation is complete, small and quick to import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from tests.structure.sources import ROOT

MOST_BYTES = 3_000_000
MOST_IMPORT_SECONDS = 0.35


def _run(*command: str, **environment: str) -> str:
    """Standard output of a command run in an empty folder."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False,
                              env=os.environ | environment, cwd=empty)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with clnet installed from the sources, not editable."""
    folder = tmp_path_factory.mktemp("installation")
    sources = folder / "sources"
    sources.mkdir()
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    shutil.copytree(ROOT / "clnet", sources / "clnet", ignore=shutil.ignore_patterns("__pycache__"))
    _run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--no-compile", "--target", str(folder / "site"), str(sources))
    return folder / "site"


def test_everything_is_installed(site):
    def files(folder):
        return {p.relative_to(folder).as_posix() for p in folder.rglob("*")
                if p.is_file() and "__pycache__" not in p.parts}

    assert files(site / "clnet") == files(ROOT / "clnet")
    assert "py.typed" in files(site / "clnet")
    assert any(name.endswith(".mako") for name in files(site / "clnet"))


def test_it_is_small(site):
    # What clnet brings: byte-compiled copies are the interpreter's, and the list of files is pip's.
    assert sum(p.stat().st_size for p in site.rglob("*")
               if p.is_file() and "__pycache__" not in p.parts and p.name != "RECORD") < MOST_BYTES


def test_it_computes(site):
    program = (f"import clnet; assert clnet.__file__.startswith({str(site)!r}), clnet.__file__; "
               "print((clnet.ones(3) + 1).tolist())")
    done = _run(sys.executable, "-c", program, PYTHONPATH=str(site))
    assert done.strip() == "[2.0, 2.0, 2.0]"


def test_the_command_reports_devices(site):
    done = _run(sys.executable, "-m", "clnet", "info", PYTHONPATH=str(site))
    assert "cl:0" in done
    assert "CLNET_DEVICE" in done
    assert (site / "bin" / "clnet").exists()


def test_import_is_quick(tmp_path):
    """Measured in processor time, which other processes on the machine leave alone."""
    program = "import time; t = time.process_time(); import clnet; print(time.process_time() - t)"
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    seconds = [float(_run(sys.executable, "-c", program, PYTHONPATH=str(ROOT), **compiled)) for _ in range(6)]
    assert min(seconds) <= MOST_IMPORT_SECONDS


def test_import_opens_no_device():
    program = ("import sys, clnet; "
               "assert 'pyopencl' not in sys.modules and 'clnet.device.driver' not in sys.modules")
    _run(sys.executable, "-c", program, PYTHONPATH=str(ROOT))
