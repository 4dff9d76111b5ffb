"""The device of the registry tests, with their kernels built together beforehand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from clnet.core.op import Op
from clnet.core.presets import PRESETS
from clnet.device import Device, current_device
from clnet.tensor.runner import kernels_for
from tests.registry import test_derivatives, test_forward, test_variants
from tests.registry.cases import forward_cases, thorough

# Kernels of one program: building it costs little more than building one of them.
TOGETHER = 16
_PLANNED = "the-device-of-this-session"


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest, full: bool) -> Device:
    """The current device, which has the kernels that the session's tests will use."""
    here = current_device()
    with _planning(here) as planned:
        for item in request.session.items:
            for argument in getattr(item, "callspec", _NOTHING).params.values():
                if isinstance(argument, (Op, test_forward.Case)):
                    _exercise(item.name.partition("[")[0], argument, planned, full)
        specs = [spec for spec in planned.kernels if spec not in here.kernels]
    for start in range(0, len(specs), TOGETHER):
        # What does not build is reported by the test that needs it.
        with contextlib.suppress(RuntimeError):
            kernels_for(specs[start:start + TOGETHER], here)
    return here


class _NOTHING:
    params: dict[str, object] = {}


@contextlib.contextmanager
def _planning(here: Device) -> Iterator[Device]:
    """A device with the same capabilities that runs nothing: it ends up with the kernels."""
    PRESETS[_PLANNED] = here.caps
    try:
        yield Device(f"null:{_PLANNED}")
    finally:
        del PRESETS[_PLANNED]


def _exercise(test: str, argument: object, device: Device, full: bool) -> None:
    """Make the calls of one test. What is wrong with them, the test will find."""
    calls: list[Callable[[], object]] = []
    if isinstance(argument, test_forward.Case):
        calls = [lambda: test_forward.run(argument, device)]
    elif isinstance(argument, Op):
        if test in ("test_forward", "test_values"):
            calls = [lambda case=case: test_forward.run(case, device) for case in forward_cases(argument, full)]
        elif test == "test_derivatives":
            calls = [lambda sample=sample: test_derivatives.check(argument, sample, device)
                     for sample in thorough(argument, full) if sample.arrays()]
        elif test == "test_out":
            calls = [lambda: test_variants.test_out(argument, device)]
        elif test == "test_in_place":
            calls = [lambda: test_variants.test_in_place(argument, device)]
    for call in calls:
        with contextlib.suppress(Exception, pytest.skip.Exception):
            call()
    device.runtime.clear()
