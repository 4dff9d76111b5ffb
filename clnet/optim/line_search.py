"""Step lengths along a direction that satisfy the strong Wolfe conditions."""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
SMALLEST_CHANGE = 1e-9


@dataclass(frozen=True)
class Point:
    """The objective at a step length: value, gradient (1-d), and slope along the direction."""

    step: float
    loss: float
    gradient: Any
    slope: float


def _minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through two points and their slopes is least, within bounds.

    Nocedal & Wright, equation 3.59; the middle where there is no such place.
    """
    if a.step > b.step:
        a, b = b, a
    try:
        bend = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
        square = bend * bend - a.slope * b.slope
        if square >= 0:
            root = math.sqrt(square)
            least = b.step - (b.step - a.step) * ((b.slope + root - bend) / (b.slope - a.slope + 2 * root))
            return min(max(least, low), high)
    except ZeroDivisionError:
        pass
    return (low + high) / 2


def strong_wolfe(evaluate: Callable[[float], Point], start: Point, step: float, reach: float,
                 evaluations: int) -> tuple[Point, int]:
    """A point along the direction, and how often the objective was evaluated.

    Nocedal & Wright, algorithm 3.5.

    Args:
        start: at length 0.  step: the first length to try.
        reach: largest component of the direction, by which small brackets are recognised.
        evaluations: most lengths to try after the first.
    """
    def too_high(p: Point) -> bool:
        return p.loss > start.loss + SUFFICIENT_DECREASE * p.step * start.slope

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -CURVATURE * start.slope

    before, now = start, evaluate(step)
    tried = 0
    bracket = None
    while tried < evaluations:
        if too_high(now) or (tried > 1 and now.loss >= before.loss):
            bracket = [before, now]
            break
        if flat(now):
            return now, tried + 1
        if now.slope >= 0:
            bracket = [before, now]
            break
        length = _minimum(before, now, now.step + 0.01 * (now.step - before.step), now.step * 10)
        before, now = now, evaluate(length)
        tried += 1
    if bracket is None:
        bracket = [start, now]
    return _zoom(evaluate, bracket, too_high, flat, reach, tried, evaluations)


def _zoom(evaluate: Callable[[float], Point], bracket: list[Point], too_high: Callable[[Point], bool],
          flat: Callable[[Point], bool], reach: float, tried: int, evaluations: int) -> tuple[Point, int]:
    """Narrow a bracket around a fitting point down to one (algorithm 3.6)."""
    low, high = bracket if bracket[0].loss <= bracket[1].loss else bracket[::-1]
    stuck = False
    while tried < evaluations:
        left, right = min(low.step, high.step), max(low.step, high.step)
        if (right - left) * reach < SMALLEST_CHANGE:
            break
        length = _minimum(low, high, left, right)
        margin = 0.1 * (right - left)
        if min(right - length, length - left) < margin:
            # Twice close to an end, or on it: step away from it.
            if stuck or length >= right or length <= left:
                length = right - margin if abs(length - right) < abs(length - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        now = evaluate(length)
        tried += 1
        if too_high(now) or now.loss >= low.loss:
            high = now
            if high.loss < low.loss:
                low, high = high, low
        else:
            if flat(now):
                return now, tried + 1
            if now.slope * (high.step - low.step) >= 0:
                high = low
            low = now
    return low, tried + 1
