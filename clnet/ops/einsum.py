"""Sums of products over labelled dimensions: einsum and tensordot, made of matrix products."""
from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.layout import wrap_dim
from .arithmetic import mul
from .declare import composite
from .matmul import matmul
from .reduction import sum as sum_
from .view import diagonal, permute, reshape, squeeze, unsqueeze

# Operands up to which every order of contractions is weighed; beyond, the cheapest next one is taken.
EXHAUSTIVE = 5

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# A label is a letter's number, or negative for a dimension of the ellipsis (-1 is its last).
Labels = tuple[int, ...]


@dataclass(frozen=True)
class Term:
    """An operand with a label per dimension, all different."""

    value: Any
    labels: Labels

    def size(self, label: int) -> int:
        """The length of the dimension."""
        return int(self.value.shape[self.labels.index(label)])

    def drop(self, labels: Sequence[int]) -> Term:
        """The sum over some dimensions."""
        gone = [label for label in self.labels if label in labels]
        if not gone:
            return self
        dims = tuple(self.labels.index(label) for label in gone)
        rest = tuple(label for label in self.labels if label not in gone)
        if all(self.value.shape[d] == 1 for d in dims):
            return Term(squeeze(self.value, dims), rest)
        return Term(sum_(self.value, dims), rest)

    def ordered(self, labels: Sequence[int]) -> Any:
        """The value with its dimensions in this order, those it lacks of size 1."""
        value = permute(self.value, tuple(self.labels.index(label) for label in labels if label in self.labels))
        for d, label in enumerate(labels):
            if label not in self.labels:
                value = unsqueeze(value, d)
        return value


# Notation ---

def _read(text: str, place: str) -> list[Any]:
    """Labels of one operand's subscripts; Ellipsis for "..."."""
    found: list[Any] = []
    text = text.replace(" ", "")
    i = 0
    while i < len(text):
        if text[i] == ".":
            if text[i:i + 3] != "...":
                raise RuntimeError(f"einsum(): found '.' for {place} that is not part of any ellipsis (...)")
            if Ellipsis in found:
                raise RuntimeError(f"einsum(): found '.' for {place} for which an ellipsis was already found")
            found.append(Ellipsis)
            i += 3
            continue
        if text[i] not in _LETTERS:
            raise RuntimeError(f"einsum(): invalid subscript given at index {i} in the equation string, subscripts "
                               "must be in [a-zA-Z]")
        found.append(_LETTERS.index(text[i]))
        i += 1
    return found


