"""Norms of matrices, and condition numbers."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.layout import wrap_dim
from .comparison import where as choose
from .declare import composite
from .host import check_floating, check_matrix, check_square, linalg
from .reduction import amax, amin, norm_samples, vector_norm
from .reduction import sum as sum_
from .solve import inv_ex
from .spectral import svdvals
from .triangular import well_conditioned
from .view import movedim, unsqueeze

_NAMES = ("fro", "nuc")


def _inexact(name: str, x: Any) -> None:
    if not x.dtype.is_inexact:
        check_floating(name, x)


def _converted(name: str, x: Any, dtype: Any) -> Any:
    if dtype is None or dtype is x.dtype:
        return x
    if not dtype.is_inexact:
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {dtype}")
    if x.dtype.is_complex and not dtype.is_complex:
        raise RuntimeError(f"{name}: dtype should be complex for complex inputs, but got {dtype}")
    if x.dtype.itemsize > dtype.itemsize:
        raise RuntimeError(f"{name}: the dtype of the input ({x.dtype}) should be convertible without narrowing "
                           f"to the specified dtype ({dtype})")
    return x.to(dtype)


def _matrix_samples() -> Any:
    x = well_conditioned(2, 4, 3)
    for p in ("fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf):
        yield (x, p), {}
    yield (x, 1), {"dim": (2, 0), "keepdim": True}
    yield (x, "nuc"), {"dim": (0, -1), "keepdim": True}


def _np_norm(x: Any, p: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    return np.linalg.norm(x, p, dim, keepdim)


@linalg(samples=_matrix_samples, on_host=True, reference=_np_norm)
def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of matrices in two dimensions.

    "fro": root of the sum of squares; "nuc": sum of the singular values; 2 and -2: the largest and the
    smallest; 1 and -1: largest and smallest column sum of magnitudes; inf and -inf: row sum.

    Raises:
        RuntimeError: an unknown order, not two dimensions, or no matrix of floating or complex elements.
    """
    name = "linalg.matrix_norm"
    check_matrix(name, A)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {' '.join(map(str, dims))}")
    _inexact(name, A)
    rows, columns = (wrap_dim(d, A.ndim) for d in dims)
    if rows == columns:
        raise RuntimeError(f"{name}: dims must be different. Got ({dims[0]}, {dims[1]})")
    if isinstance(ord, str):
        if ord not in _NAMES:
            raise RuntimeError(f"{name}: Order {ord} not supported.")
        if ord == "fro":
            return vector_norm(A, 2, (rows, columns), keepdim, dtype=dtype)
        x = _converted(name, A, dtype)
        return _restored(sum_(_values(x, rows, columns), -1), rows, columns, keepdim)
    size = None if isinstance(ord, complex) else abs(ord)
    if size not in (1, 2, math.inf):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    x = _converted(name, A, dtype)
    extreme = amax if ord > 0 else amin
    if size == 2:
        values = _values(x, rows, columns)
        if not values.shape[-1]:
            _no_extreme(name, ord)
            return _restored(sum_(values, -1), rows, columns, keepdim)
        return _restored(extreme(values, -1), rows, columns, keepdim)
    summed, kept = (rows, columns) if size == 1 else (columns, rows)
    if not x.shape[kept]:
        _no_extreme(name, ord)
        return sum_(x.abs(), (rows, columns), keepdim)
    sums = vector_norm(x, 1, summed, True)
    result = extreme(sums, kept, True)
    return result if keepdim else result.squeeze((rows, columns))


def _no_extreme(name: str, ord: Any) -> None:
    """The largest of nothing is 0; the smallest is not defined."""
    if ord < 0:
        raise RuntimeError(f"{name}: Expected the reduced dimensions to have elements for order {ord}, for they have "
                           "no smallest value")


def _values(x: Any, rows: int, columns: int) -> Any:
    return svdvals(movedim(x, (rows, columns), (-2, -1)))


def _restored(y: Any, rows: int, columns: int, keepdim: bool) -> Any:
    for d in sorted((rows, columns)) if keepdim else ():
        y = unsqueeze(y, d)
    return y


def _norm_samples() -> Any:
    x = well_conditioned(2, 4, 3)
    yield (x,), {}
    yield (x[0], "nuc"), {}
    yield (x[0], 2), {}
    yield (x, 3), {"dim": 1}
    yield (x, 1), {"dim": (1, 2), "keepdim": True}
    yield (x[0, 0], math.inf), {}


def _np_any(x: Any, p: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    if p is None and dim is None:
        return np.linalg.norm(x.ravel())
    return np.linalg.norm(x, p, dim, keepdim)


@linalg(samples=_norm_samples, on_host=True, reference=_np_any)
def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """A vector norm, or where ``dim`` names two dimensions (or A is a matrix) and ``ord`` is given, a matrix norm.

    Without ``ord``: the root of the sum of squares over all dimensions named.

    Raises:
        RuntimeError: an order that the number of dimensions does not have.
    """
    dims = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if ord is None:
        _inexact("linalg.vector_norm", A)
        return vector_norm(A, 2, dims, keepdim, dtype=dtype)
    if dims is not None:
        if len(dims) not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    elif A.ndim not in (1, 2):
        raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                           f"{A.ndim}D.")
    if isinstance(ord, str) or (len(dims) if dims is not None else A.ndim) == 2:
        return matrix_norm(A, ord, (-2, -1) if dims is None else dims, keepdim, dtype=dtype)
    _inexact("linalg.vector_norm", A)
    return vector_norm(A, ord, dims, keepdim, dtype=dtype)


def _old_samples() -> Any:
    yield from norm_samples()
    yield (well_conditioned(4, 3), "nuc"), {}


@composite("linalg", name="norm", samples=_old_samples, on_host=True, reference=lambda x, p="fro", dim=None: (
    np.linalg.norm(x.ravel() if dim is None and p != "nuc" else x, None if p == "fro" else p, dim)))
def old_norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None,
             dtype: Any = None) -> Any:
    """The vector norm of order ``p`` over dimensions (all by default), or the nuclear norm of matrices, "nuc".

    "fro" is the root of the sum of squares.

    Raises:
        RuntimeError: "nuc" of other than two dimensions, another name, or no floating or complex elements.
    """
    if isinstance(p, str) and p != "fro":
        return matrix_norm(input, p, tuple(range(input.ndim)) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def _cond_samples() -> Any:
    x = well_conditioned(2, 3, 3)
    for p in (None, 1, "fro", "nuc", -2):
        yield (x, p), {}
    yield (well_conditioned(2, 4, 3),), {}


@linalg(samples=_cond_samples, on_host=True, reference=np.linalg.cond)
def cond(A: Any, p: Any = None) -> Any:
    """The condition numbers of matrices: |A| |A^-1| in the norm ``p`` (2 by default), inf for singular ones.

    Raises:
        RuntimeError: not matrices (square ones unless ``p`` is 2 or -2) of floating or complex elements.
    """
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p in (None, 2, -2):
        values = svdvals(A)
        if not A.numel():
            return sum_(values, -1)
        first, last = (values.narrow(-1, i, 1).squeeze(-1) for i in (0, values.shape[-1] - 1))
        return last / first if p == -2 else first / last
    check_square(f"linalg.cond(ord={p})", A)
    if A.numel():
        inverse, info = inv_ex(A)
        inverse = choose(unsqueeze(unsqueeze(info > 0, -1), -1), inverse.new_zeros(()), inverse)
        product = matrix_norm(A, p) * matrix_norm(inverse, p)
        return choose(info > 0, math.inf, product)
    check_floating("linalg.inv", A)
    return sum_(A.abs(), (-2, -1))
