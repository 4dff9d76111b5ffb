"""Inverses and solutions of linear systems: LAPACK's on the host, their derivatives by the same."""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core.layout import wrap_dim
from . import lapack
from .declare import composite
from .host import (
    check_equation,
    check_floating,
    check_info,
    check_same,
    check_square,
    expand_batch,
    host,
    linalg,
    mH,
    mT,
)
from .matmul import matmul
from .triangular import well_conditioned
from .view import movedim, narrow, reshape, squeeze, unsqueeze

# Inverses ---


def _inv_vjp(ctx: Any, g: Any, _: Any = None) -> tuple[Any]:
    if g is None:
        return (None,)
    x = mH(ctx.outputs[0])
    return (-matmul(x, matmul(g, x)),)


_inv = host("_inv", lambda a: lapack.each(np.linalg.inv, a), vjp=_inv_vjp, saves_out=(0,))


class InvResult(NamedTuple):
    """What ``linalg.inv_ex`` returns."""

    inverse: Any
    info: Any


_SINGULAR = ("The diagonal element {info} is zero, the inversion could not be completed because the input matrix is "
             "singular.")


def _square_samples() -> Any:
    yield (well_conditioned(2, 3, 3),), {}
    yield (well_conditioned(4, 4) + 1j * well_conditioned(4, 4, seed=1),), {}
    yield (well_conditioned(2, 3, 3)[:, :0, :0],), {}


def square_sample() -> Any:
    """One stack of square matrices."""
    yield (well_conditioned(2, 3, 3),), {}


@linalg(samples=square_sample, on_host=True, reference=lambda a: [np.linalg.inv(a), np.zeros(a.shape[:-2], "int32")])
def inv_ex(A: Any, *, check_errors: bool = False) -> InvResult:
    """(inverse, info) of matrices A (..., n, n); ``info`` (int32) is 0, or the first zero pivot of a singular one.

    The inverse of a singular matrix is NaN.

    Raises:
        RuntimeError: not square matrices of floating or complex elements.
        LinAlgError: with ``check_errors``, a singular matrix.
    """
    check_square("linalg.inv", A)
    check_floating("linalg.inv", A)
    inverse, info = _inv(A)
    if check_errors:
        check_info(info, "linalg.inv_ex", _SINGULAR)
    return InvResult(inverse, info)


@linalg(samples=_square_samples, on_host=True, reference=np.linalg.inv)
def inv(A: Any) -> Any:
    """The inverses of matrices A (..., n, n).

    Raises:
        RuntimeError: not square matrices of floating or complex elements.  LinAlgError: a singular one.
    """
    inverse, info = inv_ex(A)
    check_info(info, "linalg.inv", _SINGULAR)
    return inverse


@composite("linalg", samples=square_sample, on_host=True, reference=np.linalg.inv)
def inverse(input: Any) -> Any:
    """The inverses of matrices, as ``linalg.inv`` gives them."""
    return inv(input)


# Systems ---

def _solve_vjp(ctx: Any, g: Any, _: Any = None) -> tuple[Any, Any]:
    if g is None:
        return None, None
    a, x = ctx.operands[0], ctx.outputs[0]
    to_b = _solve(mH(a), g)[0]
    return (-matmul(to_b, mH(x)) if ctx.needs[0] else None), to_b


_solve = host("_solve", lapack.solve, vjp=_solve_vjp, saves=(0,), saves_out=(0,))


class SolveResult(NamedTuple):
    """What ``linalg.solve_ex`` returns."""

    result: Any
    info: Any


def _holds_vectors(a: Any, b: Any) -> bool:
    """PyTorch's rule: B is a stack of vectors if it is one, or has the shape of A without its last dimension."""
    return b.ndim == 1 or (a.ndim - 1 == b.ndim and tuple(b.shape) == tuple(a.shape[:-1]))


def _solve_samples() -> Any:
    a, b = well_conditioned(2, 3, 3), np.linspace(-1, 1, 12).reshape(2, 3, 2)
    yield (a, b), {}
    yield (a, b[..., 0]), {}
    yield (a, b[0]), {}
    yield (a[:1], b.swapaxes(-1, -2)), {"left": False}
    yield (a + 0.5j * a[::-1], b * (1 - 1j)), {}


def _np_solve(a: Any, b: Any, *, left: bool = True) -> Any:
    if _holds_vectors(a, b):
        return np.linalg.solve(a, np.broadcast_to(b, a.shape[:-1])[..., None])[..., 0]
    if left:
        return np.linalg.inv(a) @ b
    return b @ np.linalg.inv(a)


