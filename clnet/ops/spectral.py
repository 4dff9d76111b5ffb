"""Eigenvalues and singular values: LAPACK's from the host, their derivatives on the device."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .complex import real as real_part
from .declare import composite
from .diagonal import diag_embed
from .host import check_floating, check_matrix, check_square, host, linalg, mH, scalar_name
from .matmul import matmul
from .solve import solve, square_sample
from .triangular import identity_like, well_conditioned
from .view import diagonal, narrow, unsqueeze

# Hermitian matrices ---


def _gaps(values: Any) -> Any:
    """value[j] - value[i], 1 on the diagonal."""
    return unsqueeze(values, -2) - unsqueeze(values, -1) + identity_like(diag_embed(values))


def _eigh_vjp(ctx: Any, to_w: Any, to_v: Any) -> tuple[Any]:
    """V (diag(gw) + skew(V^H gV) / (2 gaps)) V^H."""
    w, v = ctx.outputs[0], ctx.outputs[1]
    if to_v is None:
        return (None if to_w is None else matmul(v * unsqueeze(to_w, -2), mH(v)),)
    inner = matmul(mH(v), to_v)
    inner = (inner - mH(inner)) * 0.5 / _gaps(w)
    if to_w is not None:
        inner = inner + diag_embed(to_w)
    return (matmul(v, matmul(inner, mH(v))),)


def finite(name: str, a: Any) -> Any:
    """``a``, if LAPACK ends on it: it may search for ever among infinities.

    Raises:
        LinAlgError: an element is infinite or no number.
    """
    if not np.isfinite(a).all():
        raise np.linalg.LinAlgError(f"{name}: The algorithm failed to converge because the input matrix contained "
                                    "non-finite values.")
    return a


_eigh = host("_eigh", lambda a, *, uplo: tuple(np.linalg.eigh(finite("linalg.eigh", a), uplo)), vjp=_eigh_vjp,
             saves_out=(0, 1))


def _eigvalsh_vjp(ctx: Any, g: Any) -> tuple[Any]:
    v = _eigh(ctx.operands[0], uplo=ctx.attrs["uplo"])[1]
    return (matmul(v * unsqueeze(g, -2), mH(v)),)


_eigvalsh = host("_eigvalsh", lambda a, *, uplo: np.linalg.eigvalsh(finite("linalg.eigh", a), uplo),
                  vjp=_eigvalsh_vjp, saves=(0,))


class EighResult(NamedTuple):
    """What ``linalg.eigh`` returns."""

    eigenvalues: Any
    eigenvectors: Any


def _check_hermitian(a: Any, uplo: str) -> str:
    check_square("linalg.eigh", a)
    if len(uplo) != 1 or uplo.upper() not in "UL":
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {uplo}")
    if not a.dtype.is_inexact:
        raise NotImplementedError(f"\"linalg_eigh_cpu\" not implemented for '{scalar_name(a)}'")
    check_floating("linalg.eigh", a, "linalg_eigh_cpu")
    return uplo.upper()


def _symmetric_samples() -> Any:
    x = well_conditioned(2, 3, 3) * np.array([1.0, 2.0, 3.5])
    a = x + x.swapaxes(-1, -2)
    yield (a,), {}
    yield (a,), {"UPLO": "U"}
    yield (a[:, :0, :0],), {}


@linalg(samples=_symmetric_samples, on_host=True, reference=lambda a, UPLO="L": list(np.linalg.eigh(a, UPLO)))
def eigh(A: Any, UPLO: str = "L") -> EighResult:
    """(eigenvalues, ascending; eigenvectors, as columns) of Hermitian A (..., n, n).

    Only the triangle ``UPLO`` is read.  Gradients of the eigenvectors are finite where the eigenvalues
    differ and the loss does not depend on the vectors' phases.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    return EighResult(*_eigh(A, uplo=_check_hermitian(A, UPLO)))


@linalg(samples=_symmetric_samples, on_host=True, reference=lambda a, UPLO="L": np.linalg.eigvalsh(a, UPLO))
def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues (..., n), ascending, of Hermitian A (..., n, n); only the triangle ``UPLO`` is read.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    return _eigvalsh(A, uplo=_check_hermitian(A, UPLO))


# General matrices ---

def _as_complex(values: Any, like: Any) -> Any:
    return values.astype(np.result_type(like.dtype, np.complex64))


