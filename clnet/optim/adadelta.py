"""Adadelta."""
from __future__ import annotations

from typing import Any

from ..ops.update_rules import adadelta_step, count
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .counted import Cohort, Counted, refuse_range
from .optimizer import refuse_differentiable, scalar


class Adadelta(Counted):
    """Steps scaled by the ratio of former steps to gradients (Zeiler 2012).

    ``foreach`` and ``capturable`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0, foreach: bool | None = None, *, capturable: bool = False,
                 maximize: bool = False, differentiable: bool = False) -> None:
        refuse_range("learning rate", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        refuse_range("epsilon value", eps)
        refuse_range("weight_decay value", weight_decay)
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        return {"square_avg": zeros_like(p), "acc_delta": zeros_like(p)}

    def _update(self, cohort: Cohort) -> None:
        group, step = cohort.group, cohort.shared["step"]
        decay, rho = float(group["weight_decay"]), float(group["rho"])
        count((step,), (step,))
        adadelta_step((cohort.params, cohort.gradients, *cohort.state("square_avg", "acc_delta")),
                      (scalar(group["lr"]), decay, rho, 1.0 - rho, float(group["eps"])), decay=decay != 0,
                      maximize=group["maximize"])
