"""Digests of elements."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from .comparison import bitwise_xor
from .declare import composite
from .join import cat
from .view import narrow, permute, reshape, view


def _words(x: Any) -> Any:
    """The elements as 64 bits: floats those of the same double, integers with their sign."""
    return view(x.to(dt.float64), dt.int64) if x.dtype.is_floating_point else x.to(dt.int64)


def _np_hash(x: Any, dim: Any = (), keepdim: bool = False) -> Any:
    wide = np.ascontiguousarray(x, np.float64 if x.dtype.kind == "f" else np.int64).reshape(x.shape).view(np.uint64)
    axes = tuple(range(x.ndim)) if dim == () else dim
    fold: Any = np.bitwise_xor.reduce
    return fold(wide, axes, keepdims=keepdim)


def _samples() -> Any:
    x = np.sin(np.arange(15.0)).reshape(3, 5)
    yield (x,), {}
    yield (x, 1), {"keepdim": True}


@composite("reduction", samples=_samples, reference=_np_hash)
def hash_tensor(input: Any, dim: Any = (), *, keepdim: bool = False, mode: int = 0) -> Any:
    """The exclusive or of the elements' 64 bits along dimensions, as uint64.

    Floating elements count as doubles, so that equal numbers have equal digests in every type.

    Args:
        dim: one dimension, or several; none for all of them.
        mode: 0, the exclusive or, is the only one.

    Raises:
        NotImplementedError: complex elements.  RuntimeError: no elements and no dimension, or another mode.
        IndexError: a dimension without elements.
    """
    if mode != 0:
        raise RuntimeError(f"hash_tensor: mode {mode} is not defined")
    if input.dtype.is_complex:
        raise NotImplementedError(f"\"hash_tensor\" not implemented for '{dt.SCALAR_NAMES[input.dtype]}'")
    dims = lay.wrap_dims(dim, input.ndim)
    if not input.numel() and dim in ((), [], None):
        raise RuntimeError("hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify "
                           "the reduction dim with the 'dim' argument.")
    if 0 in (input.shape[d] for d in dims):
        raise IndexError("hash_tensor: Expected reduction dims to have non-zero size.")
    rest = tuple(d for d in range(input.ndim) if d not in dims)
    kept = tuple(input.shape[d] for d in rest)
    x = reshape(permute(_words(input.detach()), (*rest, *dims)), (*kept, math.prod(input.shape[d] for d in dims)))
    n = x.shape[-1]
    while n > 1:
        half = n // 2
        folded = bitwise_xor(narrow(x, -1, 0, half), narrow(x, -1, half, half))
        x = cat([folded, narrow(x, -1, 2 * half, 1)], -1) if n % 2 else folded
        n = x.shape[-1]
    shape = tuple(1 if d in dims else n for d, n in enumerate(input.shape)) if keepdim else kept
    return view(reshape(x, shape), dt.uint64)
