"""What can be varied in the plans of one problem."""
from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ..core.caps import DeviceCaps
from ..core.tunables import Trial
from ..core.tuned import Value
from .problem import Problem

Key = tuple[str, str]
"""A parameter: its family's name and its own."""
Variant = dict[Key, Value]

# Rounds in which parameters are looked for that plans ask for only after another choice.
_ROUNDS = 3


class Space:
    """All combinations of the values of some parameters.

    Attributes:
        values: of each parameter, the model's default among them.
        default: what the model chooses.
    """

    def __init__(self, values: Mapping[Key, tuple[Value, ...]], default: Variant) -> None:
        self.values = dict(values)
        self.default = dict(default)

    @staticmethod
    def of(problem: Problem, caps: DeviceCaps) -> Space:
        """The space of a problem: what its planner asks for, by default and after choices that lead to more."""
        values: dict[Key, tuple[Value, ...]] = {}
        default: Variant = {}
        pending: list[Variant] = [{}]
        for _ in range(_ROUNDS):
            following: list[Variant] = []
            for variant in pending:
                fresh: list[Key] = []
                trial = Trial(variant)
                problem.plan(caps, trial)
                for use in trial.uses:
                    declared = {p.name: p.values for p in use.family.parameters}
                    for name, taken in use.taken.items():
                        key = (use.family.name, name)
                        if key not in values:
                            values[key] = _with(declared[name], taken)
                            default[key] = taken
                            fresh.append(key)
                following += [variant | {key: v} for key in fresh for v in values[key] if v != default[key]]
            pending = following
        return Space(values, default)

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(len(v) for v in self.values.values())

    def __iter__(self) -> Iterator[Variant]:
        """Every combination in turn, the last parameter fastest."""
        for combination in itertools.product(*self.values.values()):
            yield dict(zip(self.values, combination))

    def draw(self, rng: random.Random) -> Variant:
        """A random combination."""
        return {key: rng.choice(values) for key, values in self.values.items()}

    def changes(self, variant: Variant, key: Key) -> list[Variant]:
        """The combinations that differ from ``variant`` in one parameter alone."""
        return [variant | {key: v} for v in self.values[key] if v != variant[key]]


def _with(values: tuple[Value, ...], default: Value) -> tuple[Value, ...]:
    if default in values:
        return values
    return tuple(sorted((*values, default), key=lambda v: (isinstance(v, str), v)))


def frozen(variant: Mapping[Key, Value]) -> tuple[Any, ...]:
    """A hashable form, the same for the same choices."""
    return tuple(sorted(variant.items()))
