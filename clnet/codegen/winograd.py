"""Winograd's minimal filtering F(4, 3): four outputs of three taps by six products instead of twelve.

With inputs d (6), taps g (3) and outputs y (4), y = A' [(G g) * (B d)], in two dimensions applied
along both.  Rows belong to the points at which polynomials are evaluated (Toom and Cook's scheme);
the points 0, +-3/4, +-3/2 and infinity keep the rounding error near that of direct sums, about a
quarter of that of the usual 0, +-1, +-2.  (Winograd, Arithmetic Complexity of Computations, 1980;
Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution, 2020.)
"""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

OUTPUTS, TAPS = 4, 3
POINTS = (Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2))
# Points with the one at infinity: as many inputs as products along one dimension.
SIZE = len(POINTS) + 1

Matrix = tuple[tuple[Fraction, ...], ...]


def _with_roots(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the polynomial with these roots, lowest first, filled up to SIZE."""
    found = [Fraction(1)]
    for root in roots:
        found = [up - root * here for up, here in zip([Fraction(0), *found], [*found, Fraction(0)])]
    return found + [Fraction(0)] * (SIZE - len(found))


def _taps(index: int) -> tuple[Fraction, ...]:
    point, scale = POINTS[index], Fraction(1)
    for other in POINTS:
        if other != point:
            scale *= point - other
    return tuple(point ** k / scale for k in range(TAPS))


# Of the inputs (6 x 6), of the taps (6 x 3), of the outputs' adjoint (6 x 4).
B: Matrix = (*(tuple(_with_roots([q for q in POINTS if q != p])) for p in POINTS), tuple(_with_roots(POINTS)))
G: Matrix = (*(_taps(i) for i in range(len(POINTS))), (Fraction(0), Fraction(0), Fraction(1)))
A: Matrix = (*(tuple(p ** k for k in range(OUTPUTS)) for p in POINTS),
             (*[Fraction(0)] * (OUTPUTS - 1), Fraction(1)))


def _sum(terms: Sequence[tuple[Fraction, str]]) -> str:
    """C expression of the sum of factors times names."""
    text = ""
    for factor, name in terms:
        if not factor:
            continue
        number = f"{float(factor)!r}f"
        if not text:
            text = name if factor == 1 else f"{number} * {name}"
        elif abs(factor) == 1:
            text = f"({text} {'+' if factor > 0 else '-'} {name})"
        else:
            text = f"fma({number}, {name}, {text})"
    return text or "0.0f"


def _mirror(matrix: Matrix, row: int) -> int | None:
    """The later row that equals ``row`` but for the signs of the odd columns."""
    mirrored = tuple(-v if k % 2 else v for k, v in enumerate(matrix[row]))
    return next((r for r in range(row + 1, len(matrix)) if matrix[r] == mirrored != matrix[row]), None)


def evaluate(matrix: Matrix, inputs: Sequence[str], ctype: str, prefix: str) -> tuple[list[str], list[str]]:
    """C statements of ``matrix`` times the vectors ``inputs``, and the names of its rows' values."""
    lines: list[str] = []
    values = [""] * len(matrix)
    for r, row in enumerate(matrix):
        if values[r]:
            continue
        values[r] = f"{prefix}{r}"
        twin = _mirror(matrix, r)
        terms = list(zip(row, inputs))
        if twin is None:
            lines.append(f"const {ctype} {values[r]} = {_sum(terms)};")
            continue
        values[twin] = f"{prefix}{twin}"
        even, odd = f"{prefix}{r}_even", f"{prefix}{r}_odd"
        lines += [f"const {ctype} {even} = {_sum(terms[::2])}, {odd} = {_sum(terms[1::2])};",
                  f"const {ctype} {values[r]} = {even} + {odd}, {values[twin]} = {even} - {odd};"]
    return lines, values


def combine(matrix: Matrix, inputs: Sequence[str], ctype: str, prefix: str) -> tuple[list[str], list[str]]:
    """C statements of the transpose of ``matrix`` times ``inputs``, and the names of its rows' values."""
    lines: list[str] = []
    terms: list[tuple[int, str, str]] = []          # row, and what its even and odd columns multiply
    paired: set[int] = set()
    for r in range(len(matrix)):
        twin = _mirror(matrix, r)
        if r in paired:
            continue
        if twin is None:
            terms.append((r, inputs[r], inputs[r]))
            continue
        paired.add(twin)
        plus, minus = f"{prefix}{r}_sum", f"{prefix}{r}_difference"
        lines.append(f"const {ctype} {plus} = {inputs[r]} + {inputs[twin]}, {minus} = {inputs[r]} - {inputs[twin]};")
        terms.append((r, plus, minus))
    values = [f"{prefix}{k}" for k in range(len(matrix[0]))]
    for k, value in enumerate(values):
        lines.append(f"const {ctype} {value} = {_sum([(matrix[r][k], t[k % 2]) for r, *t in terms])};")
    return lines, values
