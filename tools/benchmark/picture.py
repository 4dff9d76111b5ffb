"""Pictures of a table: ratios as bars, and operators under the roof of their device."""
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tools.benchmark.report import title
from tools.benchmark.rounds import Table

matplotlib.use("Agg")
GROUPS = {"matmul": "o", "conv": "s", "elementwise": "^", "reduction": "v"}
COLOURS = {"torch": "#d1495b", "numpy": "#8d96a3", "tinygrad": "#edae49"}
"""By library; clnet's devices take CLNET's in order."""
LONGEST = 16.0
"""Ratio at which bars end: a few higher ones would leave the others no room."""
CLNET = ("#2a9d8f", "#1d3557", "#a1c181", "#7a4b94")


def colours(table: Table) -> dict[str, str]:
    """Each column's, the same in every picture of a table."""
    mine = [s for s in table.subjects() if s.startswith("clnet")]
    return {s: CLNET[mine.index(s) % len(CLNET)] if s in mine else COLOURS[s] for s in table.subjects()}


def draw(table: Table, path: str) -> list[str]:
    """Write the pictures that the table has material for; their paths: ``path``, and beside it,
    with "-roofline" in its name, the roofline."""
    if table.kind == "peak":
        raise ValueError("two numbers make no picture: draw one of ops, train or dispatch")
    written = [path]
    (_times if table.kind == "dispatch" else _ratios)(table).savefig(path, dpi=120)
    if table.peaks and any(row["group"] in GROUPS for row in table.rows.values()):
        file = Path(path)
        written.append(str(file.with_name(f"{file.stem}-roofline{file.suffix}")))
        _roofline(table).savefig(written[-1], dpi=120)
    return written


def _ratios(table: Table) -> Figure:
    """Bars from 1 to the reference's time over each other column's, on a logarithmic axis."""
    shown = {s: [table.ratio(row, s) for row in table.rows.values()] for s in table.subjects()}
    shown = {s: values for s, values in shown.items() if any(values)}
    axes = _bars(table, shown, "{:.2f}", start=1.0, most=LONGEST)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(_plain)
    axes.margins(x=0.12)
    axes.axvline(1.0, color="black", linewidth=1.2)
    axes.set_xlabel("how many times as fast as PyTorch, or where that was not run, as NumPy")
    return axes.figure


def _times(table: Table) -> Figure:
    """Bars of microseconds per call."""
    shown = {s: [1e6 * row["seconds"][s] if s in row["seconds"] else None for row in table.rows.values()]
             for s in table.subjects()}
    axes = _bars(table, shown, "{:.1f}", start=0.0)
    axes.set_xlabel("microseconds of one call; shorter is better")
    return axes.figure


def _bars(table: Table, shown: dict[str, list[float | None]], form: str, start: float,
          most: float = math.inf) -> Any:
    """Bars from ``start``, none longer than to ``most``, with their values written at the ends."""
    names, colour = list(table.rows), colours(table)
    thick = 0.8 / max(len(shown), 1)
    height = 1.6 + len(names) * max(0.16 * len(shown), 0.24)
    figure = Figure(figsize=(11, height), layout="constrained")
    axes = figure.add_subplot()
    for k, (subject, values) in enumerate(shown.items()):
        places = [n + (k - (len(shown) - 1) / 2) * thick for n in range(len(names))]
        ends = [start if value is None else min(value, most) for value in values]
        axes.barh(places, [end - start for end in ends], thick * 0.92, start, color=colour[subject],
                  label=title(subject))
        for place, value, end in zip(places, values, ends):
            if value is not None:
                left = value < start
                axes.annotate(form.format(value), (end, place), (-3 if left else 3, 0), va="center",
                              ha="right" if left else "left", textcoords="offset points", fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", which="both", alpha=0.25)
    axes.set_axisbelow(True)
    for n in range(1, len(names)):
        if table.rows[names[n]]["group"] != table.rows[names[n - 1]]["group"]:
            axes.axhline(n - 0.5, color="grey", linewidth=0.6)
    figure.legend(loc="outside upper center", ncols=len(shown), frameon=False)
    return axes


def _plain(value: float, _: int) -> str:
    """A tick's label: 0.1, not a power of ten."""
    return f"{value:g}"


def _roofline(table: Table) -> Figure:
    """GFLOP/s by operations per byte, with the measured limits of each of clnet's devices."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.add_subplot()
    colour = colours(table)
    rows = [row for row in table.rows.values() if row["group"] in GROUPS and row["flops"] and row["nbytes"]]
    intensities = [row["flops"] / row["nbytes"] for row in rows]
    low, high = min([*intensities, 0.1]) / 2, max([*intensities, 10.0]) * 2
    for subject, peaks in table.peaks.items():
        for k, (name, rate) in enumerate(sorted(p for p in peaks.items() if p[0] != "fma_gflops")):
            peak = peaks["fma_gflops"]
            bend = peak / rate
            axes.plot([low, bend, high], [low * rate, peak, peak], color=colour[subject], linewidth=1.4,
                      linestyle=("-", "--", ":")[k % 3],
                      label=f"{title(subject)}: {peak:.0f} GFLOP/s, {rate:.0f} GB/s copying "
                            f"{name.split('_')[1]} MiB")
    for subject in table.subjects():
        for group, mark in GROUPS.items():
            points = [(row["flops"] / row["nbytes"], row["flops"] / row["seconds"][subject] / 1e9)
                      for row in rows if row["group"] == group and subject in row["seconds"]]
            if points:
                axes.scatter(*zip(*points), s=36, marker=mark, color=colour[subject], alpha=0.75,
                             edgecolors="white", linewidths=0.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_plain)
    axes.set_xlim(low, high)
    axes.set_xlabel("floating-point operations per byte of operands and results")
    axes.set_ylabel("GFLOP/s")
    axes.grid(which="both", alpha=0.2)
    keys = [Line2D([], [], linestyle="", marker="o", color=colour[subject], label=title(subject))
            for subject in table.subjects()]
    keys += [Line2D([], [], linestyle="", marker=mark, color="black", label=group)
             for group, mark in GROUPS.items() if any(row["group"] == group for row in rows)]
    figure.legend(handles=[*axes.lines, *keys], fontsize=9, loc="outside lower center", ncols=3,
                  frameon=False)
    return figure
