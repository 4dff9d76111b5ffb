"""A picture of searches: time against each parameter."""
from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.layout import Layout
from .space import Key
from .tuner import Outcome


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write a picture (by the name's ending: png, svg, pdf): a row per problem, a panel per parameter.

    A point is a variant, its height the time over the default's; the line joins the best of each value.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is nothing to draw.
    """
    drawn = [o for o in outcomes if any(r.status == "ok" for r in o.records)]
    if not drawn:
        raise ValueError("no variant was timed, so there is nothing to plot")
    importlib.import_module("matplotlib").use("agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    keys = [_keys(o) for o in drawn]
    columns = max(len(k) for k in keys)
    figure, axes = pyplot.subplots(len(drawn), columns, squeeze=False, layout="constrained",
                                   figsize=(2.6 * columns, 2.4 * len(drawn)))
    for outcome, names, row in zip(drawn, keys, axes):
        for key, panel in zip(names, row):
            _panel(panel, outcome, key)
        for panel in row[len(names):]:
            panel.set_axis_off()
        row[0].set_ylabel(f"{_title(outcome)}\ntime / default's", fontsize=7)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _keys(outcome: Outcome) -> list[Key]:
    """Parameters with more than one value."""
    seen: dict[Key, set[Any]] = {}
    for record in outcome.records:
        for key, value in record.values.items():
            seen.setdefault(key, set()).add(value)
    return [key for key, values in seen.items() if len(values) > 1] or list(seen)[:1]


def _title(outcome: Outcome) -> str:
    shapes = ["x".join(map(str, x.shape)) for x in outcome.problem.operands if isinstance(x, Layout)]
    return "\n".join([outcome.problem.op.name.strip("_"), *shapes])


def _panel(panel: Any, outcome: Outcome, key: Key) -> None:
    timed = [(r.values[key], r.cost) for r in outcome.records if key in r.values and math.isfinite(r.cost)]
    values = sorted({v for v, _ in timed}, key=lambda v: (isinstance(v, str), v))
    place = {v: i for i, v in enumerate(values)}
    panel.scatter([place[v] for v, _ in timed], [c for _, c in timed], s=8, alpha=0.4)
    panel.plot(range(len(values)), [min(c for v, c in timed if v == value) for value in values], linewidth=1)
    panel.axhline(1.0, color="gray", linewidth=0.5)
    if key in outcome.best and outcome.best[key] in place:
        panel.axvline(place[outcome.best[key]], color="tab:green", linewidth=0.8, linestyle=":")
    panel.set_xticks(range(len(values)), [str(v) for v in values], fontsize=6)
    panel.tick_params(axis="y", labelsize=6)
    panel.set_title(".".join(key), fontsize=7)
