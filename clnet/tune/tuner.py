"""The search for the best plan of one problem on one device."""
from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..core.tunables import Trial
from ..core.tuned import Entry, Machine, Value
from .bench import Bench
from .journal import Journal
from .problem import Problem
from .space import Key, Space, Variant
from .strategy import Strategy

# Rounds in which a variant and the default are timed in turn; one sample decides about what is so many
# times slower than the best.
ROUNDS = 5
HOPELESS = 1.5
# The best so many meet the default again, in more rounds; a winner is at least so much faster.
FINALISTS = 6
FINAL_ROUNDS = 15
GAIN = 0.97


@dataclass(frozen=True)
class Record:
    """One variant that was tried.

    Attributes:
        values: of the parameters that its plan asked for.
        status: "ok", "wrong" (its results) or "failed" (to build or run).
        cost: its time over the default's; infinite unless it is right.
    """

    values: Mapping[Key, Value]
    status: str
    cost: float
    detail: str = ""


@dataclass
class Outcome:
    """What a search found.

    Attributes:
        default_us: microseconds of the model's plan.
        cost: time of the best plan over the default's; 1 where the default is best.
        best: its values; empty where the default is best.
        records: every variant tried, in order.
        complete: the strategy ended, not the time.
    """

    problem: Problem
    default_us: float
    cost: float = 1.0
    best: Variant = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    complete: bool = False

    def entries(self, caps: DeviceCaps, machine: Machine | None = None) -> list[Entry]:
        """What the database is to hold: for every family that the plan asked, the values it took.

        Args:
            machine: which the entries are for; the device of ``caps`` if None.
        """
        trial = Trial(self.best)
        self.problem.plan(caps, trial)
        found: dict[Any, Entry] = {}
        taken: dict[Any, dict[str, Value]] = {}
        for use in trial.uses:  # a planner may ask in several places about one problem, or nothing
            if not use.taken:
                continue
            choice = taken.setdefault((use.family.name, use.kind, use.sizes), {})
            if self.best:
                choice |= use.taken
            entry = Entry(use.family.name, use.kind, use.sizes, machine or Machine.of(caps), choice, self.problem.text,
                          round(self.default_us * self.cost, 2), round(self.default_us, 2))
            found[entry.key] = entry
        return list(found.values())


class WrongDefaultError(RuntimeError):
    """The model's own plan gives wrong results on this device."""


def tune(problem: Problem, caps: DeviceCaps, bench: Bench, strategy: Strategy, *, seconds: float = 30.0,
         most: int | None = None, journal: Journal | None = None, seed: int = 0,
         progress: Callable[[Outcome], None] | None = None) -> Outcome:
    """Search the plans of ``problem`` for the fastest.

    A variant's results are checked before it is timed, and it is timed in turn with the default, so
    that what slows the machine for a while slows both.

    Args:
        bench: builds, checks and times plans.
        seconds: after which no further variant is begun.
        most: variants to run at most.
        journal: remembers, across processes, what was tried.
        progress: is called after each variant.

    Raises:
        WrongDefaultError: the default plan is wrong here.
        BuildError: it does not build.
    """
    search = _Search(problem, caps, bench, journal or Journal(None, ""), seconds, most, progress)
    search.follow(strategy(Space.of(problem, caps), random.Random(seed)))
    search.decide()
    return search.outcome


