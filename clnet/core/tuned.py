"""The database of tuning results: what was measured to be best, for which device and problem.

It is a readable JSON file: one that comes with clnet, and the user's own in the cache folder, whose
entries go first.  A process reads both once, at the first plan that asks.
"""
from __future__ import annotations

import functools
import hashlib
import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .caps import DeviceCaps
from .config import settings

Value = bool | int | str

SHIPPED = Path(__file__).parents[1] / "tune" / "database.json"
_FORMAT = 1
# What entries of a file refer to by its place in a list.
_SHARED = ("machine", "problem")
# How far an entry reaches: the sum, over the sizes, of doublings between its problem and another.
REACH = 2.0


@dataclass(frozen=True)
class Machine:
    """What identifies a device in the database. Empty fields stand for any."""

    name: str = ""
    platform: str = ""
    driver: str = ""
    architecture: str = ""
    vendor: str = ""
    type: str = ""
    plan_class: str = ""

    @staticmethod
    @functools.cache
    def of(caps: DeviceCaps) -> Machine:
        """The machine that capabilities describe."""
        return Machine(caps.name, caps.platform, caps.driver_version, architecture(caps), caps.vendor,
                       caps.device_type, caps.plan_class)


# Fields in which an entry and a device must agree, the closest relation first: the device itself, its
# architecture, its vendor.  Then come entries that name no device, for its type and for any: what one
# device likes says nothing about another vendor's.
LEVELS = (("name", "platform"), ("architecture", "platform"), ("vendor", "platform", "type"))
GENERAL_LEVELS = (("type",), ())


def architecture(caps: DeviceCaps) -> str:
    """What devices of one generation share: a CPU's vector width, a GPU's series.

    The series is the name without what tells its members apart ("GeForce RTX 3060" is "geforce rtx
    30", "gfx1032" is "gfx103").
    """
    if caps.device_type == "cpu":
        return f"cpu {caps.float_vector_width}"
    name = re.sub(r"\(.*?\)", "", caps.name.lower())
    found = re.search(r"^(.*?\D)??(\d{3,5})", name)
    if found is None:
        return " ".join(name.split())
    digits = found[2]
    kept = digits[:-1] if name.startswith("gfx") else digits[:-2]
    return " ".join(f"{found[1] or ''}{kept}".split())


