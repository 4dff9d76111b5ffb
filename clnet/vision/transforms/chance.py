"""Random numbers of transforms: drawn on the host from the default generator's seed.

``clnet.manual_seed`` makes them repeat, and loaders' workers have seeds of their own.
"""
from __future__ import annotations

import numpy as np

from ...core.generator import default

_MASK = (1 << 64) - 1


def draw() -> np.random.Generator:
    """The numbers of one call of a transform."""
    seed, offset = default.draw()
    return np.random.default_rng([seed & _MASK, offset & _MASK])
