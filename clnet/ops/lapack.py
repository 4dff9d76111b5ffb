"""Factorizations in NumPy, on stacks of matrices: NumPy's LAPACK and what it lacks, in the same form.

Every function takes arrays (..., m, n) and returns new ones; nothing here knows tensors.  ``info``
is LAPACK's, int32 per matrix: 0, or the place counted from 1 where the factorization broke down.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

# Columns that LU eliminates one by one before it updates the rest by a product.
PANEL = 32
# Threshold of Bunch and Kaufman (1977) for a pivot of one row, which bounds the elements' growth.
_ALPHA = (1 + math.sqrt(17)) / 8

Array = Any


def _stack(a: Array) -> tuple[Array, tuple[int, ...]]:
    """A copy with one batch dimension, and the batch dimensions it had."""
    batch = a.shape[:-2]
    return np.array(a).reshape(math.prod(batch), *a.shape[-2:]), batch


def _size(z: Any) -> Any:
    """The magnitude by which LAPACK compares."""
    return np.abs(z.real) + np.abs(z.imag) if np.iscomplexobj(z) else np.abs(z)


def cholesky(a: Array) -> tuple[Array, Array]:
    """(lower factor, info); reads the lower triangle.  A matrix that fails has its factor undefined."""
    info = np.zeros(a.shape[:-2], np.int32)
    if not a.size:
        return np.zeros_like(a), info
    try:
        factor = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        flat, batch = _stack(a)
        found = np.array([_definite_rows(one) for one in flat], np.int32)
        for one, failed in zip(flat, found):
            # Rounding decides at the brink: trust LAPACK there.
            one[...] = np.tril(one) if failed else np.linalg.cholesky(one)
        factor, info = flat.reshape(a.shape), found.reshape(batch)
    undefined = np.isnan(np.diagonal(factor, axis1=-2, axis2=-1))  # some LAPACKs take these for definite
    first = np.where(undefined.any(-1), undefined.argmax(-1) + 1, 0)
    return factor, np.where(info, info, first).astype(np.int32)


def _definite_rows(a: Array) -> int:
    """0 if a Hermitian matrix is positive definite, else the order of the first minor that is not."""
    try:
        np.linalg.cholesky(a)
        return 0
    except np.linalg.LinAlgError:
        low, high = 0, len(a)  # minors up to low are definite, the one of order high is not
        while high - low > 1:
            middle = (low + high) // 2
            try:
                np.linalg.cholesky(a[:middle, :middle])
                low = middle
            except np.linalg.LinAlgError:
                high = middle
        return high


def lu(a: Array) -> tuple[Array, Array, Array]:
    """(L and U in one matrix, pivots, info) with partial pivoting.

    Row i was exchanged with row ``pivots[i] - 1``, in the order of i.  Right-looking, in panels.
    """
    x, batch = _stack(a)
    count, m, n = x.shape
    k = min(m, n)
    pivots = np.zeros((count, k), np.int32)
    info = np.zeros(count, np.int32)
    every = np.arange(count)
    for start in range(0, k, PANEL):
        stop = min(start + PANEL, k)
        for j in range(start, stop):
            p = j + np.argmax(_size(x[:, j:, j]), 1)
            pivots[:, j] = p + 1
            chosen = x[every, p]
            x[every, p] = x[:, j]
            x[:, j] = chosen
            pivot = x[:, j, j]
            info[(pivot == 0) & (info == 0)] = j + 1
            x[:, j + 1:, j] /= np.where(pivot == 0, 1, pivot)[:, None]
            x[:, j + 1:, j + 1:stop] -= x[:, j + 1:, j, None] * x[:, j, None, j + 1:stop]
        for j in range(start, stop):
            x[:, j + 1:stop, stop:] -= x[:, j + 1:stop, j, None] * x[:, j, None, stop:]
        x[:, stop:, stop:] -= x[:, stop:, start:stop] @ x[:, start:stop, stop:]
    return x.reshape(a.shape), pivots.reshape(*batch, k), info.reshape(batch)


def permutation(pivots: Array, size: int) -> tuple[Array, Array]:
    """(order, inverse) int64: row i of the factored matrix is row ``order[i]`` of the original."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(size), (len(flat), 1))
    every = np.arange(len(flat))
    for i in range(flat.shape[1]):
        p = flat[:, i] - 1
        order[every, p], order[:, i] = order[:, i].copy(), order[every, p]
    shape = (*pivots.shape[:-1], size)
    return order.reshape(shape), np.argsort(order, -1).reshape(shape)


def each(function: Callable[[Array], Array], a: Array) -> tuple[Array, Array]:
    """(results, info) of a function that raises for singular matrices; those give NaN."""
    info = np.zeros(a.shape[:-2], np.int32)
    try:
        return function(a), info
    except np.linalg.LinAlgError:
        pass
    flat, batch = _stack(a)
    results = []
    for one in flat:
        try:
            results.append(function(one))
        except np.linalg.LinAlgError:
            results.append(np.full_like(one, np.nan))
    info = lu(a)[2]
    failed = np.array([np.isnan(one).all() for one in results]).reshape(batch)
    return np.stack(results).reshape(a.shape), np.where(failed, np.maximum(info, 1), 0).astype(np.int32)


