"""Adafactor."""
from __future__ import annotations

import math
from typing import Any

from ..ops.update_rules import adafactor_rates
from ..tensor import Tensor
from ..tensor.creation import zeros, zeros_like
from .counted import Cohort, Counted
from .optimizer import scalar

_SPACING = {"float16": 2.0 ** -10, "bfloat16": 2.0 ** -7, "float32": 2.0 ** -23, "float64": 2.0 ** -52}


def _refuse(name: str, value: Any, wrong: bool, rule: str) -> None:
    if wrong:
        raise ValueError(f"{name} should be {rule} but is: {value}")


class Adafactor(Counted):
    """Rates from the row and column means of squared gradients (Shazeer & Stern 2018).

    A matrix's state is a row and a column; everything stays on the device.  ``foreach`` changes nothing.

    Args:
        lr: limit of the relative step size.  beta2_decay: exponent of the step count in the running means.
        eps: smallest root of the mean squares (by default the type's spacing), and of a parameter's
            root mean square.
        d: root mean square to which an update is clipped.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
                 foreach: bool | None = None, maximize: bool = False) -> None:
        _refuse("Learning rate", lr, lr < 0, ">= 0")
        _refuse("beta2_decay", beta2_decay, beta2_decay > 0, "<= 0")
        _refuse("epsilon1", eps[0], eps[0] is not None and eps[0] < 0, ">= 0")
        _refuse("epsilon2", eps[1], eps[1] < 0, ">= 0")
        _refuse("Clipping threshold d", d, d < 1, ">= 1")
        _refuse("weight_decay", weight_decay, weight_decay < 0, ">= 0")
        super().__init__(params, {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize})

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        if p.ndim < 2:
            return {"variance": zeros_like(p)}
        shape = tuple(p.shape)
        made: dict[str, Any] = {"dtype": p.dtype, "device": p.device}
        return {"row_var": zeros((*shape[:-1], 1), **made),
                "col_var": zeros((*shape[:-2], 1, shape[-1]), **made)}

    def _update(self, cohort: Cohort) -> None:
        step = cohort.shared["step"]
        share, limit = cohort.rates(2)
        adafactor_rates((step, scalar(cohort.group["lr"]), float(cohort.group["beta2_decay"])),
                        (step, share, limit))
        for p, state in zip(cohort.params, cohort.states):
            _move(p, state, cohort.group, share, limit)


def _move(parameter: Tensor, state: dict[str, Any], group: dict[str, Any], share: Any, limit: Any) -> None:
    p: Any = parameter
    smallest, least = group["eps"]
    smallest = _SPACING[p.dtype.name] if smallest is None else smallest
    root = math.sqrt(max(p.numel(), 1))
    rate = (p.norm() / root).clamp(min=float(least)) * limit
    g = -p.grad if group["maximize"] else p.grad
    if group["weight_decay"]:
        p.mul_(1 - scalar(group["lr"]) * float(group["weight_decay"]))
    if p.ndim < 2:
        state["variance"].lerp_(g * g, share)
        spread = state["variance"]
    else:
        squares = g * g
        row, column = state["row_var"], state["col_var"]
        row.lerp_(squares.mean(-1, keepdim=True), share)
        column.lerp_(squares.mean(-2, keepdim=True), share)
        spread = row * column / row.mean(-2, keepdim=True).clamp(min=float(smallest))
    update = spread.clamp(min=float(smallest) ** 2).rsqrt() * g
    clipped = (update.norm() / (root * float(group["d"]))).clamp(min=1.0)
    p.sub_(update * (rate / clipped))
