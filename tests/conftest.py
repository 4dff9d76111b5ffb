"""Options and fixtures of all tests.

`CLNET_DEVICE` chooses the device, as it does for users. Warnings are errors (setup.cfg).
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("clnet")
    group.addoption("--full", action="store_true",
                    help="every dtype with every layout, instead of a covering selection of pairs")
    group.addoption("--fresh-cache", action="store_true",
                    help="keep compiled kernels in a new folder for this session, not the user's")


def pytest_configure(config: pytest.Config) -> None:
    """Set the cache folders before anything imports clnet and reads its settings."""
    if config.getoption("--fresh-cache"):
        temporary = tempfile.TemporaryDirectory(prefix="clnet-tests-", ignore_cleanup_errors=True)
        config.add_cleanup(temporary.cleanup)
        base = Path(temporary.name)
        for name, folder in (("CLNET_CACHE_DIR", "clnet"), ("POCL_CACHE_DIR", "pocl")):
            (base / folder).mkdir()
            os.environ[name] = str(base / folder)


def pytest_report_header(config: pytest.Config) -> str:
    return f"clnet device: {os.environ.get('CLNET_DEVICE') or 'default'}, full: {config.getoption('--full')}"


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the complete product of cases was asked for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(autouse=True)
def _seed() -> None:
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _no_pending_fault() -> Iterator[None]:
    """A fault that a kernel recorded is raised in the test that caused it, not in a later one."""
    yield
    clnet = sys.modules.get("clnet")
    if clnet is not None:
        clnet.synchronize()
