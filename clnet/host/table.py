"""The NumPy statement of each planner's operator, by the operator's name.

A statement is ``(arrays, layouts, attrs) -> array``, or a tuple of arrays where the operator has
several results. Arrays are the operands' elements (16-bit floats as float32), numbers come as they
are; layouts and attributes are those the planner gets. Results may have any dtype that converts.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

Statement = Callable[[list[Any], list[Any], dict[str, Any]], Any]


class Statements:
    """The statements by operator name; each is given once."""

    def __init__(self) -> None:
        self._by_name: dict[str, Statement] = {}

    def of(self, *names: str) -> Callable[[Statement], Statement]:
        """Decorator: the statement of these operators."""
        def add(statement: Statement) -> Statement:
            for name in names:
                if name in self._by_name:
                    raise ValueError(f"{name} has two statements")
                self._by_name[name] = statement
            return statement
        return add

    def get(self, name: str) -> Statement | None:
        """The statement of an operator; None if there is none."""
        return self._by_name.get(name)

    def __iter__(self) -> Any:
        return iter(self._by_name)


statements = Statements()
