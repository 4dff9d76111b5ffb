"""Operators computed on the host, and what those on matrices share: checks in PyTorch's words."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import dtypes as dt
from ..core import layout as lay
from ..core.errors import LinAlgError
from ..core.op import Op
from .complex import conj
from .declare import composite, plain_bind
from .view import expand, permute

COMPUTED = (dt.float32, dt.float64, dt.complex64, dt.complex128)


def host(name: str, compute: Callable[..., Any], **fields: Any) -> Op:
    """The record of an internal operator that NumPy computes.

    Args:
        compute: (arrays, attrs) -> array or tuple of arrays; the arrays are contiguous copies.
    """
    def run(arrays: Any, layouts: Any, attrs: dict[str, Any]) -> Any:
        return compute(*arrays, **attrs)

    return Op(name=name, kind="host", family="linalg", bind=plain_bind, host=run, public=False, on_host=True,
              **fields)


def no_derivative(name: str) -> Callable[..., Any]:
    """The vjp of an operator that PyTorch does not differentiate either: it raises RuntimeError."""
    def refuse(ctx: Any, *cotangents: Any) -> Any:
        raise RuntimeError(f"the derivative for '{name}' is not implemented")
    return refuse


def linalg(**fields: Any) -> Callable[[Callable[..., Any]], Op]:
    """Decorator: a composite under ``linalg``; ``top`` names the same function at the top level."""
    top = fields.pop("top", None)

    def wrap(body: Callable[..., Any]) -> Op:
        made = composite("linalg", namespace="linalg", method=False, **fields)(body)
        if top:
            composite("linalg", **fields | {"name": top})(body)
        return made
    return wrap


def mT(x: Any) -> Any:
    """The last two dimensions swapped."""
    n = x.ndim
    return permute(x, (*range(n - 2), n - 1, n - 2))


def mH(x: Any) -> Any:
    """The conjugate transpose of the last two dimensions."""
    return conj(mT(x)) if x.dtype.is_complex else mT(x)


def scalar_name(x: Any) -> str:
    """What PyTorch's messages call the elements' type."""
    return dt.SCALAR_NAMES.get(x.dtype, str(x.dtype))


def check_matrix(name: str, x: Any, argument: str = "A") -> None:
    """Raises RuntimeError unless ``x`` has two dimensions at least."""
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions.")


def check_square(name: str, x: Any, argument: str = "A") -> None:
    """Raises RuntimeError unless ``x`` is a stack of square matrices."""
    check_matrix(name, x, argument)
    m, n = x.shape[-2:]
    if m != n:
        raise RuntimeError(f"{name}: {argument} must be batches of square matrices, but they are {m} by {n} "
                           "matrices")


def check_floating(name: str, x: Any, kernel: str = "") -> None:
    """Whether the elements are of a type that factorizations take.

    Raises:
        RuntimeError: integers, or floats of 16 bits.  NotImplementedError: the latter, where
            PyTorch names the ``kernel`` that it lacks.
    """
    if x.dtype in COMPUTED:
        return
    if not x.dtype.is_inexact:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got "
                           f"{scalar_name(x)}")
    if kernel:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{scalar_name(x)}'")
    raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {scalar_name(x)}")


def check_same(name: str, a: Any, b: Any, first: str = "A") -> None:
    """Raises RuntimeError unless both have one dtype."""
    if a.dtype is not b.dtype:
        raise RuntimeError(f"{name}: Expected {first} and B to have the same dtype, but found {first} of type "
                           f"{scalar_name(a)} and B of type {scalar_name(b)} instead")


def check_equation(name: str, a: Any, b: Any, left: bool) -> None:
    """Raises RuntimeError unless AX = B (or XA = B) fits."""
    check_matrix(name, b, "B")
    if a.shape[-1] != b.shape[-2 if left else -1]:
        raise RuntimeError(f"{name}: Incompatible shapes of A and B for the equation "
                           f"{'AX = B' if left else 'XA = B'} ({a.shape[-2]}x{a.shape[-1]} and "
                           f"{b.shape[-2]}x{b.shape[-1]})")


def check_info(info: Any, name: str, text: str, error: type[RuntimeError] = LinAlgError) -> None:
    """Raises ``error`` for the first matrix whose info is not 0; waits for the device.

    Args:
        text: with ``{info}`` where the number belongs.
    """
    codes = info.tolist_flat()
    for place, code in enumerate(codes):
        if code:
            batch = f"(Batch element {place}): " if info.ndim else ""
            raise error(f"{name}: {batch}{text.format(info=code)}")


def expand_batch(*matrices: Any) -> tuple[Any, ...]:
    """The operands with their batch dimensions broadcast."""
    batch = lay.broadcast_shapes(*(tuple(x.shape[:-2]) for x in matrices))
    return tuple(x if tuple(x.shape[:-2]) == batch else expand(x, (*batch, *x.shape[-2:])) for x in matrices)
