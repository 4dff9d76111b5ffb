"""QR: LAPACK's reflectors from the host; products of reflectors and derivatives on the device."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .declare import composite
from .host import check_floating, check_matrix, check_same, host, linalg, mH, no_derivative, scalar_name
from .join import cat, tril, triu
from .matmul import matmul
from .triangular import identity_like, triangular, well_conditioned
from .view import narrow, unsqueeze

# QR ---


def _factor(a: Any, *, mode: Any) -> Any:
    q, r = np.linalg.qr(a, mode)
    return q, r


def _hermitian_from_upper(x: Any) -> Any:
    """The Hermitian matrix whose strict upper triangle is that of ``x``, with the real diagonal."""
    upper = triu(x, 1)
    middle = x - upper - tril(x, -1)
    return upper + mH(upper) + (middle + mH(middle)) * 0.5


def _qr_vjp(ctx: Any, to_q: Any, to_r: Any) -> tuple[Any]:
    """Of A = Q R: [gQ + Q herm(triu(gR R^H - Q^H gQ))] R^-H; columns beyond R's square follow Q."""
    q, r = ctx.outputs[0], ctx.outputs[1]
    n = r.shape[-1]
    k = q.shape[-2] if ctx.attrs["mode"] == "complete" else q.shape[-1]
    if ctx.attrs["mode"] == "complete" and k > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols")
    beside = None
    if n > k:
        right = narrow(r, -1, k, n - k)
        if to_r is not None:
            to_right = narrow(to_r, -1, k, n - k)
            beside = matmul(q, to_right)
            moved = matmul(q, matmul(right, mH(to_right)))
            to_q = moved if to_q is None else to_q + moved
            to_r = narrow(to_r, -1, 0, k)
        r = narrow(r, -1, 0, k)
    inner = None
    if to_r is not None:
        inner = matmul(to_r, mH(r))
    if to_q is not None:
        part = matmul(mH(q), to_q)
        inner = -part if inner is None else inner - part
    if inner is None:
        return (None,)
    total = matmul(q, _hermitian_from_upper(triu(inner)))
    if to_q is not None:
        total = total + to_q
    total = mH(triangular(r, mH(total), upper=True))
    if n > k:
        shape = (*total.shape[:-1], n - k)
        total = cat((total, total.new_zeros(shape) if beside is None else beside), -1)
    return (total,)


_qr = host("_qr", _factor, vjp=_qr_vjp, saves_out=(0, 1))


def _only_r_vjp(ctx: Any, g: Any) -> tuple[Any]:
    raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                       "linalg.qr(A, mode='reduced') if you are going to require gradients.")


_only_r = host("_qr_r", lambda a: np.linalg.qr(a, "r"), vjp=_only_r_vjp)


class QrResult(NamedTuple):
    """What ``linalg.qr`` returns."""

    Q: Any
    R: Any


def _qr_samples() -> Any:
    yield (well_conditioned(2, 4, 3),), {}
    yield (well_conditioned(2, 3, 5),), {}
    yield (well_conditioned(2, 3, 3), "complete"), {}


@linalg(samples=_qr_samples, on_host=True, reference=lambda a, mode="reduced": list(np.linalg.qr(a, mode)))
def qr(A: Any, mode: str = "reduced") -> QrResult:
    """(Q, R) with A = Q R for A (..., m, n): orthonormal columns, upper triangular.

    "reduced": Q (..., m, k), R (..., k, n) with k = min(m, n).  "complete": Q (..., m, m).
    "r": Q is empty and nothing is differentiable.

    Raises:
        RuntimeError: not matrices of floating or complex elements, or an unknown mode.
    """
    check_matrix("linalg.qr", A)
    check_floating("linalg.qr", A, "geqrf_cpu")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
                           "or 'complete'")
    if mode == "r":
        return QrResult(A.new_empty((0,)), _only_r(A))
    return QrResult(*_qr(A, mode=mode))


def _old_samples() -> Any:
    yield (well_conditioned(2, 4, 3),), {}
    yield (well_conditioned(2, 3, 3),), {"some": False}


@composite("linalg", name="qr", samples=_old_samples, on_host=True,
           reference=lambda a, some=True: list(np.linalg.qr(a, "reduced" if some else "complete")))
def old_qr(input: Any, some: bool = True) -> QrResult:
    """(Q, R), reduced if ``some``, else complete."""
    return qr(input, "reduced" if some else "complete")


# Reflectors ---

def _raw(a: Any) -> Any:
    packed, tau = np.linalg.qr(a, "raw")
    return packed.swapaxes(-1, -2), tau


_geqrf = host("_geqrf", _raw, vjp=no_derivative("geqrf"))


class Reflectors(NamedTuple):
    """What ``geqrf`` returns."""

    a: Any
    tau: Any


@composite("linalg", samples=lambda: [((well_conditioned(2, 4, 3),), {})],
           on_host=True, reference=lambda a: list(_raw(a)))
def geqrf(input: Any) -> Reflectors:
    """(a, tau) of LAPACK's geqrf: R, and below the diagonal the vectors of the reflectors whose product is Q.

    Not differentiable.

    Raises:
        RuntimeError: not matrices of floating or complex elements.
    """
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    check_floating("geqrf", input, "geqrf_cpu")
    return Reflectors(*_geqrf(input))


