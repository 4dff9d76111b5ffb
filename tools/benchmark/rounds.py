"""Rounds of processes that take turns, and the table that is made of their answers."""
from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.benchmark.library import threads
from tools.benchmark.worker import Request, cases

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = ("torch", "numpy")
"""Whose results and times the others are held against: the first that has the case."""


APART = "16-bit"
"""The group outside the mean of all: PyTorch has no quick product of float16 on CPUs, and is a
hundred times slower there."""


@dataclass(frozen=True)
class Subject:
    """One column: a library, and for clnet the device (empty: the default one)."""

    library: str
    device: str = ""

    @property
    def name(self) -> str:
        return f"{self.library}/{self.device}" if self.device else self.library


@dataclass
class Table:
    """What was measured: by case, and in each by column."""

    kind: str
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    peaks: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """The text that ``from_json`` reads."""
        return json.dumps(self.__dict__, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Table:
        """A table saved by ``as_json``."""
        return cls(**json.loads(text))

    def subjects(self) -> list[str]:
        """Columns that have times, clnet's last."""
        timed = [name for name in self.about if any(name in row["seconds"] for row in self.rows.values())]
        return sorted(timed, key=lambda name: name.startswith("clnet"))

    def ratio(self, row: dict[str, Any], subject: str) -> float | None:
        """The reference's time over the subject's: above 1 the subject is faster."""
        times = row["seconds"]
        reference = next((name for name in REFERENCES if name in times), None)
        if reference in (None, subject) or subject not in times or subject in row["errors"]:
            return None
        return times[reference] / times[subject]

    def ratios(self, subject: str, group: str | None = None) -> list[float]:
        """All that there are, of one group or of all groups but ``APART``."""
        rows = [row for row in self.rows.values() if row["group"] == group or group is None and (
            row["group"] != APART)]
        return [r for r in (self.ratio(row, subject) for row in rows) if r is not None]

    def limit(self, row: dict[str, Any], subject: str) -> float | None:
        """Seconds that the subject's device needs at least, by its measured peaks."""
        peaks = self.peaks.get(subject)
        if not peaks or not (row["flops"] or row["nbytes"]):
            return None
        moving = row["nbytes"] / bandwidth(peaks, row["nbytes"])
        return max(row["flops"] / peaks["fma_gflops"], moving) / 1e9


def bandwidth(peaks: dict[str, float], nbytes: float) -> float:
    """GB/s of the measured copy nearest in size to ``nbytes``: what fits into caches moves faster."""
    copies = {2 * int(name.split("_")[1]) << 20: rate for name, rate in peaks.items() if name != "fma_gflops"}
    return copies[min(copies, key=lambda size: abs(math.log(size / nbytes)))]


def run(subjects: list[Subject], request: Request, rounds: int, timeout: float) -> Table:
    """Measure every subject once a round, each in a process of its own; the best round counts."""
    table = Table(request.kind, machine=_machine())
    if table.machine["load"] > 0.5:
        _say(f"the load is {table.machine['load']:.1f} before the start: other work disturbs the figures")
    for number in range(rounds):
        for subject in subjects:
            _say(f"round {number + 1} of {rounds}: {subject.name}")
            if request.kind != "peak":
                _add(table, subject, replace(request, library=subject.library), timeout)
            if subject.library == "clnet" and request.kind in ("peak", "ops"):
                peaks = replace(request, library="clnet", kind="peak", seconds=min(request.seconds, 0.5))
                _add(table, subject, peaks, timeout)
    _complete(table, request)
    return table


def _machine() -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows has none
    return {"load": round(load, 2), "threads": threads(), "python": sys.version.split()[0]}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _answers(subject: Subject, request: Request, timeout: float) -> Iterator[dict[str, Any]]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    if subject.device:
        environment["CLNET_DEVICE"] = subject.device
    try:
        done = subprocess.run([sys.executable, "-m", "tools.benchmark.worker", request.text()], text=True,
                              capture_output=True, timeout=timeout, env=environment, cwd=ROOT, check=False)
    except subprocess.TimeoutExpired as late:
        _say(f"{subject.name} takes more than {timeout:.0f} s")
        text, failed = late.stdout or b"", False
        output = text.decode() if isinstance(text, bytes) else text
    else:
        output, failed = done.stdout, done.returncode != 0
    for line in output.splitlines():
        if line.startswith("{") and line.endswith("}"):  # libraries print, and a late process stops midway
            yield json.loads(line)
    if failed:
        _say(f"{subject.name} stopped: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")


def _add(table: Table, subject: Subject, request: Request, timeout: float) -> None:
    """Take the answers into the table, the better of two times."""
    known = {case.name: case for case in cases(request.kind, request.sizes)}
    name = subject.name
    for line in _answers(subject, request, timeout):
        if "about" in line:
            table.about[name] = line["about"]
        elif "peaks" in line:
            before = table.peaks.get(name, {})
            table.peaks[name] = {k: max(rate, before.get(k, 0.0)) for k, rate in line["peaks"].items()}
        else:
            case = known.get(line["case"])
            row = table.rows.setdefault(line["case"], {
                "group": case.group if case else request.kind,
                "flops": case.flops if case else 0.0, "nbytes": case.nbytes if case else 0.0,
                "seconds": {}, "slowest": {}, "first": {}, "errors": {}, "digests": {}})
            if "error" in line:
                row["errors"][name] = line["error"]
                continue
            taken = line["seconds"]
            row["seconds"][name] = min(taken, row["seconds"].get(name, math.inf))
            row["slowest"][name] = max(taken, row["slowest"].get(name, 0.0))
            if "first" in line:
                row["first"][name] = min(line["first"], row["first"].get(name, math.inf))
            if "digest" in line:
                row["digests"][name] = line["digest"]


def _complete(table: Table, request: Request) -> None:
    """Compare results, and put the rows into the order of the cases."""
    for row in table.rows.values():
        digests = row.pop("digests")
        reference = next((name for name in REFERENCES if name in digests), None)
        for name, found in digests.items():
            if reference is not None and not same(digests[reference], found):
                row["errors"][name] = f"wrong: differs from {reference}"
    order = [case.name for case in cases(request.kind, request.sizes)] or list(table.rows)
    table.rows = {name: table.rows[name] for name in order if name in table.rows}


def same(first: list[list[Any]], second: list[list[Any]], tolerance: float = 2e-2) -> bool:
    """Whether two digests are of the same results, up to the rounding of 16-bit floats."""
    if [one[0] for one in first] != [two[0] for two in second]:
        return False
    for one, two in zip(first, second):
        scale = max(one[2], abs(one[1]), 1e-6)
        pairs = zip([one[1], one[2], *one[3]], [two[1], two[2], *two[3]])
        if not all(abs(a - b) <= tolerance * (scale + abs(a)) for a, b in pairs):
            return False
    return True
