"""How the modules of this package put their methods on the classes they belong to."""
from __future__ import annotations

from typing import Any


def attach(cls: type, **members: Any) -> None:
    """Give a class methods and properties by name: type checkers see them as `Tensor.__getattr__`."""
    for name, member in members.items():
        setattr(cls, name, member)
