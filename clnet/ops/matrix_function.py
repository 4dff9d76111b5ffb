"""Powers and exponentials of matrices, chains of products, Vandermonde matrices."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from .comparison import where as choose
from .creation import arange_fill
from .declare import composite
from .host import check_square, linalg, scalar_name
from .join import flip
from .matmul import matmul
from .reduction import amax, vector_norm
from .solve import inv
from .triangular import identity_like, well_conditioned
from .view import expand, squeeze, unsqueeze

# Exponential ---

# The Taylor polynomial of this degree is exact to float64's rounding for norms up to the bound.
_DEGREE = 15
_BOUND = 0.5


def _np_exp(a: Any) -> Any:
    a = np.asarray(a, "complex128" if np.iscomplexobj(a) else "float64")
    steps = 12
    y = total = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for i in range(1, 20):
        y = y @ a / (i * 2.0 ** steps)
        total = total + y
    for _ in range(steps):
        total = total @ total
    return total


def _exp_samples() -> Any:
    yield (well_conditioned(2, 3, 3),), {}
    yield (np.array([[[0.0, 1.0], [0.0, 0.0]], [[0.1, 0.2], [0.3, -0.1]]]),), {}


@linalg(top="matrix_exp", samples=_exp_samples, reference=_np_exp)
def matrix_exp(A: Any) -> Any:
    """The exponentials of matrices A (..., n, n): Taylor's polynomial of A / 2^s, squared s times.

    The polynomial of degree 15 takes six products (Paterson and Stockmeyer 1973).

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    check_square("linalg.matrix_exp", A)
    if not A.dtype.is_inexact:
        raise RuntimeError("linalg.matrix_exp: Expected a floating point or complex tensor as input. Got "
                           f"{scalar_name(A)}")
    if not A.numel():
        return A.clone()
    if A.dtype in (dt.float16, dt.bfloat16):
        return matrix_exp(A.to(dt.float32)).to(A.dtype)
    size = amax(vector_norm(A.detach(), 1, -2), -1)
    steps = (size.to(dt.float32) / _BOUND).log2().ceil().clamp(min=0.0)
    most = float(steps.max().item())
    if not math.isfinite(most):
        return A * float("nan")
    if most:
        A = A * unsqueeze(unsqueeze((-steps).exp2().to(size.dtype), -1), -1)
    one = identity_like(A)
    squared = matmul(A, A)
    powers = [one, A, squared, matmul(squared, A)]
    fourth = matmul(squared, squared)
    y = None
    for start in range(_DEGREE - 3, -1, -4):
        part = None
        for i in range(4):
            term = powers[i] * (1 / math.factorial(start + i))
            part = term if part is None else part + term
        y = part if y is None else matmul(y, fourth) + part
    for step in range(int(most)):
        doubled = matmul(y, y)
        y = choose(unsqueeze(unsqueeze(steps > step, -1), -1), doubled, y)
    return y


# Powers and chains ---

def _power_samples() -> Any:
    x = well_conditioned(2, 3, 3) / 3
    yield (x, 5), {}
    yield (x, 0), {}
    yield (x, -2), {}


@linalg(top="matrix_power", samples=_power_samples, on_host=True, reference=np.linalg.matrix_power)
def matrix_power(A: Any, n: int) -> Any:
    """The n-th powers of matrices A (..., m, m), by repeated squaring; of the inverses for negative n.

    Raises:
        RuntimeError: not square matrices.  LinAlgError: negative n and a singular matrix.
    """
    check_square("linalg.matrix_power", A)
    if n == 0:
        return choose(A.new_ones((), dtype=dt.bool_), identity_like(A), A)  # whose gradient is zero
    if n < 0:
        A, n = inv(A), -n
    y = None
    while True:
        if n & 1:
            y = A if y is None else matmul(y, A)
        n >>= 1
        if not n:
            return y.clone() if y is A else y
        A = matmul(A, A)


