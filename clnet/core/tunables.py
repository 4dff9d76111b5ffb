"""What planners leave to a choice: tile sizes, packing, splits, which of several plans.

A planner declares a `Family`: named parameters with the values they may take, and what
combinations a device allows.  While it plans it asks for each parameter, stating what its model
would choose:

    pick = TILE.choice(caps, "float32 nn", batch, m, n, k)
    rows = pick("rows", 8 if m > 4 else 4)

The answer is the database's for this device and problem, else the model's.  Plans are kept per
shape, so none of this is on the path of a call.  Within a `Trial` the answers are the trial's, and
it notes what was asked: that is how the tuner searches.
"""
from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from . import tuned
from .caps import DeviceCaps
from .tuned import Value

T = TypeVar("T", bool, int, str)
Allows = Callable[[DeviceCaps, Mapping[str, int], Mapping[str, Value]], bool]

# Every declared family by its name.
families: dict[str, Family] = {}


@dataclass(frozen=True)
class Parameter:
    """One choice: its name and the values that the tuner tries."""

    name: str
    values: tuple[Value, ...]


# What many families have.  CPU class: work-items per unit; GPU class: work-groups per unit, items of a group.
WORKERS = Parameter("workers_per_unit", (1, 2, 4, 8, 16))
GROUPS = Parameter("groups_per_unit", (2, 4, 8, 16, 32, 64, 128))
GROUP = Parameter("group", (64, 128, 256))


@dataclass(frozen=True, eq=False)
class Family:
    """The search space of one kind of plan.

    Attributes:
        name: by which the database and ``clnet tune`` know it.
        sizes: names of the numbers that say how large a problem is; entries of the database serve
            problems of near sizes.
        parameters: what can be chosen.
        allows: (caps, sizes, values) -> whether a combination may be planned; ``values`` may lack
            parameters that are left to the model.
    """

    name: str
    sizes: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    allows: Allows

    def choice(self, caps: DeviceCaps, kind: str, *sizes: int) -> Choice:
        """The choice for one problem.

        Args:
            kind: what must agree with a database entry exactly: dtypes, orders of dimensions.
            sizes: one number for each name in ``sizes``.
        """
        if planning.trial is not None:
            return planning.trial.choice(self, kind, sizes)
        entry = tuned.database().find(caps, self.name, kind, sizes)
        if entry is None or not self.accepts(caps, sizes, entry.choice):
            return Choice({}, {})
        return Choice(entry.choice, {})

    def accepts(self, caps: DeviceCaps, sizes: tuple[int, ...], values: Mapping[str, Value]) -> bool:
        """Whether values that come from outside are among those declared, and go together."""
        declared = {p.name: p.values for p in self.parameters}
        known = all(any(v == value and type(v) is type(value) for v in declared.get(name, ()))
                    for name, value in values.items())
        return known and self.allows(caps, dict(zip(self.sizes, sizes)), values)


def family(name: str, sizes: tuple[str, ...], *parameters: Parameter, allows: Allows | None = None) -> Family:
    """Declare a family. Raises ValueError for a name that is taken."""
    if name in families:
        raise ValueError(f"tunable family {name} is declared twice")
    families[name] = Family(name, sizes, parameters, allows or _anything)
    return families[name]


def _anything(caps: DeviceCaps, sizes: Mapping[str, int], values: Mapping[str, Value]) -> bool:
    return True


class Choice:
    """Answers to a planner's questions about one problem."""

    __slots__ = ("_given", "_taken")

    def __init__(self, given: Mapping[str, Value], taken: dict[str, Value]) -> None:
        self._given, self._taken = given, taken

    def __call__(self, name: str, default: T) -> T:
        """The value of a parameter; ``default`` is the model's."""
        value = self._given.get(name, default)
        self._taken[name] = value
        return value  # type: ignore[return-value]


@dataclass(frozen=True)
class Use:
    """One problem that was planned in a trial, and the values taken for it."""

    family: Family
    kind: str
    sizes: tuple[int, ...]
    taken: dict[str, Value]


@dataclass
class Trial:
    """Values that planners are to take, by family and parameter; the rest is left to their models.

    Attributes:
        uses: what was planned meanwhile.
    """

    values: Mapping[tuple[str, str], Value]
    uses: list[Use] = field(default_factory=list)

    def choice(self, family: Family, kind: str, sizes: tuple[int, ...]) -> Choice:
        """As ``Family.choice``; the database has no say."""
        use = Use(family, kind, sizes, {})
        self.uses.append(use)
        return Choice({name: v for (of, name), v in self.values.items() if of == family.name}, use.taken)

    def allowed(self, caps: DeviceCaps) -> bool:
        """Whether all values that were taken go together."""
        return all(u.family.allows(caps, dict(zip(u.family.sizes, u.sizes)), u.taken) for u in self.uses)

    @contextlib.contextmanager
    def running(self) -> Iterator[Trial]:
        """Make plans by this trial, in this thread."""
        before, planning.trial = planning.trial, self
        try:
            yield self
        finally:
            planning.trial = before


class _Planning(threading.local):
    """Per thread: the trial that plans are made for."""

    trial: Trial | None = None


planning = _Planning()