def _apply_reflectors(vectors: Any, tau: Any, x: Any, adjoint: bool = False) -> Any:
    """Q x (Q^H x if ``adjoint``) for the product Q of reflectors I - tau v v^H.

    The compact form of Schreiber and Van Loan (1989): Q = I - V T V^H with the upper triangular
    T^-1 = diag(1 / tau) + striu(V^H V), so T = (I + D striu(V^H V))^-1 D, where no tau is divided by.
    """
    k = tau.shape[-1]
    head = narrow(vectors, -1, 0, k)
    v = tril(head, -1) + identity_like(head)
    d = unsqueeze(tau, -1)
    inner = triu(matmul(mH(v), v), 1) * d
    if not adjoint:
        return x - matmul(v, triangular(inner, matmul(mH(v), x) * d, upper=True, unit=True))
    scale = d.conj() if d.dtype.is_complex else d
    return x - matmul(v, triangular(mH(inner), matmul(mH(v), x), upper=False, unit=True) * scale)


def _reflector_samples() -> Any:
    packed, tau = _raw(well_conditioned(2, 4, 3))
    yield (packed, tau), {}
    yield (packed, tau[:, :2]), {}


def _np_product(a: Any, tau: Any, columns: int | None = None) -> Any:
    m = a.shape[-2]
    q = np.broadcast_to(np.eye(m), (*a.shape[:-2], m, m))
    for i in range(tau.shape[-1]):
        v = a[..., i] * (np.arange(m) > i) + (np.arange(m) == i)
        q = q - tau[..., i, None, None] * (q @ v[..., None]) * v[..., None, :]
    return q[..., :a.shape[-1] if columns is None else columns]


def _check_reflectors(name: str, a: Any, tau: Any) -> None:
    check_matrix(name, a)
    m, n = a.shape[-2:]
    if m < n:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if n < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if tau.ndim != a.ndim - 1:
        raise RuntimeError(f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to "
                           f"{tau.ndim} and input.ndim is equal to {a.ndim}")
    if tuple(tau.shape[:-1]) != tuple(a.shape[:-2]):
        raise RuntimeError(f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got "
                           f"{list(tau.shape[:-1])}")
    if tau.dtype is not a.dtype:
        raise RuntimeError(f"{name}: tau dtype {scalar_name(tau)} does not match input dtype {scalar_name(a)}")
    check_floating(name, a, "orgqr_cpu")


@linalg(samples=_reflector_samples, reference=_np_product)
def householder_product(input: Any, tau: Any) -> Any:
    """The first n columns of the product of reflectors I - tau_i v_i v_i^H, from what ``geqrf`` returns.

    Args:
        input: (..., m, n), m >= n; v_i is column i below the diagonal, 1 on it and 0 above.
        tau: (..., k), k <= n.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    _check_reflectors("torch.linalg.householder_product", input, tau)
    return _apply_reflectors(input, tau, identity_like(input))


@composite("linalg", samples=_reflector_samples, reference=_np_product)
def orgqr(input: Any, input2: Any) -> Any:
    """``linalg.householder_product``."""
    return householder_product(input, input2)


def _ormqr_samples() -> Any:
    packed, tau = _raw(well_conditioned(2, 4, 3))
    c = np.linspace(-1, 1, 16).reshape(2, 4, 2)
    yield (packed, tau, c), {}
    yield (packed, tau, c.swapaxes(-1, -2)), {"left": False, "transpose": True}


def _np_ormqr(a: Any, tau: Any, c: Any, left: bool = True, transpose: bool = False) -> Any:
    q = _np_product(a, tau, a.shape[-2])
    q = q.swapaxes(-1, -2) if transpose else q
    return q @ c if left else c @ q


@composite("linalg", samples=_ormqr_samples, reference=_np_ormqr)
def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    """Q C (C Q if not ``left``; Q^H if ``transpose``) for the square product Q of ``geqrf``'s reflectors.

    Args:
        input: (..., m, k) reflectors.  tau: (..., k).  other: (..., m, n), or (..., n, m) on the right.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    name = "torch.ormqr"
    for argument, x in (("input", input), ("other", other)):
        if x.ndim < 2:
            raise RuntimeError(f"{name}: {argument} must have at least 2 dimensions.")
    side = -2 if left else -1
    if other.shape[side] < tau.shape[-1]:
        raise RuntimeError(f"{name}: other.shape[{side}] must be greater than or equal to tau.shape[-1]")
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(f"{name}: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.shape[-1] > input.shape[-1]:
        raise RuntimeError(f"{name}: tau.shape[-1] must be less than or equal to input.shape[-1]")
    if tuple(tau.shape[:-1]) != tuple(input.shape[:-2]) or tuple(other.shape[:-2]) != tuple(input.shape[:-2]):
        raise RuntimeError(f"{name}: batch dimensions of tau and other to be equal to input.shape[:-2]")
    check_same(name, input, other, "input")
    check_floating(name, input, "ormqr_cpu")
    if left:
        return _apply_reflectors(input, tau, other, transpose)
    return mH(_apply_reflectors(input, tau, mH(other), not transpose))
