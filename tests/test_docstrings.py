"""The examples in docstrings run."""
from __future__ import annotations

import doctest
import importlib

import pytest

from tests.structure.sources import modules

WITH_EXAMPLES = [m.name for m in modules() if ">>>" in m.path.read_text() and "clnet" in m.name]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted and not results.failed
