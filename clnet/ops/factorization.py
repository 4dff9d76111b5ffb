"""Cholesky, LU, QR and LDL factorizations: LAPACK's on the host, their derivatives on the device."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from . import lapack
from .declare import composite
from .gather import lookup
from .host import (
    check_equation,
    check_floating,
    check_info,
    check_matrix,
    check_same,
    check_square,
    expand_batch,
    host,
    linalg,
    mH,
    no_derivative,
    scalar_name,
)
from .join import cat, tril, triu
from .matmul import matmul
from .triangular import identity_like, triangular, well_conditioned
from .view import expand, narrow, unsqueeze

# Cholesky ---


def _cholesky_vjp(ctx: Any, g: Any, _: Any = None) -> tuple[Any]:
    factor = ctx.outputs[0]
    if g is None:
        return (None,)
    lower = tril(matmul(mH(factor), g))
    symmetric = lower + mH(tril(lower, -1))
    half = triangular(mH(factor), symmetric * 0.5, upper=True)
    return (mH(triangular(mH(factor), mH(half), upper=True)),)


def _lower_factor(a: Any, *, upper: bool) -> Any:
    return lapack.cholesky(np.conj(a.swapaxes(-1, -2)) if upper else a)


# (L, info); with ``upper`` the upper triangle is read.  The cotangent is the same either way: A is Hermitian.
_cholesky = host("_cholesky", _lower_factor, vjp=_cholesky_vjp, saves_out=(0,))

_INDEFINITE = ("The factorization could not be completed because the input is not positive-definite "
               "(the leading minor of order {info} is not positive-definite).")


def _definite_samples() -> Any:
    x = well_conditioned(2, 3, 3)
    a = x @ x.swapaxes(-1, -2)
    yield (a,), {}
    yield (a[0],), {"upper": True}
    yield (a[:, :0, :0],), {}


def _np_cholesky(a: Any, *, upper: bool = False) -> Any:
    if not upper:
        return np.linalg.cholesky(a)
    return np.linalg.cholesky(a.swapaxes(-1, -2)).swapaxes(-1, -2)


class CholeskyResult(NamedTuple):
    """What ``linalg.cholesky_ex`` returns."""

    L: Any
    info: Any


@linalg(samples=_definite_samples, on_host=True, reference=lambda a, **k: [
    _np_cholesky(a, **k), np.zeros(a.shape[:-2], "int32")])
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> CholeskyResult:
    """(L with A = L L^H, info) of Hermitian positive-definite A (..., n, n); U with A = U^H U if ``upper``.

    ``info`` (int32) is 0, or the order of the first leading minor that is not positive definite.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
        LinAlgError: with ``check_errors``, not positive definite.
    """
    check_square("linalg.cholesky", A)
    check_floating("linalg.cholesky", A, "cholesky_cpu")
    factor, info = _cholesky(A, upper=upper)
    if check_errors:
        check_info(info, "linalg.cholesky_ex", _INDEFINITE)
    return CholeskyResult(mH(factor) if upper else factor, info)


@linalg(samples=_definite_samples, on_host=True, reference=_np_cholesky)
def cholesky(A: Any, *, upper: bool = False) -> Any:
    """L with A = L L^H for Hermitian positive-definite A (..., n, n); U with A = U^H U if ``upper``.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
        LinAlgError: not positive definite.
    """
    factor, info = cholesky_ex(A, upper=upper)
    check_info(info, "linalg.cholesky", _INDEFINITE)
    return factor


@composite("linalg", name="cholesky", samples=_definite_samples, on_host=True, reference=_np_cholesky)
def old_cholesky(input: Any, upper: bool = False) -> Any:
    """The Cholesky factor, as ``linalg.cholesky`` gives it."""
    factor, info = cholesky_ex(input, upper=upper)
    check_info(info, "cholesky", _INDEFINITE)
    return factor


# LU ---

def _take_rows(x: Any, order: Any) -> Any:
    """Rows of every matrix in the order given per matrix."""
    return lookup(x, expand(unsqueeze(order, -1), tuple(x.shape)), -2 + x.ndim)


_permutation = host("_permutation", lambda pivots, *, size: lapack.permutation(pivots, size))


def _lu_vjp(ctx: Any, g: Any, *_: Any) -> tuple[Any]:
    """Of A = P L U; the square part S as P L^-H [tril(L^H gL, -1) + triu(gU U^H)] U^-H.

    The rows below it are S^-1-multiples of U, the columns beside it of L, which pass their
    cotangents on to these.
    """
    if g is None:
        return (None,)
    packed, pivots = ctx.outputs[0], ctx.outputs[1]
    m, n = packed.shape[-2:]
    k = min(m, n)
    lower, to_lower = tril(packed, -1), tril(g, -1)
    upper, to_upper = triu(packed), triu(g)
    lower, to_lower = narrow(lower, -1, 0, k), narrow(to_lower, -1, 0, k)
    upper, to_upper = narrow(upper, -2, 0, k), narrow(to_upper, -2, 0, k)
    beside = below = None
    square_lower, square_upper = narrow(lower, -2, 0, k), narrow(upper, -1, 0, k)
    unit = {"upper": True, "unit": True}
    if n > k:
        beside = triangular(mH(square_lower), narrow(to_upper, -1, k, n - k), **unit)
        to_lower = to_lower - tril(matmul(beside, mH(narrow(upper, -1, k, n - k))), -1)
        to_upper = narrow(to_upper, -1, 0, k)
    if m > k:
        rest = narrow(to_lower, -2, k, m - k)
        below = mH(triangular(square_upper, mH(rest), upper=True))
        to_upper = to_upper - triu(matmul(mH(narrow(lower, -2, k, m - k)), below))
        to_lower = narrow(to_lower, -2, 0, k)
    # L has ones on its diagonal, which no cotangent reaches.
    full = identity_like(square_lower) + square_lower
    middle = tril(matmul(mH(full), to_lower), -1) + triu(matmul(to_upper, mH(square_upper)))
    part = triangular(mH(square_lower), middle, **unit)
    part = mH(triangular(square_upper, mH(part), upper=True))
    if beside is not None:
        part = cat((part, beside), -1)
    if below is not None:
        part = cat((part, below), -2)
    return (_take_rows(part, _permutation(pivots, size=m)[1]),)


_lu = host("_lu", lambda a: lapack.lu(a), vjp=_lu_vjp, saves_out=(0, 1))


class LuFactors(NamedTuple):
    """What ``linalg.lu_factor`` returns."""

    LU: Any
    pivots: Any


class LuFactorsInfo(NamedTuple):
    """What ``linalg.lu_factor_ex`` returns."""

    LU: Any
    pivots: Any
    info: Any


def _lu_samples() -> Any:
    yield (well_conditioned(2, 3, 3)[:, ::-1],), {}
    yield (well_conditioned(1, 3, 5)[:, ::-1],), {}
    yield (well_conditioned(2, 5, 3)[:, ::-1],), {}
    yield (well_conditioned(3, 3)[::-1] + 0.5j * well_conditioned(3, 3, seed=1),), {}


def _np_lu(a: Any) -> Any:
    packed, pivots, _ = lapack.lu(a)
    return [packed, pivots]


_ZERO_PIVOT = ("U[{info},{info}] is zero and using it on lu_solve would result in a division by zero. If you "
               "still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
               "linalg.lu_factor_ex(A, pivot)")


def _check_lu(name: str, A: Any, pivot: bool) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")
    if not A.dtype.is_inexact or A.dtype in (dt.float16, dt.bfloat16):
        raise NotImplementedError(f"\"lu_cpu\" not implemented for '{scalar_name(A)}'")
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")


@linalg(samples=_lu_samples, on_host=True, reference=lambda a: list(lapack.lu(a)))
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> LuFactorsInfo:
    """(LU, pivots, info): L below and U on and above the diagonal of one matrix, with A = P L U.

    ``pivots`` (int32) are row exchanges counted from 1; ``info`` is 0 or the first zero of U's diagonal.

    Raises:
        RuntimeError: not matrices of floating or complex elements; with ``check_errors``, a zero pivot.
    """
    _check_lu("torch.lu_factor", A, pivot)
    packed, pivots, info = _lu(A)
    if check_errors:
        check_info(info, "torch.linalg.lu_factor_ex", _ZERO_PIVOT, RuntimeError)
    return LuFactorsInfo(packed, pivots, info)


@linalg(samples=_lu_samples, on_host=True, reference=_np_lu)
def lu_factor(A: Any, *, pivot: bool = True) -> LuFactors:
    """(LU, pivots) as ``lu_factor_ex`` gives them.

    Raises:
        RuntimeError: not matrices of floating or complex elements, or a zero pivot.
    """
    _check_lu("linalg.lu_factor" if not pivot else "torch.lu_factor", A, pivot)
    packed, pivots, info = _lu(A)
    check_info(info, "torch.linalg.lu_factor", _ZERO_PIVOT, RuntimeError)
    return LuFactors(packed, pivots)


@composite("linalg", name="lu", samples=_lu_samples, on_host=True, reference=_np_lu)
def old_lu(A: Any, pivot: bool = True, get_infos: bool = False) -> Any:
    """(LU, pivots), and info if ``get_infos``, as ``linalg.lu_factor`` gives them."""
    if get_infos:
        return lu_factor_ex(A, pivot=pivot)
    return lu_factor(A, pivot=pivot)


class LuMatrices(NamedTuple):
    """What ``linalg.lu`` and ``lu_unpack`` return."""

    P: Any
    L: Any
    U: Any


def _np_unpack(packed: Any, pivots: Any) -> Any:
    m, n = packed.shape[-2:]
    k = min(m, n)
    order, _ = lapack.permutation(pivots, m)
    p = np.swapaxes(np.eye(m)[order], -1, -2)
    return [p, np.tril(packed[..., :k], -1) + np.eye(m, k), np.triu(packed[..., :k, :])]


def _unpack_samples() -> Any:
    for (a,), _ in _lu_samples():
        packed, pivots, _ = lapack.lu(a)
        yield (packed, pivots), {}


@composite("linalg", samples=_unpack_samples, on_host=True, reference=_np_unpack)
def lu_unpack(LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> LuMatrices:
    """(P, L, U) from what ``linalg.lu_factor`` returns; parts not asked for are empty.

    Raises:
        RuntimeError: pivots that are not int32 or don't fit.
    """
    if unpack_pivots and LU_pivots.dtype is not dt.int32:
        raise RuntimeError("torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 "
                           "dtype.\nNote: this function is intended to be used with the output produced by "
                           "torch.linalg.lu_factor")
    check_matrix("lu_unpack", LU_data, "LU_data")
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    p = low = up = LU_data.new_empty((0,))
    if unpack_data:
        columns = narrow(LU_data, -1, 0, k)
        low = tril(columns, -1) + identity_like(columns)
        up = triu(narrow(LU_data, -2, 0, k))
    if unpack_pivots:
        inverse = _permutation(LU_pivots, size=m)[1]
        p = _take_rows(expand(identity_like(LU_data, m, m), (*LU_pivots.shape[:-1], m, m)), inverse)
    return LuMatrices(p, low, up)


@linalg(name="lu", samples=_lu_samples, on_host=True, reference=lambda a: _np_unpack(*_np_lu(a)))
def lu_matrices(A: Any, *, pivot: bool = True) -> LuMatrices:
    """(P, L, U) with A = P L U: a permutation, unit lower and upper triangular matrices.

    Raises:
        RuntimeError: not matrices of floating or complex elements.
    """
    _check_lu("linalg.lu", A, pivot)
    packed, pivots, _ = _lu(A)
    return lu_unpack(packed, pivots)


def _lu_solve_samples() -> Any:
    packed, pivots, _ = lapack.lu(well_conditioned(2, 3, 3)[:, ::-1])
    b = np.linspace(-1, 1, 12).reshape(2, 3, 2)
    yield (packed, pivots, b), {}
    yield (packed, pivots, b), {"adjoint": True}
    yield (packed, pivots, b.swapaxes(-1, -2)), {"left": False}
    yield (packed[0], pivots[0], b.swapaxes(-1, -2)), {"left": False, "adjoint": True}


def _np_lu_solve(packed: Any, pivots: Any, b: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    p, low, up = _np_unpack(packed, pivots)
    a = p @ low @ up
    a = a.swapaxes(-1, -2) if adjoint else a
    if left:
        return np.linalg.solve(a, b)
    a = np.broadcast_to(a, (*b.shape[:-2], *a.shape[-2:]))
    return np.linalg.solve(a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)


@linalg(samples=_lu_solve_samples, on_host=True, reference=_np_lu_solve)
def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """X with A X = B (X A = B if not ``left``; A^H if ``adjoint``) from ``lu_factor(A)``.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    name = "linalg.lu_solve"
    check_same(name, LU, B, "LU")
    if pivots.dtype is not dt.int32:
        raise RuntimeError(f"{name}: pivots should be a Tensor of scalar type torch.int32. Got type "
                           f"{pivots.dtype}")
    check_square(f"torch.{name}", LU)
    check_equation(name, LU, B, left)
    if tuple(pivots.shape) != tuple(LU.shape[:-1]):
        raise RuntimeError(f"{name}: Number of pivots per batch should be same as the dimension of the matrix")
    check_floating(name, LU, "linalg.lu_solve_cpu")
    if not left:
        # X A = B is A^H X^H = B^H.
        return mH(lu_solve(LU, pivots, mH(B), adjoint=not adjoint))
    packed, right = expand_batch(LU, B)
    order, inverse = (expand(p, (*packed.shape[:-2], p.shape[-1]))
                      for p in _permutation(pivots, size=LU.shape[-1]))
    if adjoint:
        half = triangular(mH(packed), right, upper=False)
        return _take_rows(triangular(mH(packed), half, upper=True, unit=True), inverse)
    half = triangular(packed, _take_rows(right, order), upper=False, unit=True)
    return triangular(packed, half, upper=True)