class _Search:
    """The state of one search."""

    def __init__(self, problem: Problem, caps: DeviceCaps, bench: Bench, journal: Journal, seconds: float,
                 most: int | None, progress: Callable[[Outcome], None] | None) -> None:
        self.problem, self.caps, self.bench, self.journal = problem, caps, bench, journal
        self.text = problem.text
        self.most, self.progress = most, progress
        self.stop_at = time.monotonic() + seconds
        trial = Trial({})
        plan = problem.plan(caps, trial)
        self.default = bench.load(plan)
        error = bench.error(self.default)
        if error:
            raise WrongDefaultError(f"{self.text} is wrong on {caps.name} ({caps.platform}, driver "
                                    f"{caps.driver_version}): {error}. Please report this")
        self.seconds = min(bench.sample(self.default) for _ in range(ROUNDS))
        self.outcome = Outcome(problem, self.seconds * 1e6)
        self.best = 1.0
        self.runs = 0
        self._costs: dict[Any, float] = {_launches(plan): 1.0}
        self._finalists: dict[Any, tuple[float, Variant, Plan]] = {}

    def follow(self, search: Any) -> None:
        """Answer a strategy until it ends, or time does."""
        try:
            variant = next(search)
            while True:
                cost = self.cost(variant)
                if cost is None:
                    return
                variant = search.send(cost)
        except StopIteration:
            self.outcome.complete = True

    def cost(self, variant: Variant) -> float | None:
        """Time of a variant over the default's; None if it would be one too many."""
        trial = Trial(variant)
        plan = self.problem.plan(self.caps, trial)
        if not trial.allowed(self.caps):
            return math.inf
        key = _launches(plan)
        if key not in self._costs:
            asked = {(u.family.name, name) for u in trial.uses for name in u.taken}
            values = {k: v for k, v in variant.items() if k in asked}
            record = self._remembered(values)
            if record is None:
                if time.monotonic() > self.stop_at or self.runs == self.most:
                    return None
                self.runs += 1
                record = self._try(plan, values)
            self.outcome.records.append(record)
            self._costs[key] = record.cost
            if record.cost < 1:
                self.best = min(self.best, record.cost)
                self._finalists[key] = (record.cost, values, plan)
            if self.progress is not None:
                self.outcome.cost = self.best
                self.progress(self.outcome)
        return self._costs[key]

    def _remembered(self, values: Variant) -> Record | None:
        known = self.journal.known(self.text, values)
        if known is None:
            return None
        return Record(values, known["status"], float(known.get("cost", math.inf)), known.get("detail", ""))

    def _try(self, plan: Plan, values: Variant) -> Record:
        self.journal.begin(self.text, values)
        try:
            loaded = self.bench.load(plan)
            error = self.bench.error(loaded)
            record = Record(values, "wrong", math.inf, error) if error else Record(
                values, "ok", self._ratio(loaded, ROUNDS))
        except Exception as problem:  # whatever is wrong with a variant ends that variant only
            record = Record(values, "failed", math.inf, (str(problem) or type(problem).__name__).split("\n")[0][:200])
        cost = {} if math.isinf(record.cost) else {"cost": record.cost}
        self.journal.judge(self.text, values, status=record.status, detail=record.detail, **cost)
        return record

    def _ratio(self, loaded: Any, rounds: int) -> float:
        """Its time over the default's, timed in turn: by the best of all rounds or by the median of the
        rounds' ratios, whichever says less for it. Drift misleads the one, disturbances the other."""
        mine: list[float] = []
        others: list[float] = []
        for _ in range(rounds):
            mine.append(self.bench.sample(loaded))
            others.append(self.bench.sample(self.default))
            if mine[0] > HOPELESS * self.best * others[0]:
                break
        ratios = sorted(a / b for a, b in zip(mine, others))
        return max(ratios[len(ratios) // 2], min(mine) / min(others))

    def decide(self) -> None:
        """Let the best variants meet the default once more; the first clear winner is the outcome."""
        self.outcome.cost, self.outcome.best = 1.0, {}
        finalists = sorted(self._finalists.values(), key=lambda f: f[0])[:FINALISTS]
        for cost, values, plan in finalists:
            if cost > GAIN:
                break
            try:
                loaded = self.bench.load(plan)
                if self.bench.error(loaded):  # a journal's word is checked like any other
                    continue
                self.best = min(self.best, cost)
                ratio = self._ratio(loaded, FINAL_ROUNDS)
            except Exception:  # see above
                continue
            if ratio < min(GAIN, self.outcome.cost):
                self.outcome.cost, self.outcome.best = ratio, dict(values)


def _launches(plan: Plan) -> Any:
    """What makes two plans the same."""
    return plan.launches, plan.temporaries


