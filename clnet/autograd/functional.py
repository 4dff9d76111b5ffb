"""Derivatives of Python functions: products with Jacobians, Jacobians and Hessians."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import engine, forward_ad
from .mode import enable_grad


def _as_tuple(x: Any) -> tuple[tuple[Any, ...], bool]:
    return (tuple(x), True) if isinstance(x, (tuple, list)) else ((x,), False)


def _leaves(inputs: tuple[Any, ...], create_graph: bool) -> tuple[Any, ...]:
    """Inputs to differentiate by: connected copies if the result is differentiated again."""
    if create_graph:
        return tuple(x.view(x.shape) if x.requires_grad else x.detach().requires_grad_() for x in inputs)
    return tuple(x.detach().requires_grad_() for x in inputs)


def _unwrap(values: Any, was_tuple: bool) -> Any:
    return tuple(values) if was_tuple else values[0]


def _settle(x: Any, create_graph: bool) -> Any:
    return x if create_graph else x.detach()


def _zero_if_none(grads: Any, like: Any) -> list[Any]:
    return [x.detach().zeros_like() if g is None else g for g, x in zip(grads, like)]


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """(func(inputs), v^T J): the product of ``v``, shaped like the output, with the Jacobian."""
    ins, many = _as_tuple(inputs)
    with enable_grad():
        xs = _leaves(ins, create_graph)
        outputs, many_out = _as_tuple(func(*xs))
        vs = _as_tuple(v)[0] if v is not None else (None,) * len(outputs)
        found = engine.grad(outputs, xs, vs, create_graph=create_graph, allow_unused=True)
    got = _zero_if_none(found, xs)
    return (_unwrap([_settle(y, create_graph) for y in outputs], many_out), _unwrap(got, many))


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """(func(inputs), J v): the product of the Jacobian with ``v``, shaped like the inputs."""
    ins, _ = _as_tuple(inputs)
    vs = _as_tuple(v)[0] if v is not None else tuple(x.detach().ones_like() for x in ins)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(x, t) for x, t in zip(ins, vs)]
        outputs, many = _as_tuple(func(*duals))
        pairs = [forward_ad.unpack_dual(y) for y in outputs]
    primals = [_settle(p.primal, create_graph) for p in pairs]
    tangents = [p.primal.detach().zeros_like() if p.tangent is None else _settle(p.tangent, create_graph)
                for p in pairs]
    return _unwrap(primals, many), _unwrap(tangents, many)


def jacobian(func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
             vectorize: bool = False, strategy: str = "reverse-mode") -> Any:
    """The Jacobian, shaped (output shape) + (input shape); nested tuples for several of either."""
    ins, many_in = _as_tuple(inputs)
    with enable_grad():
        xs = _leaves(ins, create_graph)
        outputs, many_out = _as_tuple(func(*xs))
        rows: list[Any] = []
        for y in outputs:
            columns: list[list[Any]] = [[] for _ in xs]
            for element in y.reshape(-1).unbind(0):
                got = (engine.grad(element, xs, retain_graph=True, create_graph=create_graph, allow_unused=True)
                       if element.requires_grad else [None] * len(xs))
                for column, g in zip(columns, _zero_if_none(got, xs)):
                    column.append(g)
            rows.append(_unwrap([_stack(c, y, x) for c, x in zip(columns, xs)], many_in))
    return _unwrap(rows, many_out)


def _stack(column: list[Any], y: Any, x: Any) -> Any:
    shape = (*y.shape, *x.shape)
    if not column:
        return x.new_zeros(shape)
    flat = column[0].new_zeros((len(column), *x.shape))
    for i, g in enumerate(column):
        flat.select(0, i).copy_(g)
    return flat.reshape(shape)


def hessian(func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
            vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """The Hessian of a scalar function, by the Jacobian of its gradient."""
    ins, many = _as_tuple(inputs)

    def gradient(*xs: Any) -> Any:
        return jacobian(func, xs if many else xs[0], create_graph=True)

    return jacobian(gradient, inputs, create_graph)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """(func(inputs), H v) for a scalar function."""
    ins, many = _as_tuple(inputs)
    vs = _as_tuple(v)[0] if v is not None else (None,)
    with enable_grad():
        xs = _leaves(ins, True)
        y = func(*xs)
        first = engine.grad(y, xs, create_graph=True, allow_unused=True)
        got = engine.grad(_zero_if_none(first, xs), xs, vs, create_graph=create_graph, allow_unused=True)
    return _settle(y, create_graph), _unwrap(_zero_if_none(got, xs), many)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """(func(inputs), v^T H) for a scalar function; the Hessian is symmetric."""
    return hvp(func, inputs, v, create_graph, strict)