def _eig_forward(a: Any) -> Any:
    return tuple(_as_complex(x, a) for x in np.linalg.eig(finite("linalg.eig", a)))


def _restrict(g: Any, layout: Any) -> Any:
    """A complex cotangent as that of a real operand."""
    return g if layout.dtype.is_complex else real_part(g)


def _eig_vjp(ctx: Any, to_w: Any, to_v: Any) -> tuple[Any]:
    """V^-H (diag(gw) + (V^H gV - V^H V diag(Re(V^H gV))) / conj(gaps)) V^H; eigenvectors have norm 1."""
    w, v = ctx.outputs[0], ctx.outputs[1]
    inner = None
    if to_v is not None:
        inner = matmul(mH(v), to_v)
        inner = inner - matmul(mH(v), v * unsqueeze(real_part(diagonal(inner, 0, -2, -1)), -2))
        inner = inner / _gaps(w).conj()
        inner = inner - diag_embed(diagonal(inner, 0, -2, -1))
    if to_w is not None:
        inner = diag_embed(to_w) if inner is None else inner + diag_embed(to_w)
    if inner is None:
        return (None,)
    return (_restrict(solve(mH(v), matmul(inner, mH(v))), ctx.layouts[0]),)


_eig = host("_eig", _eig_forward, vjp=_eig_vjp, saves_out=(0, 1))


def _eigvals_vjp(ctx: Any, g: Any) -> tuple[Any]:
    v = _eig(ctx.operands[0])[1]
    return (_restrict(solve(mH(v), matmul(diag_embed(g), mH(v))), ctx.layouts[0]),)


_eigvals = host("_eigvals", lambda a: _as_complex(np.linalg.eigvals(finite("linalg.eig", a)), a),
                vjp=_eigvals_vjp, saves=(0,))


class EigResult(NamedTuple):
    """What ``linalg.eig`` returns."""

    eigenvalues: Any
    eigenvectors: Any


def _check_eig(name: str, a: Any) -> None:
    check_square(name, a)
    if not a.dtype.is_inexact:
        raise RuntimeError(f"Unknown Complex ScalarType for {scalar_name(a)}")
    check_floating(name, a, "linalg_eig_out_cpu")


@linalg(samples=square_sample, on_host=True, reference=lambda a: list(_eig_forward(a)))
def eig(A: Any) -> EigResult:
    """(eigenvalues, eigenvectors of norm 1 as columns) of A (..., n, n), complex.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    _check_eig("linalg.eig", A)
    return EigResult(*_eig(A))


@linalg(samples=square_sample, on_host=True, reference=lambda a: _as_complex(np.linalg.eigvals(a), a))
def eigvals(A: Any) -> Any:
    """The eigenvalues (..., n) of A (..., n, n), complex, in no order.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    _check_eig("linalg.eigvals", A)
    return _eigvals(A)


# Singular values ---

def _svd_vjp(ctx: Any, to_u: Any, to_s: Any, to_v: Any) -> tuple[Any]:
    """As Townsend (2016), "Differentiating the singular value decomposition", for complex too."""
    u, s, vh = (ctx.outputs[k] for k in range(3))
    k = s.shape[-1]
    m, n = u.shape[-2], vh.shape[-1]
    u, vh = narrow(u, -1, 0, k), narrow(vh, -2, 0, k)
    to_u = None if to_u is None else narrow(to_u, -1, 0, k)
    to_v = None if to_v is None else narrow(to_v, -2, 0, k)
    rows, columns = unsqueeze(s, -1), unsqueeze(s, -2)
    left = right = inner = None
    if to_u is not None:
        left = matmul(mH(u), to_u)
        left = left - mH(left)
        inner = left * columns
    if to_v is not None:
        right = matmul(vh, mH(to_v))
        right = rows * (right - mH(right))
        inner = right if inner is None else inner + right
    if inner is not None:
        inner = inner / _gaps(s * s)
        if left is not None and right is not None and left.dtype.is_complex:
            # Where the loss does not depend on the phases, both diagonals cancel; the gaps' diagonal is 1.
            inner = inner - diag_embed(diagonal(inner, 0, -2, -1))
            inner = inner + diag_embed(diagonal(left, 0, -2, -1) / (2 * s))
    if to_s is not None:
        inner = diag_embed(to_s) if inner is None else inner + diag_embed(to_s)
    if inner is None:
        return (None,)
    if inner.dtype is not u.dtype:
        inner = inner.to(u.dtype)
    total = matmul(u, inner)
    if m > k and to_u is not None:
        scaled = to_u / columns
        total = total + scaled - matmul(u, matmul(mH(u), scaled))
    total = matmul(total, vh)
    if n > k and to_v is not None:
        scaled = to_v / rows
        total = total + matmul(u, scaled - matmul(matmul(scaled, mH(vh)), vh))
    return (total,)


