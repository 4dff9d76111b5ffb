"""The state of random numbers: a seed and how many calls have drawn from it.

Numbers are made by Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2,
3"), a function of (seed, call, element): nothing on a device advances, so the same seed gives the
same numbers on every device, however the work is split.

The key is the seed.  The counter's upper 64 bits are the number of the call, its lower 64 bits the
number of the block of four 32-bit words.  Words go to elements in groups, so that neighbouring
blocks give neighbouring elements:

* 32-bit draws, groups of 64 elements: element i takes word ``i % 64 // 16`` of block
  ``i // 64 * 16 + i % 16``;
* 64-bit draws, groups of 32: element i takes words ``2 h`` (low) and ``2 h + 1`` (high), with
  ``h = i % 32 // 16``, of block ``i // 32 * 16 + i % 16``.
"""
from __future__ import annotations

import secrets
import threading
from typing import Any

_MASK = (1 << 64) - 1
# PyTorch's default seed.
DEFAULT_SEED = 67280421310721


class Generator:
    """A source of random numbers, as PyTorch's ``torch.Generator``.

    Args:
        device: accepted for PyTorch's signature; the numbers do not depend on it.
    """

    def __init__(self, device: Any = None) -> None:
        self.device = device if device is not None else "cpu"
        self._seed = DEFAULT_SEED
        self._offset = 0
        self._lock = threading.Lock()

    def manual_seed(self, seed: int) -> Generator:
        """Start anew from ``seed`` (any integer of 64 bits, negative ones wrapped)."""
        value = int(seed)
        if not -(1 << 63) <= value <= _MASK:
            raise RuntimeError("Overflow when unpacking long long")
        with self._lock:
            self._seed, self._offset = value & _MASK, 0
        return self

    def initial_seed(self) -> int:
        """The seed last set."""
        return self._seed

    def seed(self) -> int:
        """Start anew from a seed of the system's entropy; returns it."""
        value = secrets.randbits(63)
        self.manual_seed(value)
        return value

    def draw(self) -> tuple[int, int]:
        """(seed, number of the call) for the next call, both as signed 64-bit integers."""
        with self._lock:
            offset = self._offset
            self._offset = offset + 1 & _MASK
            return _signed(self._seed), _signed(offset)

    def snapshot(self) -> tuple[int, int]:
        """The whole state, for ``restore``."""
        with self._lock:
            return self._seed, self._offset

    def restore(self, state: tuple[int, int]) -> None:
        """Go back to a state."""
        with self._lock:
            self._seed, self._offset = state

    def get_offset(self) -> int:
        """Number of calls drawn since the seed was set."""
        return self._offset

    def set_offset(self, offset: int) -> None:
        """Continue at the call of that number."""
        with self._lock:
            self._offset = int(offset) & _MASK

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, self.snapshot()


def _restored(seed: int, offset: int) -> Generator:
    made = Generator()
    made.restore((seed, offset))
    return made


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


# What draws from no generator of its own uses.
default = Generator()
