"""How a call is timed."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Call = Callable[[], Any]


def durations(call: Call, wait: Call, seconds: float, calls: int = 1, most: int = 200) -> list[float]:
    """Sorted times of one call each, at least 3, of those that fit into ``seconds``.

    Every time is of ``calls`` calls and one wait for their results, divided by their number.
    """
    for _ in range(3):
        call()
    wait()
    found: list[float] = []
    stop = time.perf_counter() + seconds
    while len(found) < 3 or (len(found) < most and time.perf_counter() < stop):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        found.append((time.perf_counter() - start) / calls)
    return sorted(found)


def best_seconds(call: Call, wait: Call, seconds: float) -> float:
    """The shortest: what the hardware can do."""
    return durations(call, wait, seconds, most=10000)[0]


def typical_seconds(times: list[float]) -> float:
    """Of sorted times the one that a fifth are below: robust against other work on the machine,
    and not the luckiest."""
    return times[len(times) // 5]