@composite("linalg", name="lu_solve", samples=lambda: [((b, a, p), {}) for (a, p, b), k in _lu_solve_samples()
                                                      if not k], on_host=True,
           reference=lambda b, a, p: _np_lu_solve(a, p, b))
def old_lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """X with A X = b from ``linalg.lu_factor(A)``."""
    return lu_solve(LU_data, LU_pivots, b)


# LDL ---

class LdlFactors(NamedTuple):
    """What ``linalg.ldl_factor`` returns."""

    LD: Any
    pivots: Any


class LdlFactorsInfo(NamedTuple):
    """What ``linalg.ldl_factor_ex`` returns."""

    LD: Any
    pivots: Any
    info: Any


_ldl = host("_ldl", lambda a, *, hermitian: lapack.ldl(a, hermitian), vjp=no_derivative("linalg.ldl_factor_ex"))
_ldl_solve = host("_ldl_solve", lambda a, p, b, *, hermitian: lapack.ldl_solve(a, p, b, hermitian),
                  vjp=no_derivative("linalg.ldl_solve"))


def _symmetric_samples() -> Any:
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4))
    yield (x + x.swapaxes(-1, -2),), {}


@linalg(samples=_symmetric_samples, on_host=True, reference=lambda a: list(lapack.ldl(a, False)))
def ldl_factor_ex(A: Any, *, hermitian: bool = False, check_errors: bool = False) -> LdlFactorsInfo:
    """(LD, pivots, info) of a symmetric (or Hermitian) matrix: L and block-diagonal D in one, as LAPACK's sytrf.

    Not differentiable.

    Raises:
        RuntimeError: not square matrices of floating or complex elements, or with ``check_errors``, singular.
    """
    name = "torch.linalg.ldl_factor_ex"
    check_square(name, A)
    check_floating(name, A, "ldl_factor_kernel_cpu")
    packed, pivots, info = _ldl(A, hermitian=hermitian)
    if check_errors:
        check_info(info, name, "Unknown error code: {info}.", RuntimeError)
    return LdlFactorsInfo(packed, pivots, info)


