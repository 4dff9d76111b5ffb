"""Devices that nobody here owns, with the kernels of the registry's samples."""

from __future__ import annotations

import contextlib
import functools

import pytest

from clnet.core import dtypes as dt
from clnet.core.errors import BuildError, DeviceError, OutOfMemoryError
from clnet.core.presets import PRESETS
from clnet.core.program import KernelSource
from clnet.device import Device
from tests.registry.cases import OPS, Case, op_name, samples
from tests.registry.test_derivatives import check
from tests.registry.test_forward import run

DTYPES = (dt.float32, dt.float16, dt.bfloat16, dt.int64, dt.uint8, dt.bool_)
# The launch or the build was refused by the device; anything else is the operator's own refusal.
LIMITS = (BuildError, OutOfMemoryError)


@functools.cache
def planned(preset: str) -> tuple[dict[str, KernelSource], list[str]]:
    """(sources by entry, what exceeded the device's limits) of the samples and derivatives."""
    device = Device(f"null:{preset}")
    device.runtime.clear()
    problems = []
    for k, op in enumerate(OPS):
        every = [s for s in samples(op) if any(a.size for a in s.arrays())]
        for j, sample in enumerate(every[:3]):
            for dtype in {dt.float32, DTYPES[(k + j) % len(DTYPES)]}:
                try:
                    _, got = run(Case(op, sample, dtype, "contiguous"), device)
                except IndexError:
                    # The device answers every read with zeros, which is no count of anything.
                    if not op.data_dependent:
                        raise
                    continue
                if isinstance(got, LIMITS) or (isinstance(got, DeviceError) and "float64" not in str(got)):
                    problems.append(f"{op_name(op)}: {got}")
        if device.caps.fp64 and every and not op.random:
            # What fails otherwise is the registry test's to report.
            with contextlib.suppress(Exception):
                check(op, every[0], device)
    sources = {launch.entry: launch.source for launch in device.runtime.launches}
    sources.update((source.entry, source) for source, _ in device.runtime.sources)
    device.runtime.clear()
    return sources, problems


@pytest.fixture(params=list(PRESETS))
def preset(request: pytest.FixtureRequest) -> str:
    return str(request.param)
