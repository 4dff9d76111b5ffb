"""Versions: clnet's own, and the PyTorch whose interface it has, as ``torch.version`` shows it."""
from __future__ import annotations

import re
from typing import Any

# clnet's own version: what packaging, the command line and reports name.
CLNET = "0.1.0"


def _release(version: Any) -> tuple[Any, ...]:
    """What orders versions: the numbers of the release, and whether it is a final one.

    Raises:
        ValueError: not a version.
    """
    if isinstance(version, tuple):
        version = ".".join(map(str, version))
    found = re.match(r"v?(\d+(?:\.\d+)*)(?:\.?(a|b|rc|dev)[\d.]*)?", str(version).strip())
    if found is None:
        raise ValueError(f"not a version: {version!r}")
    numbers = [int(n) for n in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), found[2] is None


class TorchVersion(str):
    """A version as text that compares by its numbers, with other versions, texts and tuples.

    >>> TorchVersion("2.13.0+clnet0.1.0") >= "2.2"
    True
    >>> TorchVersion("2.13.0") < (2, 14)
    True
    """

    __hash__ = str.__hash__

    def _compare(self, other: Any) -> int | None:
        """-1, 0 or 1; None for what is no version."""
        try:
            mine, theirs = _release(str(self)), _release(other)
        except ValueError:
            return None
        return (mine > theirs) - (mine < theirs)

    def __eq__(self, other: Any) -> bool:
        return str.__eq__(self, other) if isinstance(other, str) and "+" in other else self._compare(other) == 0

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return self._order(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._order(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._order(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._order(other) >= 0

    def _order(self, other: Any) -> int:
        order = self._compare(other)
        if order is None:
            return (str(self) > str(other)) - (str(self) < str(other))
        return order


# The PyTorch whose names and rules are followed.
__version__ = TorchVersion(f"2.13.0+clnet{CLNET}")
# What PyTorch's module says about its build: no CUDA, no ROCm.
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
git_version = "unknown"
debug = False
