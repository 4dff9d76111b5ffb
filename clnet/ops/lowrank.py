"""Low-rank approximations of matrices by random projections (Halko, Martinsson and Tropp 2011)."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from .declare import composite
from .host import mH, scalar_name
from .matmul import matmul
from .orthogonal import qr
from .reduction import mean
from .spectral import OldSvdResult, svd
from .view import expand


def _samples() -> Any:
    left, right = np.linspace(-1, 1, 10).reshape(5, 2), np.linspace(-2, 1, 8).reshape(2, 4) ** 2
    yield (left @ right,), {"q": 2}
    yield ((left @ right).T.copy(),), {"q": 2, "niter": 1}


def _basis(A: Any, q: int, niter: int) -> Any:
    """Orthonormal columns (..., m, q) that nearly span the range of A."""
    basis = qr(matmul(A, A.new_empty((A.shape[-1], q)).normal_())).Q
    for _ in range(niter):
        basis = qr(matmul(A, qr(matmul(mH(A), basis)).Q)).Q
    return basis


@composite("linalg", method=False, random=True, on_host=True, samples=_samples)
def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> OldSvdResult:
    """(U, S, V) of rank ``q`` with A - M near U diag(S) V^H, from a random projection and ``niter`` power steps.

    Args:
        A: (..., m, n).  M: a matrix that broadcasts to A's shape, e.g. its mean.
    """
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    if M is not None:
        A = A - expand(M, tuple(A.shape))
    wide = A.shape[-2] < A.shape[-1]
    if wide:
        A = mH(A)
    basis = _basis(A, q, niter)
    u, s, vh = svd(matmul(mH(basis), A), False)
    u, v = matmul(basis, u), mH(vh)
    return OldSvdResult(v, s, u) if wide else OldSvdResult(u, s, v)


@composite("linalg", method=False, random=True, on_host=True, samples=_samples)
def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> OldSvdResult:
    """(U, S, V): the ``q`` principal directions V of the rows of A (..., m, n), which are centred if ``center``.

    Raises:
        ValueError: a rank that A cannot have, or negative ``niter``.
    """
    if A.dtype not in (dt.float32, dt.float64, dt.complex64, dt.complex128):
        raise ValueError(f"pca_lowrank expected input of floating point dtype, got {scalar_name(A)}")
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - mean(A, -2, True) if center else A, q, niter)
