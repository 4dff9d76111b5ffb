"""Optimizer updates: an expression's values for every tensor of a call."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..codegen.expr import Arg, Expr, cast, evaluate, to_storage
from ..codegen.types import register_dtype
from ..core.dtypes import DType
from ..core.layout import Layout

Build = Callable[..., Sequence[Expr]]


def scalars(build: Build, arrays: Sequence[Any], layouts: Sequence[Any], compute: DType) -> Any:
    """The results of ``build`` on operands that are tensors or numbers, computed in one type."""
    return _results(_values(build, arrays, layouts, compute))


def _results(found: list[Any]) -> Any:
    return tuple(found) if len(found) > 1 else found[0]


def _values(build: Build, arrays: Sequence[Any], layouts: Sequence[Any], compute: DType) -> list[Any]:
    nodes, values = [], []
    for i, (array, layout) in enumerate(zip(arrays, layouts)):
        held = register_dtype(layout.dtype) if isinstance(layout, Layout) else compute
        values.append(array if isinstance(layout, Layout) else to_storage(np.asarray(array), compute))
        nodes.append(cast(Arg(i, held), compute))
    return evaluate([cast(e, compute) for e in build(*nodes)], values)


def elements(build: Build, arrays: Sequence[Any], layouts: Sequence[Any], roles: int,
             count: int) -> Any:
    """New values of ``count`` tensors: operands are all roles of the first, of the second, ..., then uniforms."""
    compute = register_dtype(layouts[0].dtype)
    found: list[Any] = []
    for k in range(count):
        own, shared = slice(k * roles, (k + 1) * roles), slice(count * roles, None)
        found += _values(build, [*arrays[own], *arrays[shared]], [*layouts[own], *layouts[shared]], compute)
    return _results(found)
