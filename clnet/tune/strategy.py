"""Search strategies: generators that yield a variant and are sent its cost.

The cost is a time relative to the default's, infinite for what is refused, fails to build or is
wrong.  A strategy ends when it knows nothing more to try; asking for one variant twice costs nothing.
"""
from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Generator

from .space import Space, Variant, frozen

Search = Generator[Variant, float, None]
Strategy = Callable[[Space, random.Random], Search]

# Spaces up to this size are shuffled whole; of larger ones so many are drawn.
_WHOLE = 1 << 14
# Evolution: individuals, those that a parent is the best of, chance that a parameter mutates.
_POPULATION = 12
_TOURNAMENT = 3
_MUTATION = 0.2
# Descents from new places, and generations, after which a search ends.
_RESTARTS = 20
_GENERATIONS = 60


def random_search(space: Space, rng: random.Random) -> Search:
    """The default, then all combinations in random order."""
    yield space.default
    if space.size <= _WHOLE:
        variants = list(space)
        rng.shuffle(variants)
        while variants:
            yield variants.pop()
    else:
        for _ in range(_WHOLE):
            yield space.draw(rng)


def coordinate_descent(space: Space, rng: random.Random) -> Search:
    """From the default: the best value of one parameter after the other, until none improves; then from
    random places."""
    for start in itertools.chain([space.default], (space.draw(rng) for _ in range(_RESTARTS))):
        here, cost = start, (yield start)
        improved = True
        while improved:
            improved = False
            order = list(space.values)
            rng.shuffle(order)
            for key in order:
                for variant in space.changes(here, key):
                    other = yield variant
                    if other < cost:
                        here, cost, improved = variant, other, True


def evolution(space: Space, rng: random.Random) -> Search:
    """A steady population: children of the best of a few, parameters from either parent, some mutated."""
    first = [space.default]
    first += [variant for key in space.values for variant in space.changes(space.default, key)]
    first[1:] = rng.sample(first[1:], min(len(first) - 1, _POPULATION - 1))
    population: list[tuple[float, Variant]] = []
    for variant in first:
        population.append(((yield variant), variant))
    seen = {frozen(variant) for variant in first}
    for _ in range(_GENERATIONS * _POPULATION):
        parents = [min(rng.sample(population, min(_TOURNAMENT, len(population))), key=_cost)[1] for _ in range(2)]
        child = {key: rng.choice(values) if rng.random() < _MUTATION else rng.choice(parents)[key]
                 for key, values in space.values.items()}
        if frozen(child) in seen:
            continue
        seen.add(frozen(child))
        population.append(((yield child), child))
        population.sort(key=_cost)
        del population[_POPULATION:]


def _cost(individual: tuple[float, Variant]) -> float:
    return individual[0]


STRATEGIES: dict[str, Strategy] = {
    "random": random_search, "coordinate": coordinate_descent, "evolution": evolution}
"""By the names that the command takes."""


def after(variants: list[Variant], strategy: Strategy) -> Strategy:
    """The strategy, once what is known of other devices has been tried."""
    def search(space: Space, rng: random.Random) -> Search:
        yield from given(variants)(space, rng)
        yield from strategy(space, rng)
    return search


def given(variants: list[Variant]) -> Strategy:
    """The strategy that tries the default and these, for verifying what is known."""
    def search(space: Space, rng: random.Random) -> Search:
        yield space.default
        for variant in variants:
            yield space.default | {key: v for key, v in variant.items() if key in space.values}
    return search