def _chain(matrices: list[Any]) -> Any:
    """The product in the order of least multiplications (Cormen et al., dynamic programming)."""
    sizes = [matrices[0].shape[0], *(m.shape[1] for m in matrices)]
    count = len(matrices)
    cost = [[0] * count for _ in matrices]
    cut = [[0] * count for _ in matrices]
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            choices = [(cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            cost[i][j], cut[i][j] = min(choices)

    def product(i: int, j: int) -> Any:
        return matrices[i] if i == j else matmul(product(i, cut[i][j]), product(cut[i][j] + 1, j))

    return product(0, count - 1)


def _chain_samples() -> Any:
    sizes = ((2, 5), (5, 3), (3, 4))
    matrices = [np.linspace(-1, 1, m * n).reshape(m, n) for m, n in sizes]
    yield (matrices,), {}
    yield ([matrices[0][0], *matrices[1:]],), {}
    yield ([*matrices[:2], matrices[2][:, 0]],), {}


@linalg(samples=_chain_samples, reference=np.linalg.multi_dot)
def multi_dot(tensors: Any) -> Any:
    """The product of matrices in the order that takes the fewest multiplications.

    The first may be a vector (a row), and the last (a column).

    Raises:
        RuntimeError: fewer than two operands, or other shapes, dtypes or devices that don't match.
    """
    given = list(tensors)
    count = len(given)
    if count < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {count}")
    for i, x in enumerate(given):
        if 0 < i < count - 1 and x.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {x.ndim}D")
        if x.ndim not in (1, 2):
            place = "the first" if i == 0 else "the last"
            raise RuntimeError(f"multi_dot(): {place} tensor must be 1D or 2D but got {x.ndim}D")
        if x.dtype is not given[0].dtype:
            raise RuntimeError(f"multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                               f"{given[0].dtype} and tensor {i} {x.dtype}")
    row, column = given[0].ndim == 1, given[-1].ndim == 1
    matrices = [unsqueeze(given[0], 0) if row else given[0], *given[1:-1],
                unsqueeze(given[-1], 1) if column else given[-1]]
    for i in range(count - 1):
        a, b = matrices[i].shape, matrices[i + 1].shape
        if a[1] != b[0]:
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes {list(given[i].shape)} and "
                               f"{list(given[i + 1].shape)} cannot be multiplied")
    y = _chain(matrices)
    if row:
        y = squeeze(y, 0)
    return squeeze(y, -1) if column else y


@composite("linalg", method=False, samples=lambda: [(tuple(a), {}) for (a,), _ in list(_chain_samples())[:1]],
           reference=lambda *m: np.linalg.multi_dot(m))
def chain_matmul(*matrices: Any) -> Any:
    """The product of matrices, as ``linalg.multi_dot`` forms it."""
    for x in matrices:
        if x.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {x.ndim}, expected 2 instead.")
    return matrices[0] if len(matrices) == 1 else _chain(list(matrices))


# Vandermonde ---

def _powers(x: Any, count: int) -> Any:
    exponents = arange_fill(count, 0, 1, dt.int64, x.device)
    return expand(unsqueeze(x, -1), (*x.shape, count)) ** exponents


def _np_vander(x: Any, count: int) -> Any:
    return np.asarray(x)[..., None] ** np.arange(count)


@linalg(name="vander", samples=lambda: [((np.linspace(-1, 2, 6).reshape(2, 3),), {}),
                                        ((np.linspace(-1, 2, 3),), {"N": 5})],
        reference=lambda x, N=None: _np_vander(x, x.shape[-1] if N is None else N))
def vander_matrix(x: Any, *, N: int | None = None) -> Any:
    """Vandermonde matrices (..., n, N): powers 0 to N - 1 (n - 1 by default) of x (..., n).

    Raises:
        RuntimeError: N of 1 or less.
    """
    x = x if x.ndim else unsqueeze(x, 0)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError(f"N must be greater than 1. Got {count}" if N is not None else
                           "linalg.vander: N must be greater than 1.")
    return _powers(x, count)


@composite("linalg", method=False, samples=lambda: [((np.linspace(-1, 2, 3), *rest), {}) for rest in ((), (4, True))],
           reference=np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The Vandermonde matrix (n, N) of a vector: descending powers, or ascending if ``increasing``.

    Raises:
        RuntimeError: not a vector.  ValueError: negative N.
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    y = _powers(x.to(dt.int64) if x.dtype.kind in ("bool", "int") else x, count)
    return y if increasing else flip(y, (1,))
