"""Differences and integrals of samples: diff, trapezoid, cumulative_trapezoid, gradient."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.layout import wrap_dim
from .comparison import logical_xor
from .declare import composite
from .join import cat
from .reduction import sum as sum_
from .scan import cumsum
from .view import narrow, reshape, select


def _data() -> Any:
    return np.random.default_rng(3).permutation(24).reshape(2, 3, 4) / 4 - 1.3


def _pair(x: Any, d: int) -> tuple[Any, Any]:
    """All elements along ``d`` but the last, and all but the first."""
    n = max(x.shape[d] - 1, 0)
    return narrow(x, d, 0, n), narrow(x, d, x.shape[d] - n, n)


def _diff_samples() -> Any:
    x = _data()
    for kw in ({}, {"n": 2, "dim": 1}, {"dim": 0, "prepend": x[:1] * 2}, {"n": 5}):
        yield (x,), kw


def _np_diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    kw = {k: v for k, v in (("prepend", prepend), ("append", append)) if v is not None}
    return np.diff(x, min(n, x.shape[dim]), dim, **kw)


@composite("scan", samples=_diff_samples, reference=_np_diff)
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The ``n``-th differences of neighbours along a dimension; of bools, whether they differ.

    Args:
        prepend, append: values set before and behind the input along ``dim``.

    Raises:
        RuntimeError: a 0-d input, negative ``n``, or shapes that don't fit.
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    d = wrap_dim(dim, input.ndim)
    for extra in (prepend, append):
        if extra is not None and extra.ndim != input.ndim:
            raise RuntimeError(f"diff expects prepend or append to be the same dimension as input, got "
                               f"{extra.ndim} and {input.ndim} dimensions")
    parts = [x for x in (prepend, input, append) if x is not None]
    result = cat(parts, d) if len(parts) > 1 and n else input
    if n >= result.shape[d]:
        return narrow(result, d, 0, 0)
    for _ in range(n):
        before, after = _pair(result, d)
        result = logical_xor(after, before) if result.dtype is dt.bool_ else after - before
    return result if n else result.clone()


# Integrals ---

def _steps(name: str, y: Any, x: Any, dim: int) -> Any:
    """Widths between the points ``x`` along ``dim`` of ``y``, of a shape that broadcasts."""
    for given, label in ((y, "y"), (x, "x")):
        if given.dtype is dt.bool_:
            raise RuntimeError(f"{name}: received a bool input for `{label}`, but bool is not supported")
    if x.ndim == 1:
        if x.shape[0] != y.shape[dim]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point, got {x.shape[0]} for "
                               f"{y.shape[dim]}")
        wide = reshape(x, tuple(-1 if d == dim else 1 for d in range(y.ndim)))
    else:
        wide = reshape(x, (1,) * max(y.ndim - x.ndim, 0) + tuple(x.shape))
        dim += wide.ndim - y.ndim
    before, after = _pair(wide, dim)
    return after - before


def _trapezoids(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """Twice the areas between neighbouring points, and their dimension."""
    d = wrap_dim(dim, y.ndim)
    if x is not None and dx is not None:
        raise TypeError(f"{name}() takes x or dx, not both")
    if y.dtype is dt.bool_:
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    if not y.ndim:
        raise IndexError(f"{name}: expected at least one dimension")
    left, right = _pair(y, d)
    if x is None:
        return (left + right) * (1 if dx is None else dx), d
    areas = _steps(name, y, x, d) * (left + right)
    return areas, d + areas.ndim - y.ndim


def _integral_samples() -> Any:
    y = _data()
    yield (y,), {}
    yield (y,), {"dx": 0.5, "dim": 1}
    yield (y, np.array([0.0, 1, 1.5, 4])), {}
    yield (y, np.cumsum(np.abs(y), 0)), {"dim": 0}


def _np_trapezoid(y: Any, x: Any = None, dx: float = 1, dim: int = -1) -> Any:
    return np.trapezoid(y, x, dx, dim)


def _integral(name: str, y: Any, x: Any, dx: Any, dim: int) -> Any:
    d = wrap_dim(dim, y.ndim)
    if y.ndim and not y.shape[d]:
        return sum_(y, d)
    if x is None and y.ndim and y.dtype is not dt.bool_:
        ends = (select(y, d, 0) + select(y, d, -1)) / 2
        return (sum_(y, d) - ends) * (1 if dx is None else dx)
    areas, d = _trapezoids(name, y, x, dx, dim)
    return sum_(areas, d) / 2


@composite("scan", samples=_integral_samples, reference=_np_trapezoid, method=False)
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral along a dimension by the trapezoidal rule.

    Args:
        x: the points at which ``y`` was sampled; else they lie ``dx`` (1) apart.

    Raises:
        RuntimeError: bool elements, or points that don't fit the samples.
    """
    return _integral("trapezoid", y, x, dx, dim)


