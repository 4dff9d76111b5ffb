"""Muon."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd.mode import no_grad
from ..core import dtypes as dt
from ..ops.matmul import addmm
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .optimizer import Optimizer

_MOST_STEPS = 100


class Muon(Optimizer):
    """Momentum whose matrices are made orthogonal by Newton-Schulz steps (Jordan et al. 2024).

    For the matrices of hidden layers; give other parameters to another optimizer.

    Args:
        ns_coefficients, ns_steps: of the odd polynomial of degree 5, and how often it is applied
            (in bfloat16).
        eps: smallest norm that a matrix is divided by.
        adjust_lr_fn: "original" (the default) times ``sqrt(max(1, rows / columns))``, or
            "match_rms_adamw" times ``0.2 * sqrt(max(rows, columns))``.

    Raises:
        ValueError: an option out of its range, or a parameter that is no matrix.
    """

    def __init__(self, params: Any, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True,
                 ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
                 eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None) -> None:
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if value < 0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn})
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError("Muon only supports 2D parameters whereas we found a parameter with "
                                     f"size: {p.shape}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss."""
        loss = self._evaluate(closure)
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._move(p, group)
        return loss

    def _move(self, p: Any, group: dict[str, Any]) -> None:
        state = self.state[p]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = zeros_like(p.grad)
        buffer, momentum = state["momentum_buffer"], float(group["momentum"])
        buffer.lerp_(p.grad, 1 - momentum)
        update = p.grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        update = orthogonalised(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        lr = float(group["lr"])
        p.mul_(1 - lr * float(group["weight_decay"]))
        p.sub_(update.to(p.dtype), alpha=lr * _adjustment(group["adjust_lr_fn"], *p.shape))


def orthogonalised(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """Roughly the nearest matrix with orthonormal rows or columns, in bfloat16.

    Raises:
        ValueError: no three coefficients, or 100 steps and more.
    """
    if steps >= _MOST_STEPS:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    x: Any = matrix.to(dt.bfloat16)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.t()
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        x = addmm(x, addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.t() if tall else x


def _adjustment(rule: str | None, rows: int, columns: int) -> float:
    if rule == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