@dataclass(frozen=True)
class Entry:
    """One result.

    Attributes:
        family, kind, sizes: the problem as its planner states it (``core.tunables``).
        machine: where it was measured.
        choice: the best values; those missing are left to the model.
        problem: the call that was measured, which ``clnet tune`` can repeat.
        time_us, default_us: microseconds of that call with the choice and with the model's.
    """

    family: str
    kind: str
    sizes: tuple[int, ...]
    machine: Machine
    choice: Mapping[str, Value]
    problem: str
    time_us: float
    default_us: float

    @property
    def key(self) -> tuple[Any, ...]:
        """Entries of one key replace one another."""
        m = self.machine
        return (self.family, self.kind, self.sizes, m.name, m.platform, m.architecture, m.vendor, m.type, m.plan_class)

    def trusted_on(self, machine: Machine) -> bool:
        """Whether the compiler is the one it was measured with, or a different one altogether."""
        mine = self.machine
        return not mine.driver or mine.platform != machine.platform or mine.driver == machine.driver

    def as_json(self) -> dict[str, Any]:
        """Plain data, in the file's order."""
        return {"family": self.family, "kind": self.kind, "sizes": list(self.sizes), "choice": dict(self.choice),
                "time_us": self.time_us, "default_us": self.default_us, "problem": self.problem,
                "machine": {k: v for k, v in vars(self.machine).items() if v}}

    @staticmethod
    def from_json(data: Any) -> Entry:
        """The inverse. Raises ValueError for anything else."""
        try:
            entry = Entry(data["family"], data["kind"], tuple(data["sizes"]), Machine(**data["machine"]),
                          dict(data["choice"]), data["problem"], float(data["time_us"]), float(data["default_us"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an entry of a tuning database: {error!r}") from None
        texts = (entry.family, entry.kind, entry.problem, *vars(entry.machine).values(), *entry.choice)
        if not (all(isinstance(t, str) for t in texts) and all(type(s) is int for s in entry.sizes)
                and all(type(v) in (bool, int, str) for v in entry.choice.values())):
            raise ValueError("not an entry of a tuning database: a value is of the wrong type")
        return entry


def parse(text: str) -> list[Entry]:
    """The entries of a database file. Raises ValueError for anything else."""
    content = json.loads(text)
    if not isinstance(content, dict) or content.get("format") != _FORMAT or not isinstance(
            content.get("entries"), list):
        raise ValueError(f"not a tuning database of format {_FORMAT}")
    try:
        return [Entry.from_json(one | {key: content[f"{key}s"][one[key]] for key in _SHARED
                                       if type(one[key]) is int}) for one in content["entries"]]
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not an entry of a tuning database: {error!r}") from None


def render(entries: Iterable[Entry]) -> str:
    """A database file: one entry on a line, in the order of their keys; what many share is listed before."""
    lines = [e.as_json() for e in sorted(entries, key=lambda e: e.key)]
    parts = []
    for key in _SHARED:
        listed = list({json.dumps(one[key]): one[key] for one in lines}.values())
        lines = [one | {key: listed.index(one[key])} for one in lines]
        parts.append((f"{key}s", listed))
    parts.append(("entries", lines))
    return f'{{"format": {_FORMAT}' + "".join(
        f', "{name}": [\n' + ",\n".join(map(json.dumps, found)) + "\n]" for name, found in parts) + "}\n"


def merge(*sources: Iterable[Entry]) -> list[Entry]:
    """All entries; of those with one key, the last source's."""
    return list({e.key: e for source in sources for e in source}.values())


def distance(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Doublings between two sizes, over all dimensions."""
    return sum(abs(math.log2(max(x, 1) / max(y, 1))) for x, y in zip(a, b))


class Database:
    """Entries, indexed for planners."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._index: dict[tuple[str, str, str], list[Entry]] = {}
        for e in self.entries:
            self._index.setdefault((e.family, e.kind, e.machine.plan_class), []).append(e)

    @functools.cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that tell databases apart."""
        return hashlib.sha256(render(self.entries).encode()).hexdigest()[:16]

    def find(self, caps: DeviceCaps, family: str, kind: str, sizes: tuple[int, ...]) -> Entry | None:
        """The entry for a problem: of the closest relative of the device, the nearest in size."""
        found = self._index.get((family, kind, caps.plan_class))
        if not found:
            return None
        machine = Machine.of(caps)
        near = [(distance(e.sizes, sizes), e) for e in found
                if len(e.sizes) == len(sizes) and e.trusted_on(machine)]
        near = [(d, e) for d, e in near if d <= REACH]
        for level in LEVELS + GENERAL_LEVELS:
            related = [(d, e) for d, e in near if all(getattr(e.machine, f) == getattr(machine, f) for f in level)
                       and (level in LEVELS or not e.machine.name and e.machine.type in ("", machine.type))]
            if related:
                return min(related, key=lambda pair: (pair[0], pair[1].sizes))[1]
        return None


def user_file() -> Path:
    """The user's own database."""
    return settings().cache_dir / "tuning" / "database.json"


def read_user() -> list[Entry]:
    """The user's entries; none, with a warning, where the file is damaged."""
    path = user_file()
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        warnings.warn(f"tuning results in {path} are ignored, for it cannot be read ({error}); delete it, or write "
                      "it anew by `clnet tune`", RuntimeWarning, stacklevel=2)
        return []


def read_shipped() -> list[Entry]:
    """The entries that come with clnet."""
    return parse(SHIPPED.read_text(encoding="utf-8"))


@functools.cache
def database() -> Database:
    """What this process plans by: both files, read at the first call."""
    return Database(merge(read_shipped(), read_user()))
