"""Entries that name no device: values that are good on every device that was seen."""
from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..core.caps import DeviceCaps
from ..core.tuned import Entry, Machine
from ..version import CLNET
from .problem import Problem
from .space import Variant, frozen
from .tuner import GAIN, Outcome

# Of one device: the cost of each variant, as the journal has it; the model's plan is the empty one at 1.
Costs = dict[Any, float]
_MODEL: Any = ()


def general_entries(journals: Iterable[Path], caps: DeviceCaps) -> list[Entry]:
    """Of every problem that several devices measured the value whose worst case is best.

    A variant's case on a device is its time over that of the device's best; only variants that were
    measured on every device count. Entries are for the type that devices share, or for any.
    Their times are over the model's, at the worst.

    Args:
        journals: files of records, see ``Journal``.
        caps: of a device that plans the problems, to state them.

    Raises:
        OSError: a file can't be read.
    """
    seen: dict[tuple[str, str], dict[tuple[str, str], Costs]] = {}
    for path in journals:
        for line in path.read_bytes().split(b"\n"):
            _take(line, seen)
    found = []
    for (plan_class, text), devices in seen.items():
        groups = {kind: [costs for (of, _), costs in devices.items() if of == kind] for kind, _ in devices}
        if len(groups) > 1:
            groups[""] = list(devices.values())
        for kind, costs in groups.items():
            best = _best(costs) if len(costs) > 1 else _MODEL
            if best != _MODEL:
                found += _stated(text, dict(best), max(c[best] for c in costs), Machine(
                    type=kind, plan_class=plan_class), caps.with_plan_class(plan_class))
    return found


def _take(line: bytes, seen: dict[tuple[str, str], dict[tuple[str, str], Costs]]) -> None:
    try:
        record = json.loads(line)
        device, kind, plan_class, version = record["identity"].rsplit("; ", 3)
        variant = frozen({(f, p): v for f, p, v in record["values"]})
        cost = float(record.get("cost", math.inf)) if "status" in record else math.inf
        problem = record["problem"]
    except (ValueError, KeyError, TypeError, AttributeError):  # a line that was cut off, or an older form
        return
    if version == CLNET:
        costs = seen.setdefault((plan_class, problem), {}).setdefault((kind, device), {_MODEL: 1.0})
        costs[variant] = cost


def _best(devices: list[Costs]) -> Any:
    """The variant that loses least where it loses most; the model unless another is clearly better."""
    fastest = [min(costs.values()) for costs in devices]

    def worst(variant: Any) -> float:
        return max(costs[variant] / least for costs, least in zip(devices, fastest))

    common = set(devices[0]).intersection(*devices[1:])
    best = min(sorted(common, key=repr), key=worst)
    return best if worst(best) < GAIN * worst(_MODEL) else _MODEL


def _stated(text: str, best: Variant, cost: float, machine: Machine, caps: DeviceCaps) -> list[Entry]:
    try:
        outcome = Outcome(Problem.parse(text), 1.0, cost, best)
        return outcome.entries(caps, machine)
    except ValueError:  # of an operator that is no more
        return []
