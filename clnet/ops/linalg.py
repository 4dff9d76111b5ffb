"""Determinants, pseudo-inverses, least squares and ranks, from the factorizations."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..core.limits import finfo
from .arithmetic import maximum
from .comparison import where as choose
from .declare import composite
from .diagonal import diag_embed
from .host import check_floating, check_matrix, check_square, expand_batch, host, linalg, mH, scalar_name
from .matmul import matmul
from .reduction import amax
from .reduction import sum as sum_
from .solve import inv_ex
from .spectral import eigvalsh, finite, svd, svdvals
from .triangular import well_conditioned
from .view import diagonal, expand, squeeze, unsqueeze

# Determinants ---


def _product_of_others(s: Any) -> Any:
    """For every element of the last dimension the product of all others."""
    n = s.shape[-1]
    grid = expand(unsqueeze(s, -2), (*s.shape, n))
    others = diag_embed(s.new_ones(tuple(s.shape))) == 0
    return choose(others, grid, s.new_ones(())).prod(-1)


def _det_vjp(ctx: Any, g: Any) -> tuple[Any]:
    """g times the matrix of cofactors: det A^-H, or from singular values where A has no inverse."""
    a, y = ctx.operands[0], ctx.outputs[0]
    inverse, info = inv_ex(a)
    scale = unsqueeze(unsqueeze(g, -1), -1)
    if not bool(((info != 0) | (y == 0)).any()):
        determinant = unsqueeze(unsqueeze(y, -1), -1)
        determinant = determinant.conj() if y.dtype.is_complex else determinant
        return (scale * determinant * mH(inverse),)
    u, s, vh = svd(a)
    # det U and det Vh are 1 in modulus, and their derivatives cancel against those of U and Vh.
    turn = det(u) * det(vh)
    turn = turn.conj() if y.dtype.is_complex else turn
    cofactors = matmul(u * unsqueeze(_product_of_others(s), -2), vh)
    return (scale * unsqueeze(unsqueeze(turn, -1), -1) * cofactors,)


_det = host("_det", lambda a: np.asarray(np.linalg.det(a), a.dtype), vjp=_det_vjp, saves=(0,), saves_out=(0,))


def _square_samples() -> Any:
    yield (well_conditioned(2, 3, 3),), {}
    yield (well_conditioned(2, 3, 3)[:, :0, :0],), {}
    yield (well_conditioned(3, 3) + 0.5j * well_conditioned(3, 3, seed=1),), {}


@linalg(top="det", samples=_square_samples, on_host=True, reference=np.linalg.det)
def det(A: Any) -> Any:
    """The determinants of matrices A (..., n, n), by LU; the gradient is right for singular ones too.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    check_square("linalg.det", A)
    check_floating("linalg.det", A, "lu_cpu")
    return _det(A)


def _slogdet_vjp(ctx: Any, to_sign: Any, to_log: Any) -> tuple[Any]:
    """A^-H (g_log - i Im(conj(g_sign) sign)); the sign of a real determinant is constant."""
    inverse = mH(inv_ex(ctx.operands[0])[0])
    g = to_log
    if inverse.dtype.is_complex and to_sign is not None:
        turning = (to_sign.conj() * ctx.outputs[0]).imag * -1j
        g = turning if g is None else g + turning
    if g is None:
        return (None,)
    return (unsqueeze(unsqueeze(g, -1), -1) * inverse,)


def _slogdet_forward(a: Any) -> Any:
    sign, log = np.linalg.slogdet(a)
    return np.asarray(sign, a.dtype), np.asarray(log, a.real.dtype)


_slogdet = host("_slogdet", _slogdet_forward, vjp=_slogdet_vjp, saves=(0,), saves_out=(0,))


class SlogdetResult(NamedTuple):
    """What ``linalg.slogdet`` returns."""

    sign: Any
    logabsdet: Any


