"""Tunes what a program plans for the first time, where CLNET_TUNE asks for it."""
from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..core import tuned
from ..core.layout import Layout
from ..core.op import Op
from ..core.plan import Number, Plan
from ..core.tunables import Trial, planning
from ..core.tuned import Machine
from ..device import Device
from .bench import DeviceBench
from .journal import Journal
from .problem import Problem
from .store import save_entries
from .strategy import coordinate_descent
from .tuner import tune

# Bounds of the search for one call's plan.
SECONDS = 3.0
VARIANTS = 40

_lock = threading.RLock()


def best_plan(op: Op, operands: Sequence[Layout | Number], attrs: dict[str, Any], device: Device,
              plan: Plan) -> Plan:
    """The plan to take in place of ``plan``, measured now unless the database knows this very call.

    What is found goes into the user's database, for later processes. ``plan`` comes back for
    operators without tunable plans, and where there is no memory or no way to measure.
    """
    if planning.trial is not None or op.plan is None or op.host is None or not plan.launches:
        return plan
    problem = Problem.of(op, operands, attrs)
    trial = Trial({})
    problem.plan(device.caps, trial)
    if all(_known(device, u.family.name, u.kind, u.sizes) for u in trial.uses if u.taken):
        return plan
    try:
        with _lock:
            outcome = tune(problem, device.caps, DeviceBench(problem, device), coordinate_descent, seconds=SECONDS,
                           most=VARIANTS, journal=Journal.of(device.caps))
            save_entries(outcome.entries(device.caps))
    except (RuntimeError, ValueError, OSError, IndexError):  # no memory, no file, or operands that random ones aren't
        return plan
    return problem.plan(device.caps, Trial(outcome.best))


def _known(device: Device, family: str, kind: str, sizes: tuple[int, ...]) -> bool:
    """Whether the database answers for this very problem on this very device."""
    entry = tuned.database().find(device.caps, family, kind, sizes)
    machine = Machine.of(device.caps)
    return entry is not None and entry.sizes == sizes and (entry.machine.name, entry.machine.platform) == (
        machine.name, machine.platform)
