"""Triangular systems, solved on the device, and what is made of them."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..kernels import triangular as kernel
from .declare import composite, planner
from .host import (
    check_equation,
    check_floating,
    check_matrix,
    check_same,
    check_square,
    expand_batch,
    linalg,
    mH,
    mT,
)
from .join import tril, triu
from .matmul import matmul
from .view import clone


def _plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    return kernel.plan(operands, attrs["upper"], attrs["unit"], caps)


def _vjp(ctx: Any, g: Any) -> tuple[Any, Any]:
    a, x = ctx.operands[0], ctx.outputs[0]
    upper, unit = ctx.attrs["upper"], ctx.attrs["unit"]
    to_b = triangular(mH(a), g, upper=not upper, unit=unit, whole=ctx.attrs["whole"])
    to_a = None
    if ctx.needs[0]:
        full = -matmul(to_b, mH(x))
        to_a = full if ctx.attrs["whole"] else triu(full, int(unit)) if upper else tril(full, -int(unit))
    return to_a, to_b


def _bind(a: Any, b: Any, *, upper: bool, unit: bool = False, whole: bool = False) -> Any:
    return (a, b), {"upper": upper, "unit": unit, "whole": whole}


# X with A X = B for stacks of triangular A (..., n, n) and B (..., n, k); the other triangle is not read.
# Its cotangent is zero, or with ``whole`` what it were if A's were a dense matrix's.
triangular = planner("_triangular", _bind, _plan, family="linalg", vjp=_vjp, saves=(0,), saves_out=(0,),
                     public=False)


def well_conditioned(*shape: int, seed: int = 0) -> Any:
    """A random array whose square matrices are far from singular."""
    x = np.random.default_rng(seed + sum(shape)).uniform(-1, 1, shape)
    return x + 2.5 * np.eye(shape[-2], shape[-1])


def _samples() -> Any:
    a, b = well_conditioned(2, 4, 4), np.linspace(-1, 1, 24).reshape(2, 4, 3)
    yield (a, b), {"upper": False}
    yield (a, b[0]), {"upper": True, "unitriangular": True}
    yield (a, b.swapaxes(-1, -2)), {"upper": True, "left": False}
    yield (a[:, :0, :0], b[:, :0]), {"upper": True}
    yield (a + 0.5j * a[::-1], b * (1 - 1j)), {"upper": False}


def _np_solve(a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    a = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        a = a - a * np.eye(a.shape[-1]) + np.eye(a.shape[-1])
    if left:
        return np.linalg.solve(a, np.broadcast_to(b, (*a.shape[:-2], *b.shape[-2:])))
    return np.linalg.solve(a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)


@linalg(samples=_samples, reference=_np_solve)
def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """X with A X = B (X A = B if not ``left``) for triangular A (..., n, n), by substitution.

    Only the triangle that ``upper`` names is read, without its diagonal if ``unitriangular`` (it is
    taken as ones).  Batch dimensions broadcast.  A zero on the diagonal gives inf and NaN.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    name = "linalg.solve_triangular"
    check_same(name, A, B)
    check_square(name, A)
    check_equation(name, A, B, left)
    check_floating(name, B, "triangular_solve_cpu")
    if left:
        return triangular(A, B, upper=upper, unit=unitriangular)
    return mT(triangular(mT(A), mT(B), upper=not upper, unit=unitriangular))


class TriangularSolution(NamedTuple):
    """What ``triangular_solve`` returns."""

    solution: Any
    cloned_coefficient: Any


def _old_samples() -> Any:
    a, b = well_conditioned(2, 4, 4), np.linspace(-1, 1, 24).reshape(2, 4, 3)
    yield (b, a), {}
    yield (b, a), {"upper": False, "transpose": True}
    yield (b[:, 0:4], a), {"unitriangular": True}


def _np_old(b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
    m = a.swapaxes(-1, -2) if transpose else a
    return [_np_solve(m, b, upper=upper != transpose, unitriangular=unitriangular), a]


@composite("linalg", samples=_old_samples, reference=_np_old)
def triangular_solve(b: Any, A: Any, upper: bool = True, transpose: bool = False,
                     unitriangular: bool = False) -> TriangularSolution:
    """(X with A X = b, a copy of A) for triangular A; A is transposed if ``transpose``.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    for argument, x in (("b", b), ("A", A)):
        if x.ndim < 2:
            raise RuntimeError(f"torch.triangular_solve: Expected {argument} to have at least 2 dimensions, but "
                               f"it has {x.ndim} dimensions instead")
    name = "triangular_solve"
    check_same(name, A, b)
    check_square(name, A)
    check_equation(name, A, b, True)
    check_floating(name, b, "triangular_solve_cpu")
    a, right = expand_batch(A, b)
    x = triangular(mT(a) if transpose else a, right, upper=upper != transpose, unit=unitriangular)
    return TriangularSolution(x, clone(a))


def _factor_samples() -> Any:
    a = well_conditioned(2, 4, 4)
    yield (np.linspace(-1, 1, 24).reshape(2, 4, 3), np.tril(a)), {}
    yield (np.linspace(-1, 1, 12).reshape(4, 3), np.triu(a)), {"upper": True}


def _np_gram(factor: Any, upper: bool) -> Any:
    factor = np.triu(factor) if upper else np.tril(factor)
    other = factor.swapaxes(-1, -2)
    return other @ factor if upper else factor @ other


@composite("linalg", samples=_factor_samples, reference=lambda b, f, upper=False: np.linalg.solve(
    _np_gram(f, upper), np.broadcast_to(b, (*f.shape[:-2], *b.shape[-2:]))))
def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:
    """X with (L L^H) X = B, or (L^H L) X = B if ``upper``, from a Cholesky factor L (..., n, n).

    As in PyTorch, the gradient of L is that of a dense matrix; its other triangle means nothing.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    for argument, x in (("b", B), ("u", L)):
        if x.ndim < 2:
            raise RuntimeError(f"{argument} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    check_same("cholesky_solve", L, B)
    check_square("cholesky_solve", L)
    check_equation("cholesky_solve", L, B, True)
    check_floating("cholesky_solve", B, "cholesky_solve_cpu")
    first, second = (mH(L), L) if upper else (L, mH(L))
    return triangular(second, triangular(first, B, upper=False, whole=True), upper=True, whole=True)


def _inverse_samples() -> Any:
    yield (np.tril(well_conditioned(2, 4, 4)),), {}
    yield (np.triu(well_conditioned(3, 3)),), {"upper": True}


@composite("linalg", samples=_inverse_samples, reference=lambda f, upper=False: np.linalg.inv(_np_gram(f, upper)))
def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of L L^H, or of L^H L if ``upper``, from a Cholesky factor L (..., n, n).

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
    """
    check_square("cholesky_inverse", L)
    check_floating("cholesky_inverse", L, "cholesky_inverse_out_cpu")
    return cholesky_solve(identity_like(L), L, upper)


def identity_like(x: Any, rows: int | None = None, columns: int | None = None) -> Any:
    """Identity matrices (rows, columns) of ``x``'s dtype, device and batch; by default of its sizes."""
    check_matrix("identity", x)
    shape = (*x.shape[:-2], x.shape[-2] if rows is None else rows, x.shape[-1] if columns is None else columns)
    return tril(triu(x.new_ones(shape)))
