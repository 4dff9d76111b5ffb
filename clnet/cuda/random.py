"""Seeds: every device draws from the same generators."""
from __future__ import annotations

from typing import Any

from ..tensor.random import get_rng_state as _get_state
from ..tensor.random import initial_seed as initial_seed
from ..tensor.random import manual_seed as manual_seed
from ..tensor.random import seed as seed
from ..tensor.random import set_rng_state as _set_state
from .devices import device_count

manual_seed_all = manual_seed
seed_all = seed


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of the random numbers, which is that of every device."""
    return _get_state()


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Go back to a state, on every device."""
    _set_state(new_state)


def get_rng_state_all() -> list[Any]:
    """The state once for every GPU."""
    return [_get_state() for _ in range(device_count())]


def set_rng_state_all(new_states: Any) -> None:
    """Go back to a state of ``get_rng_state_all``."""
    for state in new_states:
        _set_state(state)