def solve(a: Array, b: Array) -> tuple[Array, Array]:
    """(x with a x = b, info) for stacks of one batch shape; a singular a gives NaN."""
    info = np.zeros(a.shape[:-2], np.int32)
    try:
        return np.linalg.solve(a, b), info
    except np.linalg.LinAlgError:
        pass
    x = np.full_like(b, np.nan)
    info = lu(a)[2]
    for place in np.ndindex(info.shape):
        try:
            x[place] = np.linalg.solve(a[place], b[place])
        except np.linalg.LinAlgError:
            info[place] = max(info[place], 1)
    return x, info


# Symmetric indefinite matrices ---

def ldl(a: Array, hermitian: bool) -> tuple[Array, Array, Array]:
    """(L and block-diagonal D in one lower triangle, pivots, info), as LAPACK's sytf2 and hetf2 do.

    ``pivots[k] > 0``: a 1x1 block, rows k and ``pivots[k] - 1`` exchanged.  Negative in k and k + 1:
    a 2x2 block, rows k + 1 and ``-pivots[k] - 1`` exchanged.
    """
    x, batch = _stack(np.tril(a))
    made = [_ldl(one, hermitian and np.iscomplexobj(a)) for one in x]
    n = a.shape[-1]
    pivots = np.array([p for p, _ in made], np.int32).reshape(*batch, n)
    return x.reshape(a.shape), pivots, np.array([i for _, i in made], np.int32).reshape(batch)


def _ldl(a: Array, hermitian: bool) -> tuple[list[int], int]:
    """Factors one matrix's lower triangle in place; (pivots, info)."""
    def bar(z: Array) -> Array:
        return np.conj(z) if hermitian else z

    n = len(a)
    pivots = [0] * n
    info = k = 0
    while k < n:
        step, p = 1, k
        here = _size(a[k, k].real) if hermitian else _size(a[k, k])
        below = _size(a[k + 1:, k])
        most = k + 1 + int(np.argmax(below)) if len(below) else k
        largest = below.max() if len(below) else 0.0
        if max(here, largest) == 0 or here != here:
            info = info or k + 1
            if hermitian:
                a[k, k] = a[k, k].real
        else:
            if here < _ALPHA * largest:
                row = np.concatenate([_size(a[most, k:most]), _size(a[most + 1:, most])]).max()
                there = _size(a[most, most].real) if hermitian else _size(a[most, most])
                if here >= _ALPHA * largest * (largest / row):
                    p = k
                elif there >= _ALPHA * row:
                    p = most
                else:
                    step, p = 2, most
            _exchange(a, k, k + step - 1, p, hermitian)
            if step == 1:
                if hermitian:
                    a[k, k] = a[k, k].real
                column = a[k + 1:, k].copy()
                a[k + 1:, k] = column / a[k, k]
                a[k + 1:, k + 1:] -= np.tril(np.outer(column, bar(column)) / a[k, k])
            elif k + 2 < n:
                d = np.array([[a[k, k], bar(a[k + 1, k])], [a[k + 1, k], a[k + 1, k + 1]]])
                columns = a[k + 2:, k:k + 2].copy()
                factors = columns @ np.linalg.inv(d)
                a[k + 2:, k + 2:] -= np.tril(factors @ bar(columns).T)
                a[k + 2:, k:k + 2] = factors
        pivots[k] = p + 1 if step == 1 else -(p + 1)
        if step == 2:
            pivots[k + 1] = -(p + 1)
        k += step
    return pivots, info


def _exchange(a: Array, k: int, q: int, p: int, hermitian: bool) -> None:
    """Exchanges rows and columns q and p >= q of the trailing lower triangle that starts at k."""
    if p == q:
        return
    a[p + 1:, [q, p]] = a[p + 1:, [p, q]]
    between, across = a[q + 1:p, q].copy(), a[p, q + 1:p].copy()
    a[q + 1:p, q] = across.conj() if hermitian else across
    a[p, q + 1:p] = between.conj() if hermitian else between
    if hermitian:
        a[p, q] = np.conj(a[p, q])
    a[[q, p], [q, p]] = a[[p, q], [p, q]]
    if q > k:  # the first column of a 2x2 block
        a[[q, p], k] = a[[p, q], k]


def ldl_solve(factors: Array, pivots: Array, b: Array, hermitian: bool) -> Array:
    """x with (L D L^T) x = b (L^H if Hermitian), from what ``ldl`` returns; one batch shape."""
    a, batch = _stack(factors)
    x = np.array(b).reshape(len(a), *b.shape[-2:])
    conjugate = hermitian and np.iscomplexobj(factors)
    for one, order, right in zip(a, pivots.reshape(len(a), pivots.shape[-1]), x):
        _ldl_solve(one, order, right, conjugate)
    return x.reshape(b.shape)


def _ldl_solve(a: Array, pivots: Array, x: Array, hermitian: bool) -> None:
    def bar(z: Array) -> Array:
        return np.conj(z) if hermitian else z

    def swap(i: int, j: int) -> None:
        if i != j:
            x[[i, j]] = x[[j, i]]

    n, k = len(a), 0
    blocks = []
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        blocks.append((k, step))
        q = k + step - 1
        swap(q, abs(int(pivots[k])) - 1)
        x[k + step:] -= a[k + step:, k:k + step] @ x[k:k + step]
        if step == 1:
            x[k] /= a[k, k]
        else:
            d = np.array([[a[k, k], bar(a[k + 1, k])], [a[k + 1, k], a[k + 1, k + 1]]])
            x[k:k + 2] = np.linalg.solve(d, x[k:k + 2])
        k += step
    for k, step in reversed(blocks):
        x[k:k + step] -= bar(a[k + step:, k:k + step]).T @ x[k + step:]
        swap(k + step - 1, abs(int(pivots[k])) - 1)
