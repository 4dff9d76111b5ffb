"""Reductions over ``attrs["dims"]``."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .table import statements


def _reduced(compute: Callable[..., Any]) -> Callable[..., Any]:
    """(x, dims, keepdim) -> result as a statement; without dimensions each element is reduced."""
    def statement(arrays: list[Any], layouts: list[Any], attrs: dict[str, Any]) -> Any:
        dims = attrs["dims"] if np.ndim(arrays[0]) else None
        return compute(arrays[0], dims, bool(attrs["keepdim"]), attrs)
    return statement


def _wide(x: Any, attrs: dict[str, Any]) -> Any:
    """The elements as they are added up: floats exactly enough, integers modulo 2**64."""
    kind = attrs.get("dtype")
    floating = kind.is_floating_point if kind is not None else x.dtype.kind == "f"
    return x if x.dtype.kind == "c" else x.astype("float64" if floating else "int64")


def _mean(x: Any, dims: Any, keep: bool) -> Any:
    """The mean; of no elements it is 0 / 0."""
    total = np.sum(x, dims, keepdims=True)
    result = total / np.sum(np.ones(x.shape), dims, keepdims=True)
    return result if keep else np.squeeze(result, dims)


statements.of("sum")(_reduced(lambda x, d, k, attrs: np.sum(_wide(x, attrs), d, keepdims=k)))
statements.of("mean")(_reduced(lambda x, d, k, attrs: _mean(_wide(x, attrs), d, k)))
statements.of("prod")(_reduced(lambda x, d, k, attrs: np.prod(_wide(x, attrs), d, keepdims=k)))
statements.of("any")(_reduced(lambda x, d, k, attrs: np.any(x != 0, d, keepdims=k)))
statements.of("all")(_reduced(lambda x, d, k, attrs: np.all(x != 0, d, keepdims=k)))
statements.of("count_nonzero")(_reduced(lambda x, d, k, attrs: np.sum(x != 0, d, keepdims=k)))
statements.of("amax")(_reduced(lambda x, d, k, attrs: np.max(x, d, keepdims=k)))
statements.of("amin")(_reduced(lambda x, d, k, attrs: np.min(x, d, keepdims=k)))


@statements.of("vector_norm")
@_reduced
def _vector_norm(x: Any, dims: Any, keep: bool, attrs: dict[str, Any]) -> Any:
    order, size = attrs["ord"], np.abs(x).astype("float64")
    if order == np.inf:
        return np.max(size, dims, keepdims=keep)
    if order == -np.inf:
        return np.min(size, dims, keepdims=keep)
    if order == 0:
        return np.sum(size != 0, dims, keepdims=keep)
    return np.sum(size ** order, dims, keepdims=keep) ** (1 / order)


def _position(x: Any, dims: Any, keep: bool, find: Callable[..., Any]) -> Any:
    """Where the extreme of all ``dims`` together stands, the first of equals."""
    dims = tuple(range(x.ndim)) if dims is None else dims
    rest = [d for d in range(x.ndim) if d not in dims]
    rows = np.transpose(x, [*rest, *dims]).reshape(*(x.shape[d] for d in rest), -1)
    found = find(rows, -1)
    return found.reshape([1 if d in dims else x.shape[d] for d in range(x.ndim)]) if keep else found


def _indexed(find: Callable[..., Any], extreme: Callable[..., Any] | None) -> Callable[..., Any]:
    def compute(x: Any, dims: Any, keep: bool, attrs: dict[str, Any]) -> Any:
        at = _position(x, dims, keep, find)
        return at if extreme is None else (extreme(x, dims, keepdims=keep), at)
    return _reduced(compute)


statements.of("argmax")(_indexed(np.argmax, None))
statements.of("argmin")(_indexed(np.argmin, None))
statements.of("_max_dim")(_indexed(np.argmax, np.max))
statements.of("_min_dim")(_indexed(np.argmin, np.min))
