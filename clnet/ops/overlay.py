"""Copies of a tensor with another written where a view looks: diagonal, slice and select scatter."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dispatch
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout, wrap_dim
from ..core.plan import Launch, Plan, Result
from ..kernels import elementwise as kernel
from .declare import composite, plain_bind, planner
from .view import diagonal, select, slice_


def _plan(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    """A copy of the base, and the source (a tensor or number) over the view's window of it."""
    base, source = operands
    whole = lay.dense(base.shape, base.dtype)
    window, offset = attrs["view"].view(whole, 0, **dict(attrs["attrs"]))
    launches = list(kernel.plan("copy", lambda x: [x], (base,), base.dtype, (whole,), caps).launches)
    if window.numel:
        held = source.dtype if isinstance(source, Layout) else base.dtype
        moved = kernel.plan("overlay", lambda _, y: [y], (base, source), held, (window,), caps)
        for launch in moved.launches:
            args = tuple(Result(0, offset) if isinstance(a, Result) else a for a in launch.args)
            launches.append(Launch(launch.spec, launch.global_size, args))
    return Plan((whole,), tuple(launches))


def _vjp(ctx: Any, g: Any) -> tuple[Any, Any]:
    view, attrs = ctx.attrs["view"], ctx.attrs["attrs"]
    part = None
    if ctx.needs[1]:
        part = dispatch.stack.top.run(view, (g,), dict(attrs)).to(ctx.layouts[1].dtype)
    return overlay(g, 0.0, view=view, attrs=attrs) if ctx.needs[0] else None, part


# Operands (base, source); attributes: the view operator and its (name, value) pairs.
overlay = planner("_overlay", plain_bind, _plan, family="view", vjp=_vjp, linear=True, public=False)


def _written(view: Any, attrs: dict[str, Any], input: Any, src: Any) -> Any:
    """The checked overlay of ``src`` over a view.

    Raises:
        RuntimeError: the view has another shape than ``src``.
    """
    window, _ = view.view(input.layout, 0, **attrs)
    if tuple(src.shape) != tuple(window.shape):
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = "
                           f"{list(src.shape)}, slice size = {list(window.shape)}")
    return overlay(input, src, view=view, attrs=tuple(attrs.items()))


def _diagonal_samples() -> Any:
    yield (np.arange(12.0).reshape(3, 4), -np.arange(3.0)), {}
    yield (np.arange(24.0).reshape(2, 3, 4), -np.arange(4.0).reshape(2, 2), -1, 1, 2), {}


def _np_diagonal_scatter(x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    out = x.copy()
    places = np.arange(x.size).reshape(x.shape).diagonal(offset, dim1, dim2)
    out.reshape(-1)[places] = src
    return out


@composite("view", samples=_diagonal_samples, reference=_np_diagonal_scatter)
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of ``input`` with ``src`` on the diagonal of two dimensions.

    Raises:
        RuntimeError: ``src`` does not have the diagonal's shape.
    """
    [_], attrs = diagonal.bind(input, offset, dim1, dim2)
    return _written(diagonal, attrs, input, src)


def slice_bounds(n: int, start: int | None, end: int | None) -> tuple[int, int]:
    """The bounds of a slice of ``n`` elements as Python takes them: wrapped, then cut."""
    first = 0 if start is None else int(start)
    last = n if end is None else int(end)
    first = min(max(first + n if first < 0 else first, 0), n)
    last = min(max(last + n if last < 0 else last, first), n)
    return first, last


def _slice_samples() -> Any:
    yield (np.arange(20.0).reshape(5, 4), -np.arange(8.0).reshape(2, 4), 0, 1, 3), {}
    yield (np.arange(20.0).reshape(5, 4), -np.arange(10.0).reshape(5, 2), 1), {"step": 2}
    yield (np.arange(20.0).reshape(5, 4), -np.arange(8.0).reshape(2, 4), 0, -2), {}


def _np_slice_scatter(x: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    out = x.copy()
    out[(slice(None),) * dim + (slice(start, end, step),)] = src
    return out


@composite("view", samples=_slice_samples, reference=_np_slice_scatter)
def slice_scatter(input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None,
                  step: int = 1) -> Any:
    """A copy of ``input`` with ``src`` over ``start:end:step`` of a dimension.

    Raises:
        RuntimeError: a step below one, or ``src`` does not have the slice's shape.
    """
    d = wrap_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    first, last = slice_bounds(input.shape[d], start, end)
    return _written(slice_, {"dim": d, "start": first, "end": last, "step": step}, input, src)


def _select_samples() -> Any:
    yield (np.arange(12.0).reshape(3, 4), -np.arange(4.0), 0, 1), {}
    yield (np.arange(12.0).reshape(3, 4), -np.arange(3.0), 1, -1), {}


def _np_select_scatter(x: Any, src: Any, dim: int, index: int) -> Any:
    out = x.copy()
    out[(slice(None),) * dim + (index,)] = src
    return out


@composite("view", samples=_select_samples, reference=_np_select_scatter)
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy of ``input`` with ``src`` at ``index`` of a dimension.

    Raises:
        IndexError: out of range.  RuntimeError: ``src`` does not have the slice's shape.
    """
    [_], attrs = select.bind(input, dim, index)
    return _written(select, attrs, input, src)