@linalg(top="slogdet", samples=_square_samples, on_host=True, reference=lambda a: list(np.linalg.slogdet(a)))
def slogdet(A: Any) -> SlogdetResult:
    """(sign, log of the absolute value) of the determinants of A (..., n, n); (0, -inf) for singular ones.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    check_square("linalg.slogdet", A)
    check_floating("linalg.slogdet", A)
    return SlogdetResult(*_slogdet(A))


@composite("linalg", samples=lambda: [((well_conditioned(2, 3, 3),), {})], on_host=True,
           reference=lambda a: np.log(np.linalg.det(a)))
def logdet(input: Any) -> Any:
    """The logarithm of determinants: -inf where one is zero, NaN where negative.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    check_square("logdet", input)
    check_floating("logdet", input)
    sign, log = slogdet(input)
    if sign.dtype.is_complex:
        return sign.log() + log
    return choose(sign == -1, float("nan"), log)


# Pseudo-inverses ---

def _tolerances(name: str, A: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """(atol, rtol), whose default is eps max(m, n), or 0 where an atol is given."""
    if rtol is None:
        default = finfo(A.dtype.to_real() if A.dtype.is_complex else A.dtype).eps * max(A.shape[-2:])
        if atol is None:
            rtol = default
        elif isinstance(atol, (int, float)):
            rtol = 0.0 if atol > 0 else default
        else:
            rtol = choose(atol > 0, 0.0, A.new_full((), default, dtype=atol.dtype))
    for argument, x in (("atol", atol), ("rtol", rtol)):
        if x is not None and not isinstance(x, (int, float)) and x.dtype.is_complex:
            raise RuntimeError(f"{name}: {argument} tensor of complex type is not supported. Got "
                               f"{scalar_name(x)}")
    return 0.0 if atol is None else atol, rtol


def _cut(largest: Any, atol: Any, rtol: Any) -> Any:
    """The value, with a last dimension of one, below which singular values count as zero."""
    def column(x: Any) -> Any:
        return x if isinstance(x, (int, float)) else unsqueeze(x, -1)

    bound = largest * column(rtol)
    if isinstance(atol, (int, float)):
        return bound.clamp(min=atol)
    return maximum(column(atol).to(bound.dtype), bound)


def _pinv_cotangent(a: Any, x: Any, g: Any) -> Any:
    """Of x = pinv(a) (Golub and Pereyra 1973), for matrices of locally constant rank."""
    xh, gh = mH(x), mH(g)
    if a.shape[-2] <= a.shape[-1]:
        k = matmul(gh, x)
        kx = matmul(k, xh)
        return kx - mH(matmul(x, k)) - matmul(matmul(a, x), kx) + matmul(matmul(xh, x), gh - matmul(k, a))
    k = matmul(x, gh)
    xk = matmul(xh, k)
    return xk - mH(matmul(k, x)) + matmul(matmul(gh - matmul(a, k), x), xh) - matmul(matmul(xk, x), a)

def _pinv_vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    return (_pinv_cotangent(ctx.operands[0], ctx.outputs[0], g), *(None for _ in ctx.needs[1:]))


def _pinv_forward(a: Any, atol: Any, rtol: Any, *, hermitian: bool) -> Any:
    if not a.size:
        return np.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    finite("linalg.pinv", a)
    if hermitian:
        s, u = np.linalg.eigh(a)
        vh = np.conj(np.swapaxes(u, -1, -2))
    else:
        u, s, vh = np.linalg.svd(a, False)
    size = np.abs(s)
    cut = np.maximum(np.asarray(atol)[..., None], np.asarray(rtol)[..., None] * size.max(-1, keepdims=True))
    kept = size > cut
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0)[..., None, :]
    v = np.conj(np.swapaxes(vh, -1, -2))
    return ((v * inverse) @ np.conj(np.swapaxes(u, -1, -2))).astype(a.dtype)


_pinv = host("_pinv", _pinv_forward, vjp=_pinv_vjp, saves=(0,), saves_out=(0,))


