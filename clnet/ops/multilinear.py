"""Products of vectors and tensors: inner, outer added, Kronecker, cross."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from ..core.layout import wrap_dim
from .arithmetic import mul
from .complex import conj
from .declare import composite
from .einsum import tensordot
from .host import check_floating, scalar_name
from .join import cat
from .matmul import addmm, dot, outer
from .reduction import sum as sum_
from .view import expand, narrow, permute, reshape


def _array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(sum(shape) + seed).uniform(-1.0, 1.0, shape)


def _calls(*shapes: tuple[tuple[int, ...], ...]) -> Any:
    def samples() -> Any:
        for group in shapes:
            yield tuple(_array(*s, seed=i) for i, s in enumerate(group)), {}
    return samples


# Vectors ---

@composite("matmul", samples=_calls(((4,), (4,)), ((2, 3), (4, 3)), ((2, 3), ())), reference=np.inner)
def inner(input: Any, other: Any) -> Any:
    """Sums of products over the last dimension of both: (..., n) and (... , n) give (..., ...).

    Raises:
        RuntimeError: the last dimensions or the dtypes differ.
    """
    if not input.ndim or not other.ndim:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError("inner() the last dimension must match on both input tensors but got shapes "
                           f"{list(input.shape)} and {list(other.shape)}")
    if input.ndim == other.ndim == 1:
        return dot(input, other)
    return tensordot(input, other, ([-1], [-1]))


@composite("matmul", samples=_calls(((5,), (5,)), ((0,), (0,))), reference=np.vdot)
def vdot(input: Any, other: Any) -> Any:
    """The inner product of two vectors, the first conjugated.

    Raises:
        RuntimeError: not vectors, or their sizes or dtypes differ.
    """
    return dot(conj(input) if input.dtype.is_complex else input, other)


@composite("matmul", namespace="linalg", method=False,
           samples=lambda: [((_array(2, 3), _array(2, 3, seed=1)), {}), ((_array(2, 3), _array(2, 1)), {"dim": 0})],
           reference=lambda x, y, dim=-1: np.sum(x * y, dim))
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """Inner products along a dimension, ``x`` conjugated; the others broadcast.

    Raises:
        RuntimeError: shapes or dtypes that don't match, or integers.
    """
    if x.dtype is not y.dtype:
        raise RuntimeError(f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
                           f"{scalar_name(x)} and y of type {scalar_name(y)} instead")
    if not x.dtype.is_inexact:
        check_floating("linalg.vecdot", x)
    return sum_(mul(conj(x) if x.dtype.is_complex else x, y), wrap_dim(dim, max(x.ndim, y.ndim)))


def _np_added(c: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return beta * c + alpha * np.outer(a, b)


def _scaled(*shapes: tuple[int, ...]) -> Any:
    def samples() -> Any:
        arrays = tuple(_array(*s, seed=i) for i, s in enumerate(shapes))
        yield arrays, {}
        yield arrays, {"beta": 0.5, "alpha": -2.0}
    return samples


def _check_scale(dtype: Any, **factors: Any) -> None:
    for name, value in factors.items():
        if isinstance(value, bool) and dtype is not dt.bool_:
            raise RuntimeError(f"Boolean {name} only supported for Boolean results.")
        if not dtype.is_inexact and isinstance(value, float):
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")


@composite("matmul", samples=_scaled((3, 4), (3,), (4,)), reference=_np_added, inplace=True)
def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * outer(vec1, vec2)``; for bool, "or" of "and"s.  Dtypes are promoted.

    Raises:
        RuntimeError: not vectors, or an ``input`` that does not expand to the product.
    """
    for name, x in (("vec1", vec1), ("vec2", vec2)):
        if x.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {x.ndim}-D")
    shape = (vec1.shape[0], vec2.shape[0])
    if input.ndim > 2 or any(n not in (1, m) for n, m in zip(reversed(input.shape), reversed(shape))):
        raise RuntimeError(f"The expanded size of the tensor must match the existing size.  Target sizes: "
                           f"{list(shape)}.  Tensor sizes: {list(input.shape)}")
    product = outer(vec1, vec2)
    _check_scale(dt.promote(input.dtype, product.dtype), beta=beta, alpha=alpha)
    if input.dtype is product.dtype is dt.bool_:
        chosen = product if alpha else product.new_zeros(shape, dtype=dt.bool_)
        return chosen | input if beta else chosen
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product.to(dt.promote(input.dtype, product.dtype))
    return product + (input if beta == 1 else input * beta)