def _parse(args: tuple[Any, ...]) -> tuple[list[Any], list[list[Any]], list[Any] | None]:
    """(operands, their labels, the result's labels or None) of either notation."""
    if not args:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one "
                         "operand and its subscripts list")
    if isinstance(args[0], str):
        operands = list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
        if not operands:
            raise RuntimeError("einsum(): must provide at least one operand")
        left, arrow, right = args[0].partition("->")
        parts = left.split(",")
        if len(parts) > len(operands):
            raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
        if len(parts) < len(operands):
            raise RuntimeError("einsum(): more operands were provided than specified in the equation")
        if arrow and ">" in right:
            raise RuntimeError("einsum(): found more than one arrow in the equation")
        return (operands, [_read(part, f"operand {i}") for i, part in enumerate(parts)],
                _read(right, "output") if arrow else None)
    operands, subscripts = list(args[:len(args) // 2 * 2:2]), list(args[1::2])
    output = list(args[-1]) if len(args) % 2 else None
    for labels in (*subscripts, *([] if output is None else [output])):
        for label in labels:
            if label is not Ellipsis and not 0 <= label < len(_LETTERS):
                raise ValueError(f"einsum(): expected subscripts to be within range [0, {len(_LETTERS)}), but got "
                                 f"{label}")
    return operands, [list(labels) for labels in subscripts], output


def _expand(labels: list[Any], count: int) -> Labels:
    """The ellipsis replaced by labels of its ``count`` dimensions, aligned at the last."""
    out: list[int] = []
    for label in labels:
        out += range(-count, 0) if label is Ellipsis else [label]
    return tuple(out)


def _terms(operands: list[Any], subscripts: list[list[Any]]) -> list[Term]:
    """Operands with every label once: repeated ones become diagonals."""
    terms = []
    for i, (x, labels) in enumerate(zip(operands, subscripts)):
        named = len(labels) - (Ellipsis in labels)
        if x.ndim < named or (x.ndim > named and Ellipsis not in labels):
            exact = Ellipsis not in labels
            relation, hint = ("does not match", " and no ellipsis was given") if exact else ("is more than", "")
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({named}) {relation} the number "
                               f"of dimensions ({x.ndim}) for operand {i}{hint}")
        whole = list(_expand(labels, x.ndim - named))
        for label in [label for label, times in Counter(whole).items() if times > 1]:
            while whole.count(label) > 1:
                first = whole.index(label)
                second = whole.index(label, first + 1)
                if x.shape[first] != x.shape[second]:
                    raise RuntimeError(f"einsum(): subscript {_text(label)} is repeated for operand {i} but the "
                                       f"sizes don't match, {x.shape[second]} != {x.shape[first]}")
                x = diagonal(x, 0, first, second)
                whole = [one for d, one in enumerate(whole) if d not in (first, second)] + [label]
        terms.append(Term(x, tuple(whole)))
    return terms


def _text(label: int) -> str:
    return "..." if label < 0 else _LETTERS[label]


def _sizes(terms: Sequence[Term]) -> dict[int, int]:
    """The length of every label; dimensions of size 1 broadcast."""
    sizes: dict[int, int] = {}
    for i, term in enumerate(terms):
        for label, n in zip(term.labels, term.value.shape):
            have = sizes.get(label, 1)
            if n != 1 and have not in (1, n):
                raise RuntimeError(f"einsum(): subscript {_text(label)} has size {n} for operand {i} which does not "
                                   f"broadcast with previously seen size {have}")
            sizes[label] = n if have == 1 else have
    return sizes


def _output(given: list[Any] | None, terms: Sequence[Term]) -> Labels:
    used = {label for term in terms for label in term.labels}
    ellipsis = tuple(sorted(label for label in used if label < 0))
    if given is None:
        # A label that is repeated within one operand does not appear once.
        return ellipsis
    out = _expand(given, len(ellipsis))
    for label in out:
        if out.count(label) > 1:
            raise RuntimeError(f"einsum(): output subscript {_text(label)} appears more than once in the output")
        if label not in used:
            raise RuntimeError(f"einsum(): output subscript {_text(label)} does not appear in the equation for any "
                               "input operand")
    return out


# Contraction ---

def _contract(a: Term, b: Term, kept: frozenset[int], sizes: dict[int, int]) -> Term:
    """The product of two terms, summed over the labels that nothing else needs."""
    # A dimension of size 1 that the other has longer takes no part.
    short = [[label for label in x.labels if label in y.labels and x.size(label) == 1 < sizes[label]
              and y.size(label) != 1] for x, y in ((a, b), (b, a))]
    a, b = a.drop(short[0]), b.drop(short[1])
    shared = set(a.labels) & set(b.labels)
    a = a.drop([label for label in a.labels if label not in shared and label not in kept])
    b = b.drop([label for label in b.labels if label not in shared and label not in kept])
    batch = [label for label in a.labels if label in shared and label in kept]
    summed = [label for label in a.labels if label in shared and label not in kept]
    rows = [label for label in a.labels if label not in shared]
    columns = [label for label in b.labels if label not in shared]
    labels = (*batch, *rows, *columns)
    if not summed:
        return Term(mul(a.ordered(labels), b.ordered(labels)), labels)

    def length(x: Term, group: Sequence[int]) -> int:
        return math.prod(x.size(label) for label in group)

    lead = tuple(a.size(label) for label in batch)
    k = length(a, summed)
    left = reshape(a.ordered((*batch, *rows, *summed)), (*lead, length(a, rows), k))
    right = reshape(b.ordered((*batch, *summed, *columns)), (*lead, k, length(b, columns)))
    shape = (*lead, *(a.size(label) for label in rows), *(b.size(label) for label in columns))
    return Term(reshape(matmul(left, right), shape), labels)


def _cost(a: Labels, b: Labels, sizes: dict[int, int]) -> int:
    return math.prod(sizes[label] for label in {*a, *b})


def _after(pair: tuple[int, int], labels: Sequence[Labels], out: Labels) -> list[Labels]:
    """The labels of all terms once two are contracted; the product is the last."""
    rest = [x for i, x in enumerate(labels) if i not in pair]
    needed = {*out, *(label for x in rest for label in x)}
    both = dict.fromkeys((*labels[pair[0]], *labels[pair[1]]))
    return [*rest, tuple(label for label in both if label in needed)]


def _best(labels: list[Labels], out: Labels, sizes: dict[int, int]) -> tuple[int, list[tuple[int, int]]]:
    """(multiply-adds, pairs in order) of the cheapest sequence of contractions."""
    if len(labels) == 1:
        return 0, []
    best: tuple[int, list[tuple[int, int]]] | None = None
    pairs: Any = itertools.combinations(range(len(labels)), 2)
    if len(labels) > EXHAUSTIVE:
        pairs = [min(pairs, key=lambda p: (_cost(labels[p[0]], labels[p[1]], sizes), p))]
    for pair in pairs:
        here = _cost(labels[pair[0]], labels[pair[1]], sizes)
        if best is not None and here >= best[0]:
            continue
        cost, order = _best(_after(pair, labels, out), out, sizes)
        if best is None or here + cost < best[0]:
            best = here + cost, [pair, *order]
    assert best is not None
    return best


def _samples() -> Any:
    def array(*shape: int) -> Any:
        return np.linspace(-1, 1, math.prod(shape)).reshape(shape) ** 3 + 0.1

    yield ("ij,jk->ik", array(2, 3), array(3, 4)), {}
    yield ("bij,bjk,kl->lbi", array(2, 3, 4), array(2, 4, 2), array(2, 3)), {}
    yield ("ii,i", array(3, 3), array(3)), {}
    yield ("...ij,j...->...i", array(2, 3, 4), array(4, 2)), {}
    yield ("ij,kl", array(2, 3), array(1, 2)), {}
    yield ("ba", array(2, 3)), {}
    yield (array(2, 3), [0, 1], array(3, 2), [1, 0], [0]), {}


@composite("matmul", method=False, samples=_samples, reference=lambda *args: np.einsum(*args))
def einsum(*args: Any) -> Any:
    """The sum of products of operands over the labelled dimensions that the result lacks.

    ``einsum("bij,bjk->bik", a, b)``, or with sublists, ``einsum(a, [0, 1, 2], b, [0, 2, 3], [0, 1, 3])``.
    "..." stands for broadcast dimensions, a label repeated in one operand for its diagonal; without an
    arrow the result has the ellipsis and then the labels that occur once, in order.  Operands are
    contracted in pairs, in the order of fewest multiply-adds, by matrix products.

    Raises:
        RuntimeError: a bad equation, or sizes that don't match.
    """
    operands, subscripts, given = _parse(args)
    terms = _terms(operands, subscripts)
    sizes = _sizes(terms)
    out = _output(given, terms)
    if given is None:
        times = Counter(label for labels in subscripts for label in labels if label is not Ellipsis)
        out = (*out, *sorted(label for label, n in times.items() if n == 1))
    _, order = _best([t.labels for t in terms], out, sizes)
    for i, j in order:
        rest = [t for at, t in enumerate(terms) if at not in (i, j)]
        kept = frozenset({*out, *(label for t in rest for label in t.labels)})
        terms = [*rest, _contract(terms[i], terms[j], kept, sizes)]
    [term] = terms
    return term.drop([label for label in term.labels if label not in out]).ordered(out)


# tensordot ---

def _contracted(a: Any, b: Any, dims: Any) -> tuple[list[int], list[int]]:
    """The dimensions of each operand that are summed, in pairs."""
    if not isinstance(dims, (int, list, tuple)):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return list(range(a.ndim - dims, a.ndim)), list(range(dims))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError(f"both dimension lists should have same length, got {first} and {second}")
    return [wrap_dim(d, a.ndim) for d in first], [wrap_dim(d, b.ndim) for d in second]


def _dot_samples() -> Any:
    a, b = np.linspace(-1, 1, 24).reshape(2, 3, 4), np.linspace(-1, 1, 24).reshape(3, 4, 2)
    yield (a, b), {}
    yield (a, b), {"dims": ([1, 0], [0, 2])}
    yield (a, b), {"dims": 0}


@composite("matmul", method=False, samples=_dot_samples, reference=lambda a, b, dims=2: np.tensordot(a, b, dims))
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """The sum of products over ``dims``: the last of ``a`` and the first of ``b``, or two lists of dimensions.

    Raises:
        RuntimeError: sizes or dtypes that don't match, or a bad number of dimensions.
    """
    first, second = _contracted(a, b, dims)
    for i, j in zip(first, second):
        m, n = a.shape[i], b.shape[j]
        if m != n and 1 not in (m, n):
            raise RuntimeError(f"contracted dimensions need to match, but first has size {m} in dim {i} and second "
                               f"has size {n} in dim {j}")
        if m != n:
            a, b = (a, sum_(b, j, True)) if m == 1 else (sum_(a, i, True), b)
    rows = [d for d in range(a.ndim) if d not in first]
    columns = [d for d in range(b.ndim) if d not in second]
    k = math.prod(a.shape[d] for d in first)
    m, n = math.prod(a.shape[d] for d in rows), math.prod(b.shape[d] for d in columns)
    shape = (*(a.shape[d] for d in rows), *(b.shape[d] for d in columns))
    if a.dtype is not b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    left = reshape(permute(a, (*rows, *first)), (m, k))
    return reshape(matmul(left, reshape(permute(b, (*second, *columns)), (k, n))), shape)
