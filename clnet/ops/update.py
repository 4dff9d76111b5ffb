"""Optimizer updates: one kernel per parameter writes the parameter and its state together.

The functions take lists, one entry per parameter, so that several parameters can share a launch.
Everything that changes from step to step (learning rate, corrections of the step count) is a
run-time operand: a number, or a 0-d tensor on the device.  Calls belong under ``no_grad``.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..codegen.expr import Expr
from ..codegen.primitives import f
from ..codegen.types import register_dtype
from ..core import dispatch
from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..kernels import elementwise as kernel
from .declare import planner

Build = Callable[..., list[Expr]]


def _update(name: str, build: Callable[..., Build]) -> Any:
    """A record whose results are written over the tensors given as ``out``.

    ``build`` takes the attributes and returns the expressions of the operands.
    """
    def plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        # 16-bit parameters compute in float32 throughout and are rounded once, on writing.
        compute = register_dtype(out[-1].dtype)
        return kernel.plan(name, build(**attrs), operands, compute, out, caps)

    return planner(name, lambda *operands, **attrs: (operands, attrs), plan, family="update", public=False)


def _direction(p: Expr, g: Expr, weight_decay: Expr, decay: bool, maximize: bool) -> Expr:
    """The gradient to descend, with the L2 penalty's."""
    g = -g if maximize else g
    return g + weight_decay * p if decay else g


def _sgd(decay: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, lr: Expr, weight_decay: Expr) -> list[Expr]:
        return [p - lr * _direction(p, g, weight_decay, decay, maximize)]
    return build


def _sgd_momentum(decay: bool, maximize: bool, nesterov: bool, first: bool) -> Build:
    def build(p: Expr, g: Expr, buffer: Expr, lr: Expr, weight_decay: Expr, momentum: Expr,
              share: Expr) -> list[Expr]:
        g = _direction(p, g, weight_decay, decay, maximize)
        moved = g if first else momentum * buffer + share * g
        return [p - lr * (g + momentum * moved if nesterov else moved), moved]
    return build


sgd_step = _update("_sgd_step", _sgd)
sgd_momentum_step = _update("_sgd_momentum_step", _sgd_momentum)


def sgd_update(params: Sequence[Any], grads: Sequence[Any], buffers: Sequence[Any] | None, *, lr: Any,
               momentum: float, dampening: float, weight_decay: float, nesterov: bool, maximize: bool,
               first: bool) -> None:
    """One step of stochastic gradient descent, in place.

    Args:
        params, grads: of equal shapes, one by one.
        buffers: the running directions, or None without momentum; contents are ignored if ``first``.
        lr: a number or a 0-d tensor.
    """
    run = dispatch.stack.top.run
    attrs: dict[str, Any] = {"decay": weight_decay != 0, "maximize": maximize}
    if buffers is None:
        for p, g in zip(params, grads):
            run(sgd_step, (p, g, lr, float(weight_decay)), attrs, (p,))
        return
    attrs |= {"nesterov": nesterov, "first": first}
    numbers = (lr, float(weight_decay), float(momentum), 1.0 - dampening)
    for p, g, b in zip(params, grads, buffers):
        run(sgd_momentum_step, (p, g, b, *numbers), attrs, (p, b))


def _adam_corrections() -> Build:
    def build(step: Expr, lr: Expr, log_beta1: Expr, log_beta2: Expr) -> list[Expr]:
        # 1 - beta ** step without cancellation: the powers are close to 1 in float32.
        now = step + 1
        return [now, lr / -f("expm1", now * log_beta1), f("sqrt", -f("expm1", now * log_beta2))]
    return build


def _adam(decay: bool, decoupled: bool, maximize: bool, amsgrad: bool) -> Build:
    def build(p: Expr, g: Expr, average: Expr, square: Expr, *rest: Expr) -> list[Expr]:
        largest, rest = (rest[0], rest[1:]) if amsgrad else (None, rest)
        step_size, root, lr, weight_decay, share1, beta2, share2, eps = rest
        g = _direction(p, g, weight_decay, decay and not decoupled, maximize)
        if decay and decoupled:
            p = p * (1 - lr * weight_decay)
        average = average + share1 * (g - average)
        square = square * beta2 + share2 * (g * g)
        results = [average, square]
        if largest is not None:
            square = f("max", largest, square)
            results.append(square)
        return [p - step_size * (average / (f("sqrt", square) / root + eps)), *results]
    return build


adam_corrections_step = _update("_adam_corrections", _adam_corrections)
adam_step = _update("_adam_step", _adam)


def adam_corrections(step: Any, step_size: Any, root: Any, *, lr: Any, beta1: float, beta2: float) -> None:
    """Count ``step`` up and write ``lr / (1 - beta1 ** step)`` and ``sqrt(1 - beta2 ** step)``.

    All three are 0-d tensors; the computation has the type of ``root``.
    """
    logs = [math.log(b) if b > 0 else -math.inf for b in (beta1, beta2)]
    dispatch.stack.top.run(adam_corrections_step, (step, lr, *logs), {}, (step, step_size, root))


def adam_update(params: Sequence[Any], grads: Sequence[Any], averages: Sequence[Any],
                squares: Sequence[Any], largest: Sequence[Any] | None, *, step_size: Any, root: Any, lr: Any,
                beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool,
                maximize: bool) -> None:
    """One step of Adam (Kingma & Ba 2015) or AdamW (Loshchilov & Hutter 2019), in place.

    Args:
        averages, squares: running means of the gradients and their squares.
        largest: AMSGrad's maxima of ``squares`` (Reddi et al. 2018), or None.
        step_size, root: what ``adam_corrections`` wrote.
        decoupled: decay the weights themselves, not through the gradient.
    """
    run = dispatch.stack.top.run
    attrs = {"decay": weight_decay != 0, "decoupled": decoupled, "maximize": maximize,
             "amsgrad": largest is not None}
    numbers = (step_size, root, lr, float(weight_decay), 1.0 - beta1, float(beta2), 1.0 - beta2, float(eps))
    for i, (p, g, m, v) in enumerate(zip(params, grads, averages, squares)):
        state = (m, v) if largest is None else (m, v, largest[i])
        run(adam_step, (p, g, *state, *numbers), attrs, (p, *state))
