"""Imports pyopencl, configured for clnet. Importing this module is what loads OpenCL."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from clnet.core.config import settings
from clnet.device import icd


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _load() -> tuple[ModuleType, list[Any]]:
    # pyopencl decides at its import whether it keeps a source cache of its own. clnet has one
    # that is safe for several processes, so two would only cost time and disk.
    with _environment("PYOPENCL_NO_CACHE", "1"):
        import pyopencl
    with icd.loader_environment(settings()):
        try:
            platforms = pyopencl.get_platforms()
        except pyopencl.LogicError:  # the loader found no platform at all
            platforms = []
    return pyopencl, platforms


cl, PLATFORMS = _load()
raw = cl._cl
"""pyopencl's compiled module, for launches without the wrappers' per-call cost."""