@linalg(samples=_symmetric_samples, on_host=True, reference=lambda a: list(lapack.ldl(a, False)[:2]))
def ldl_factor(A: Any, *, hermitian: bool = False) -> LdlFactors:
    """(LD, pivots) as ``ldl_factor_ex`` gives them; an error where D is singular."""
    packed, pivots, info = ldl_factor_ex(A, hermitian=hermitian)
    check_info(info, "torch.linalg.ldl_factor", "Unknown error code: {info}.", RuntimeError)
    return LdlFactors(packed, pivots)


def _ldl_solve_samples() -> Any:
    [((a,), _)] = _symmetric_samples()
    packed, pivots, _ = lapack.ldl(a, False)
    yield (packed, pivots, np.linspace(-1, 1, 16).reshape(2, 4, 2)), {}


@linalg(samples=_ldl_solve_samples, on_host=True, reference=lambda a, p, b: lapack.ldl_solve(a, p, b, False))
def ldl_solve(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False) -> Any:
    """X with A X = B from ``ldl_factor(A)``; not differentiable.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    name = "torch.linalg.ldl_solve"
    check_square(name, LD)
    check_same(name, LD, B, "LD")
    check_equation(name, LD, B, True)
    check_floating(name, LD, "ldl_solve_kernel_cpu")
    if tuple(pivots.shape) != tuple(LD.shape[:-1]):
        raise RuntimeError(f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with "
                           f"shape {list(pivots.shape)} instead")
    packed, right = expand_batch(LD, B)
    order = expand(pivots, tuple(packed.shape[:-1]))
    return _ldl_solve(packed, order, right, hermitian=hermitian)