@composite("matmul", samples=_scaled((3, 2), (2, 3, 4), (2, 4, 2)), reference=lambda c, a, b, beta=1, alpha=1: (
    beta * c + alpha * np.matmul(a, b).sum(0)), inplace=True)
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * sum over b of batch1[b] @ batch2[b]``, as one product.

    Raises:
        RuntimeError: operands that are not 3-d, or shapes or dtypes that don't match.
    """
    for name, x in (("batch1", batch1), ("batch2", batch2)):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    (count, m, k), (count2, k2, n) = batch1.shape, batch2.shape
    if count != count2:
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {count} and {count2}")
    if k != k2:
        raise RuntimeError("Incompatible matrix sizes for bmm "
                           f"({m}x{k} and {k2}x{n})")
    if not input.dtype.is_inexact:
        beta, alpha = int(beta), int(alpha)
    rows = reshape(permute(batch1, (1, 0, 2)), (m, count * k))
    return addmm(input, rows, reshape(batch2, (count * k, n)), beta=beta, alpha=alpha)


@composite("matmul", samples=_calls(((2, 3), (3, 2)), ((3,), (2, 2)), ((), (2,))), reference=np.kron)
def kron(input: Any, other: Any) -> Any:
    """The Kronecker product: every element of ``input`` times all of ``other``."""
    n = max(input.ndim, other.ndim)
    first, second = ((1,) * (n - x.ndim) + tuple(x.shape) for x in (input, other))
    a = reshape(input, tuple(size for m in first for size in (m, 1)))
    b = reshape(other, tuple(size for m in second for size in (1, m)))
    return reshape(mul(a, b), tuple(p * q for p, q in zip(first, second)))


# Cross products ---

def _turned(x: Any, dim: int, by: int) -> Any:
    """Three elements rotated: the one at ``by`` comes first."""
    return cat((narrow(x, dim, by, 3 - by), narrow(x, dim, 0, by)), dim)


def _cross(a: Any, b: Any, dim: int) -> Any:
    return _turned(a, dim, 1) * _turned(b, dim, 2) - _turned(a, dim, 2) * _turned(b, dim, 1)


@composite("matmul", name="cross", namespace="linalg", method=False,
           samples=lambda: [((_array(2, 3), _array(1, 3)), {}), ((_array(3, 2), _array(3, 2, seed=1)), {"dim": 0})],
           reference=lambda a, b, dim=-1: np.cross(a, b, axis=dim))
def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """Cross products of vectors of three elements along ``dim``; the other dimensions broadcast.

    Raises:
        RuntimeError: the numbers of dimensions differ, or ``dim`` has not three elements.
    """
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    d = wrap_dim(dim, input.ndim)
    if input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[d]} and "
                           f"{other.shape[d]}")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"expected scalar type {scalar_name(input)} but found {scalar_name(other)}")
    if input.dtype is dt.bool_:
        raise NotImplementedError("\"cross\" not implemented for 'Bool'")
    shape = lay.broadcast_shapes(tuple(input.shape), tuple(other.shape))
    return _cross(expand(input, shape), expand(other, shape), d)


@composite("matmul", samples=lambda: [((_array(2, 3), _array(2, 3, seed=1)), {}),
                                      ((_array(3, 3), _array(3, 3, seed=1), 1), {})],
           reference=lambda a, b, dim=None: np.cross(a, b, axis=a.shape.index(3) if dim is None else dim))
def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """Cross products along ``dim``; by default along the first dimension of size 3.

    Raises:
        RuntimeError: no such dimension, or shapes that don't match.
    """
    if dim is None:
        found = [d for d, n in enumerate(input.shape) if n == 3]
        if not found:
            raise RuntimeError("no dimension of size 3 in input")
        dim = found[0]
    return linalg_cross(input, other, dim=dim)
