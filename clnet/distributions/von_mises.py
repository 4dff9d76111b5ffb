"""The von Mises distribution."""
from __future__ import annotations

import math
from typing import Any

from ..autograd.mode import no_grad
from ..ops.special import i0e, i1e
from . import constraints
from .location import Centred
from .parameters import broadcast_all, open_unit_noise, unit_noise

# Best and Fisher's envelope accepts at least 0.65 of the proposals: a chance of 1e-6 is left.
_ROUNDS = 13


class VonMises(Centred):
    """Angles of [-pi, pi) around ``loc``, closer for larger ``concentration``."""

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    _parameters = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        k = self.concentration
        # log(i0(k)) = k + log(i0e(k)), and cos - 1 keeps the difference exact for large k.
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - i0e(k).log()

    def sample(self, sample_shape: Any = ()) -> Any:
        # Best & Fisher 1979, "Efficient simulation of the von Mises distribution".
        shape = self._extended_shape(sample_shape)
        with no_grad():
            k = self.concentration.expand(shape)
            tau = 1 + (1 + 4 * k.square()).sqrt()
            # (tau - sqrt(2 tau)) / (2 k), without the differences that cancel for small k.
            rho = 2 * k / (tau + (2 * tau).sqrt())
            ratio = (1 + rho.square()) / (2 * rho)
            held = k.new_full(shape, math.nan)
            for _ in range(_ROUNDS):
                z = (math.pi * unit_noise(k, shape)).cos()
                near = ((1 + ratio * z) / (ratio + z)).clamp(min=-1, max=1)
                gap = k * (ratio - near)
                u = open_unit_noise(k, shape)
                accepted = (gap * (2 - gap) > u) | ((gap / u).log() + 1 >= gap)
                sign = (unit_noise(k, shape) - 0.5).sign()
                held = (sign * near.acos()).where(held.isnan() & accepted, held)
            drawn = held.nan_to_num(0.0) + self.loc
            return (drawn + math.pi) % (2 * math.pi) - math.pi

    @property
    def variance(self) -> Any:
        """The circular variance."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)
