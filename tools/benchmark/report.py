"""Tables as text for a terminal, and in Markdown for the documentation."""
from __future__ import annotations

import statistics

from tools.benchmark.rounds import APART, Table

TITLES = {"torch": "PyTorch", "numpy": "NumPy", "tinygrad": "tinygrad", "clnet": "clnet"}


def title(subject: str) -> str:
    """A column's heading, as "clnet, pocl"."""
    library, _, device = subject.partition("/")
    return TITLES[library] + (f", {device}" if device else "")


def grid(table: Table) -> list[list[str]]:
    """Cells, the headings first."""
    return _peaks(table) if table.kind == "peak" else _times(table)


def text(table: Table) -> str:
    """Columns aligned for a terminal, with what went wrong below."""
    cells = grid(table)
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]).rstrip()
             for row in cells]
    return "\n".join([*lines, *_remarks(table)])


def markdown(table: Table) -> str:
    """A Markdown table, what was compared above it."""
    head, *rows = grid(table)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    body = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([*_sources(table), "", *body, *_remarks(table)])


def _sources(table: Table) -> list[str]:
    found = []
    for subject, about in table.about.items():
        parts = [about.get("platform", ""), about.get("driver", ""), about.get("device", "")]
        details = ", ".join(part for part in parts if part)
        found.append(f"- {title(subject)}: {about['version']}" + (f" on {details}" if details else ""))
    return [*found, f"- {table.machine['threads']} processors, load {table.machine['load']} before the start"]


def _peaks(table: Table) -> list[list[str]]:
    keys = list(dict.fromkeys(key for peaks in table.peaks.values() for key in peaks))
    return [["", *map(title, table.peaks)]] + [
        [_peak_name(key), *(f"{peaks[key]:.1f}" for peaks in table.peaks.values())] for key in keys]


def _peak_name(key: str) -> str:
    return "multiply-adds, GFLOP/s" if key == "fma_gflops" else f"copy of {key.split('_')[1]} MiB, GB/s"


def _times(table: Table) -> list[list[str]]:
    unit, factor = ("ms", 1e3) if table.kind == "train" else ("us", 1e6)
    subjects = table.subjects()
    mine = [s for s in subjects if s.startswith("clnet")]
    others = [s for s in subjects if s not in mine]
    limits = bool(table.peaks)
    head = [table.kind, *(f"{title(s)}, {unit}" for s in others)]
    for s in mine:
        head += [f"{title(s)}, {unit}", "ratio", *(["of limit"] if limits else [])]
    cells = [head]
    for name, row in table.rows.items():
        line = [name, *(_time(row["seconds"].get(s), factor) for s in others)]
        for s in mine:
            taken, ratio, limit = row["seconds"].get(s), table.ratio(row, s), table.limit(row, s)
            line += [_time(taken, factor), "" if ratio is None else f"{ratio:.2f}"]
            line += [f"{limit / taken:.2f}" if limit and taken else ""] if limits else []
        cells.append(line)
    groups = list(dict.fromkeys(row["group"] for row in table.rows.values()))
    for group in [*groups, None] if len(groups) > 1 else [None]:
        what = group or ("all" if APART not in groups else f"all but {APART}")
        line = [f"geometric mean of {what}", *("" for _ in others)]
        for s in mine:
            ratios = table.ratios(s, group)
            mean = f"{statistics.geometric_mean(ratios):.2f}" if ratios else ""
            line += ["", mean, *([""] if limits else [])]
        cells.append(line)
    return cells


def _time(seconds: float | None, factor: float) -> str:
    if seconds is None:
        return ""
    value = seconds * factor
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _remarks(table: Table) -> list[str]:
    """What went wrong, and which times vary too much between rounds to be trusted."""
    lines = []
    for name, row in table.rows.items():
        lines += [f"{name}: {title(subject)}: {error}" for subject, error in row["errors"].items()]
        unsteady = [title(s) for s, best in row["seconds"].items() if row["slowest"][s] > 1.5 * best]
        if unsteady:
            lines.append(f"{name}: rounds differ by more than half: {', '.join(unsteady)}")
    return ["", *lines] if lines else []