_svd = host("_svd", lambda a, *, full: tuple(np.linalg.svd(finite("linalg.svd", a), full)), vjp=_svd_vjp,
            saves_out=(0, 1, 2))


def _svdvals_vjp(ctx: Any, g: Any) -> tuple[Any]:
    u, _, vh = _svd(ctx.operands[0], full=False)
    return (matmul(u * unsqueeze(g, -2), vh),)


def _svdvals_forward(a: Any) -> Any:
    """The singular values; NaN for matrices with infinities or NaN, among which LAPACK may search for ever."""
    sound = np.isfinite(a).all((-2, -1))
    values = np.linalg.svd(np.where(sound[..., None, None], a, 0), compute_uv=False)
    return np.where(sound[..., None], values, np.asarray(np.nan, values.dtype))


_svdvals = host("_svdvals", _svdvals_forward, vjp=_svdvals_vjp, saves=(0,))


class SvdResult(NamedTuple):
    """What ``linalg.svd`` returns."""

    U: Any
    S: Any
    Vh: Any


class OldSvdResult(NamedTuple):
    """What ``svd`` returns."""

    U: Any
    S: Any
    V: Any


def _check_svd(a: Any, driver: str | None) -> None:
    check_matrix("linalg.svd", a)
    check_floating("linalg.svd", a, "linalg_svd_cpu")
    if driver is not None:
        raise RuntimeError("torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with "
                           "cuSOLVER backend.")


def _any_samples() -> Any:
    yield (well_conditioned(2, 4, 3) * np.array([1, 2, 3.5]), False), {}
    yield (well_conditioned(2, 3, 4) * np.array([1, 2, 3.5, 5]), False), {}
    yield (well_conditioned(2, 3, 3) * np.array([1, 2, 3.5]),), {}


@linalg(samples=_any_samples, on_host=True, reference=lambda a, full=True: list(np.linalg.svd(a, full)))
def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> SvdResult:
    """(U, S, Vh) with A = U diag(S) Vh for A (..., m, n); S real, descending.

    Full: U (..., m, m), Vh (..., n, n); else U (..., m, k), Vh (..., k, n) with k = min(m, n).
    Gradients of U and Vh are finite where the singular values differ and are not zero.

    Raises:
        RuntimeError: not matrices of floating or complex elements, or a ``driver``, which only CUDA has.
    """
    _check_svd(A, driver)
    return SvdResult(*_svd(A, full=full_matrices))


@linalg(samples=lambda: [(a[:1], {}) for a, _ in _any_samples()], on_host=True,
        reference=lambda a: np.linalg.svd(a, compute_uv=False))
def svdvals(A: Any, *, driver: str | None = None) -> Any:
    """The singular values (..., min(m, n)) of A (..., m, n), descending.

    Raises:
        RuntimeError: not matrices of floating or complex elements, or a ``driver``, which only CUDA has.
    """
    _check_svd(A, driver)
    return _svdvals(A)


def _np_old_svd(a: Any, some: bool = True) -> Any:
    u, s, vh = np.linalg.svd(a, not some)
    return [u, s, vh.swapaxes(-1, -2)]


@composite("linalg", name="svd", samples=lambda: [(a[:1], {}) for a, _ in _any_samples()], on_host=True,
           reference=_np_old_svd)
def old_svd(input: Any, some: bool = True, compute_uv: bool = True) -> OldSvdResult:
    """(U, S, V) with A = U diag(S) V^H, reduced if ``some``; U and V are zeros if not ``compute_uv``."""
    check_matrix("linalg.svd", input)
    if not compute_uv:
        batch, (m, n) = input.shape[:-2], input.shape[-2:]
        return OldSvdResult(input.new_zeros((*batch, m, m)), svdvals(input), input.new_zeros((*batch, n, n)))
    u, s, vh = svd(input, not some)
    return OldSvdResult(u, s, mH(vh))