def _pinv_samples() -> Any:
    x = well_conditioned(2, 4, 3)
    yield (x,), {}
    yield (x.swapaxes(-1, -2),), {"rtol": 1e-6}
    yield (well_conditioned(2, 3, 3) + well_conditioned(2, 3, 3).swapaxes(-1, -2),), {"hermitian": True}


@linalg(samples=_pinv_samples, on_host=True, reference=lambda a, rcond=None, atol=0, rtol=None, hermitian=False: (
    np.linalg.pinv(np.tril(a) + np.swapaxes(np.tril(a, -1), -1, -2) if hermitian else a)))
def pinv(A: Any, rcond: Any = None, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """The pseudo-inverses (..., n, m) of A (..., m, n) (Moore 1920, Penrose 1955).

    Singular values up to ``max(atol, rtol * largest)`` count as zero; tolerances are numbers or tensors
    of the batch shape.  ``hermitian`` uses eigenvalues, and reads the lower triangle.

    Raises:
        RuntimeError: not matrices of floating or complex elements.
    """
    if A.ndim < 2 or A.dtype not in (dt.float32, dt.float64, dt.complex64, dt.complex128):
        raise RuntimeError(f"linalg.pinv({scalar_name(A)}{{{list(A.shape)}}}): expected a tensor with 2 or more "
                           "dimensions of float, double, cfloat or cdouble types")
    absolute, relative = _tolerances("torch.linalg.pinv", A, atol, rcond if rtol is None else rtol)
    if hermitian:
        check_square("linalg.pinv", A)
    return _pinv(A, absolute, relative, hermitian=hermitian)


@composite("linalg", samples=lambda: [((well_conditioned(2, 4, 3),), {}), ((well_conditioned(3, 3), 1e-3), {})],
           on_host=True, reference=lambda a, rcond=1e-15: np.linalg.pinv(a, rcond))
def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse, as ``linalg.pinv`` gives it."""
    return pinv(input, rcond)


# Rank ---

def _rank_samples() -> Any:
    x = well_conditioned(2, 4, 3)
    yield (x,), {}
    yield (x * np.array([1, 1, 0.0]),), {"atol": 0.1}
    yield (x[:, :3] + x[:, :3].swapaxes(-1, -2),), {"hermitian": True}
    yield (x[:, :0],), {}


def _np_rank(a: Any, tol: Any = None, *, atol: Any = None, hermitian: bool = False) -> Any:
    return np.linalg.matrix_rank(a, tol if atol is None else atol, hermitian=hermitian) if a.size else (
        np.zeros(a.shape[:-2], int))


@linalg(samples=_rank_samples, on_host=True, reference=_np_rank)
def matrix_rank(A: Any, tol: Any = None, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """How many singular values (``hermitian``: eigenvalues) of A (..., m, n) exceed ``max(atol, rtol * largest)``.

    ``tol`` alone is an absolute tolerance.

    Raises:
        RuntimeError: not matrices of floating or complex elements.
    """
    name = "torch.linalg.matrix_rank"
    check_matrix(name, A, "input")
    if A.dtype not in (dt.float32, dt.float64, dt.complex64, dt.complex128):
        raise RuntimeError("This function doesn't handle types other than float and double")
    if hermitian:
        check_square(name, A)
    if tol is not None:
        absolute, relative = tol, 0.0
    else:
        absolute, relative = _tolerances(name, A, atol, rtol)
    x = A.detach()
    if not A.numel():
        return A.new_zeros(tuple(A.shape[:-2]), dtype=dt.int64)
    size = eigvalsh(x).abs() if hermitian else svdvals(x)
    return sum_(size > _cut(amax(size, -1, True), absolute, relative), -1)


# Least squares ---

def _lstsq_forward(a: Any, b: Any, *, rcond: float) -> Any:
    batch, (m, n) = a.shape[:-2], a.shape[-2:]
    k = min(m, n)
    x = np.zeros((*batch, n, b.shape[-1]), a.dtype)
    rank, values = np.zeros(batch, np.int64), np.zeros((*batch, k), a.real.dtype)
    for place in np.ndindex(batch) if a.size else ():
        x[place], _, rank[place], values[place] = np.linalg.lstsq(a[place], b[place], rcond)
    return x, rank, values


def _lstsq_vjp(ctx: Any, g: Any, *_: Any) -> tuple[Any, Any]:
    """Of X = pinv(A) B."""
    if g is None:
        return None, None
    a, b = ctx.operands[:2]
    inverse = pinv(a)
    to_a = _pinv_cotangent(a, inverse, matmul(g, mH(b))) if ctx.needs[0] else None
    return to_a, matmul(mH(inverse), g)


_lstsq = host("_lstsq", _lstsq_forward, vjp=_lstsq_vjp, saves=(0, 1))


class LstsqResult(NamedTuple):
    """What ``linalg.lstsq`` returns."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _lstsq_samples() -> Any:
    a, b = well_conditioned(2, 4, 3), np.linspace(-1, 1, 16).reshape(2, 4, 2) ** 3
    yield (a, b), {"driver": "gels"}
    yield (a.swapaxes(-1, -2), b[:, :3]), {}


def _np_lstsq(a: Any, b: Any, driver: str = "gelsy") -> Any:
    x, rank, _ = _lstsq_forward(a, b, rcond=1e-12)
    if driver == "gels":
        return [x, np.sum((a @ x - b) ** 2, -2), np.zeros(0, int), np.zeros(0)]
    return [x, np.zeros(0), rank, np.zeros(0)]


@linalg(samples=_lstsq_samples, on_host=True, reference=_np_lstsq)
def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> LstsqResult:
    """(X that minimises |A X - B|, residuals, rank, singular values) for A (..., m, n), B (..., m, k).

    LAPACK's gelsd computes all; as in PyTorch, ``driver`` decides which results are filled: the squared
    residuals (m > n, full rank, not "gelsy"), the rank (not "gels"), singular values ("gelsd", "gelss").

    Raises:
        RuntimeError: shapes or dtypes that don't match, or an unknown driver.
    """
    name = "torch.linalg.lstsq"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype is not B.dtype:
        raise RuntimeError(f"{name}: Expected input and other to have the same dtype, but got input's dtype "
                           f"{scalar_name(A)} and other's dtype {scalar_name(B)}")
    if A.dtype not in (dt.float32, dt.float64, dt.complex64, dt.complex128):
        raise RuntimeError("This function doesn't handle types other than float and double")
    driver = "gelsy" if driver is None else driver
    if driver not in _DRIVERS:
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    vector = A.ndim - 1 == B.ndim and tuple(A.shape[:-1]) == tuple(B.shape)
    if vector or B.ndim == 1:
        b = unsqueeze(B, -1)
    else:
        b = B
    if A.shape[-2] != b.shape[-2]:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size(-{1 if vector else 2})")
    a, b = expand_batch(A, b)
    m, n = A.shape[-2:]
    eps = finfo(A.dtype.to_real() if A.dtype.is_complex else A.dtype).eps
    x, rank, values = _lstsq(a, b, rcond=float(eps * max(m, n) if rcond is None else rcond))
    empty = A.new_empty((0,), dtype=values.dtype)
    residuals = empty
    if m > n and driver != "gelsy" and (driver == "gels" or bool((rank == n).all())):
        residuals = sum_((matmul(a, x) - b).abs() ** 2, -2)
    return LstsqResult(squeeze(x, -1) if vector or B.ndim == 1 else x, residuals,
                       A.new_empty((0,), dtype=dt.int64) if driver == "gels" else rank,
                       values.detach() if driver in ("gelsd", "gelss") else empty)


# Views ---

@linalg(name="diagonal", samples=lambda: [((well_conditioned(2, 4, 3),), {}), ((well_conditioned(4, 3),),
                                                                           {"offset": 1})],
        reference=lambda a, offset=0: np.diagonal(a, offset, -2, -1))
def matrix_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of matrices, as a view."""
    return diagonal(A, offset, dim1, dim2)

