"""Stochastic gradient descent."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.mode import no_grad
from ..ops.update_rules import sgd_momentum_step, sgd_step
from ..tensor.creation import empty_like
from .optimizer import Optimizer, refuse_differentiable, scalar


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum in PyTorch's form:
    ``v = momentum * v + (1 - dampening) * g``, ``p = p - lr * v``.

    A launch updates many parameters; ``foreach`` and ``fused`` change nothing.

    >>> import clnet
    >>> w = clnet.ones(2, requires_grad=True)
    >>> optimizer = clnet.optim.SGD([w], lr=0.5, momentum=0.9)
    >>> w.sum().backward()
    >>> optimizer.step()
    >>> w.tolist()
    [0.5, 0.5]

    Raises:
        ValueError: a negative option, or Nesterov's momentum without momentum or with dampening.
    """

    def __init__(self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False,
                 foreach: bool | None = None, differentiable: bool = False,
                 fused: bool | None = None) -> None:
        if lr < 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
            "differentiable": differentiable, "fused": fused})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss."""
        loss = self._evaluate(closure)
        with no_grad():
            for group in self.param_groups:
                self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        lr, decay, momentum = scalar(group["lr"]), float(group["weight_decay"]), float(group["momentum"])
        flags = {"decay": decay != 0, "maximize": group["maximize"]}
        params = [p for p in group["params"] if p.grad is not None]
        if momentum == 0:
            sgd_step((params, [p.grad for p in params]), (lr, decay), **flags)
            return
        started = [self.state[p].get("momentum_buffer") is not None for p in params]
        for first in (True, False):
            chosen = [p for p, s in zip(params, started) if s is not first]
            if first:
                for p in chosen:
                    self.state[p]["momentum_buffer"] = empty_like(p)
            buffers = [self.state[p]["momentum_buffer"] for p in chosen]
            sgd_momentum_step((chosen, [p.grad for p in chosen], buffers),
                              (lr, decay, momentum, 1.0 - group["dampening"]), first=first,
                              nesterov=group["nesterov"], **flags)