@composite("scan", samples=_integral_samples, reference=_np_trapezoid, method=False)
def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The same as ``trapezoid``."""
    return _integral("trapezoid", y, x, dx, dim)


def _np_cumulative(y: Any, x: Any = None, dx: float = 1, dim: int = -1) -> Any:
    y = np.moveaxis(y, dim, -1)
    if x is not None:
        dx = np.diff(np.moveaxis(x, dim, -1) if x.ndim > 1 else x)
    return np.moveaxis(np.cumsum((y[..., 1:] + y[..., :-1]) / 2 * dx, -1), -1, dim)


@composite("scan", samples=_integral_samples, reference=_np_cumulative, method=False)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integrals up to every point along a dimension, by the trapezoidal rule.

    Raises:
        RuntimeError: bool elements, or points that don't fit the samples.
    """
    areas, d = _trapezoids("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(areas, d) / 2


# Derivatives of samples ---

def _slopes(x: Any, d: int, spacing: Any, edge_order: int) -> Any:
    """The derivative along ``d`` for a step or a 1-d tensor of coordinates (Fornberg 1988)."""
    n = x.shape[d]

    def at(start: int, count: int) -> Any:
        return narrow(x, d, start, count)

    if isinstance(spacing, (int, float, complex)):
        inner = (at(2, n - 2) - at(0, n - 2)) / (2 * spacing)
        if edge_order == 1:
            first, last = (at(1, 1) - at(0, 1)) / spacing, (at(n - 1, 1) - at(n - 2, 1)) / spacing
        else:
            first = (at(0, 1) * -1.5 + at(1, 1) * 2 - at(2, 1) * 0.5) / spacing
            last = (at(n - 1, 1) * 1.5 - at(n - 2, 1) * 2 + at(n - 3, 1) * 0.5) / spacing
        return cat([first, inner, last], d)
    if not spacing.dtype.is_inexact:
        spacing = spacing.to(dt.get_default_dtype())
    steps = reshape(narrow(spacing, 0, 1, n - 1) - narrow(spacing, 0, 0, n - 1),
                    tuple(-1 if e == d else 1 for e in range(x.ndim)))
    before, after = narrow(steps, d, 0, n - 2), narrow(steps, d, 1, n - 2)
    inner = (at(2, n - 2) * (before * before) + at(1, n - 2) * (after * after - before * before)
             - at(0, n - 2) * (after * after)) / (before * after * (before + after))

    def edge(near: Any, far: Any, values: tuple[Any, Any, Any]) -> Any:
        both = near + far
        return (values[0] * (-(near + both) / (near * both)) + values[1] * (both / (near * far))
                - values[2] * (near / (far * both)))

    if edge_order == 1:
        first = (at(1, 1) - at(0, 1)) / narrow(steps, d, 0, 1)
        last = (at(n - 1, 1) - at(n - 2, 1)) / narrow(steps, d, n - 2, 1)
    else:
        first = edge(narrow(steps, d, 0, 1), narrow(steps, d, 1, 1), (at(0, 1), at(1, 1), at(2, 1)))
        last = -edge(narrow(steps, d, n - 2, 1), narrow(steps, d, n - 3, 1),
                     (at(n - 1, 1), at(n - 2, 1), at(n - 3, 1)))
    return cat([first, inner, last], d)


def _gradient_samples() -> Any:
    x = _data()[:, :, :3]
    yield (x[0],), {}
    yield (x,), {"spacing": 0.5, "dim": 1, "edge_order": 2}
    yield (x,), {"spacing": (np.array([0.0, 1.0, 3.0]),), "dim": (2,), "edge_order": 2}


def _np_gradient(x: Any, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> Any:
    given: Any = spacing if isinstance(spacing, tuple) else (spacing,)
    order: Any = edge_order
    got = np.gradient(x, *given, axis=dim, edge_order=order)
    return tuple(got) if isinstance(got, (tuple, list)) else (got,)


@composite("scan", samples=_gradient_samples, reference=_np_gradient, method=False)
def gradient(input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """Derivatives of samples along dimensions (all by default), by second-order differences.

    Args:
        spacing: the step (1), a step per dimension, or a tensor of coordinates per dimension.
        edge_order: 1 or 2, the order of the differences at both ends.

    Raises:
        RuntimeError: a dimension with fewer than ``edge_order + 1`` elements, or a spacing that
            doesn't fit the dimensions.
    """
    if edge_order not in (1, 2):
        raise RuntimeError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    given = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    dims = [wrap_dim(d, input.ndim) for d in given]
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"dim {dims} appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    steps = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(f"torch.gradient expected spacing to be unspecified, a scalar or a list of length "
                           f"{len(dims)}, but got a list of length {len(steps)}")
    for d, step in zip(dims, steps):
        if input.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1, got "
                               f"{input.shape[d]} along dimension {d}")
        if not isinstance(step, (int, float, complex)) and step.numel() != input.shape[d]:
            raise RuntimeError(f"torch.gradient expected coordinates to have as many elements as dimension {d}, "
                               f"got {step.numel()} for {input.shape[d]}")
    return tuple(_slopes(input, d, step, edge_order) for d, step in zip(dims, steps))
