"""Squares of numbers turned over in vector registers."""
from __future__ import annotations

from collections.abc import Sequence


def rotate(names: Sequence[str], ctype: str, times: int, prefix: str) -> tuple[list[str], list[str]]:
    """C statements that move elements between the vectors ``names``, and the names of the new vectors.

    Number the elements by (vector, lane), both in binary, as one string of bits: each of the
    ``times`` rounds turns the string left by one.  W vectors of W lanes are transposed by log2 W
    rounds.

    Args:
        names: a power of two of vectors, each of type ``ctype``.
        prefix: of the names that are declared.
    """
    lines: list[str] = []
    held = list(names)
    for turn in range(times):
        made = [f"{prefix}{turn}_{j}" for j in range(len(held))]
        lines.append(f"{ctype} {', '.join(made)};")
        for j in range(len(held) // 2):
            one, two = held[j], held[j + len(held) // 2]
            lines.append(f"{made[2 * j]}.even = {one}.lo; {made[2 * j]}.odd = {two}.lo;")
            lines.append(f"{made[2 * j + 1]}.even = {one}.hi; {made[2 * j + 1]}.odd = {two}.hi;")
        held = made
    return lines, held