@linalg(samples=_solve_samples, on_host=True, reference=lambda a, b, left=True: [
    _np_solve(a, b, left=left), np.zeros(a.shape[:-2], "int32")])
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> SolveResult:
    """(X with A X = B (X A = B if not ``left``), info) for square A (..., n, n).

    B is (..., n, k), or a stack of vectors where its shape is that of A without the last dimension.
    ``info`` is, for each A, 0 or the first zero pivot of a singular matrix, whose X is NaN.

    Raises:
        RuntimeError: shapes or dtypes that don't match.
        LinAlgError: with ``check_errors``, a singular matrix.
    """
    name = "linalg.solve"
    check_same(name, A, B)
    check_square(name, A)
    vectors = _holds_vectors(A, B)
    if vectors and not left:
        raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. "
                           "In this case linalg.solve is equivalent to B / A.squeeze(-1)")
    right = unsqueeze(B, -1) if vectors else B
    check_equation(name, A, right, left)
    check_floating(name, A, "lu_cpu")
    if left:
        x, info = _solve(*expand_batch(A, right))
    else:
        x, info = _solve(*expand_batch(mT(A), mT(right)))
        x = mT(x)
    if check_errors:
        check_info(info, "torch.linalg.solve_ex", "The solver failed because the input matrix is singular.")
    return SolveResult(squeeze(x, -1) if vectors else x, _per_matrix(info, A.shape[:-2]))


def _per_matrix(info: Any, batch: Any) -> Any:
    """What is known of each matrix, though it was solved for several right sides."""
    if tuple(info.shape) == tuple(batch):
        return info
    if not info.numel():
        return info.new_zeros(batch)
    lead = info.ndim - len(batch)
    for i in range(info.ndim):
        info = narrow(info, i, 0, batch[i - lead] if i >= lead else 1)
    return reshape(info, tuple(batch))


@linalg(samples=_solve_samples, on_host=True, reference=_np_solve)
def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """X with A X = B (X A = B if not ``left``) for square A (..., n, n).

    B is (..., n, k), or a stack of vectors where its shape is that of A without the last dimension.

    Raises:
        RuntimeError: shapes or dtypes that don't match.  LinAlgError: a singular matrix.
    """
    x, info = solve_ex(A, B, left=left)
    check_info(info, "torch.linalg.solve", "The solver failed because the input matrix is singular.")
    return x


# Tensors as matrices ---

@linalg(samples=lambda: [((well_conditioned(6, 6).reshape(2, 3, 6),), {"ind": 2}),
                         ((well_conditioned(6, 6).reshape(6, 3, 2),), {"ind": 1})], on_host=True,
        reference=lambda a, ind=2: np.linalg.tensorinv(a, ind))
def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of ``tensordot`` with A: A's first ``ind`` dimensions as rows, the others as columns.

    Raises:
        RuntimeError: rows and columns differ in number, or a bad ``ind``.  LinAlgError: singular.
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    rows, columns = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    m, n = math.prod(rows), math.prod(columns)
    if m != n:
        raise RuntimeError(f"Expected self to satisfy the requirement prod(self.shape[ind:]) == "
                           f"prod(self.shape[:ind]), but got {n} != {m}")
    inverse, info = inv_ex(reshape(A, (m, n)))
    check_info(info, "linalg.tensorinv", "Failed to invert the input tensor, because it is singular.")
    return reshape(inverse, (*columns, *rows))


def _np_tensorsolve(a: Any, b: Any, dims: Any = None) -> Any:
    return np.linalg.tensorsolve(a, b, dims)


@linalg(samples=lambda: [((well_conditioned(6, 6).reshape(2, 3, 6), np.linspace(-1, 1, 6).reshape(2, 3)), {}),
                         ((well_conditioned(6, 6).reshape(2, 6, 3).copy(), np.linspace(-1, 1, 6).reshape(6)),
                          {"dims": (0, 2)})], on_host=True, reference=_np_tensorsolve)
def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """X with ``tensordot(A, X, X.ndim) == B``, after A's dimensions ``dims`` went to the end.

    Raises:
        RuntimeError: sizes that don't match.  LinAlgError: singular.
    """
    moved = A
    if dims is not None:
        last = [wrap_dim(d, A.ndim) for d in dims]
        moved = movedim(A, tuple(last), tuple(range(A.ndim - len(last), A.ndim)))
    columns = tuple(moved.shape[B.ndim:])
    n = math.prod(columns)
    if n != math.prod(B.shape):
        raise RuntimeError(f"Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                           f"prod(self.shape[:other.ndim]), but got {n} != {math.prod(B.shape)}")
    return reshape(solve(reshape(moved, (n, n)), reshape(B, (n,))), columns)

