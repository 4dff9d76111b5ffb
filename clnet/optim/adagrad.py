"""Adagrad."""
from __future__ import annotations

from typing import Any

from ..autograd.mode import no_grad
from ..ops.update_rules import adagrad_rates, adagrad_step
from ..tensor import Tensor
from ..tensor.creation import full_like
from .counted import Cohort, Counted, refuse_range
from .optimizer import refuse_differentiable, scalar


class Adagrad(Counted):
    """Rates that fall with the sum of squared gradients (Duchi et al. 2011).

    The state exists from the start; ``foreach`` and ``fused`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        refuse_range("learning rate", lr)
        refuse_range("lr_decay value", lr_decay)
        refuse_range("weight_decay value", weight_decay)
        refuse_range("initial_accumulator_value value", initial_accumulator_value)
        refuse_range("epsilon value", eps)
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused})
        with no_grad():
            for group in self.param_groups:
                self._start(group["params"], group)

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        return {"sum": full_like(p, float(group["initial_accumulator_value"]))}

    def _update(self, cohort: Cohort) -> None:
        group, step = cohort.group, cohort.shared["step"]
        decay = float(group["weight_decay"])
        [rate] = cohort.rates(1)
        adagrad_rates((step, scalar(group["lr"]), float(group["lr_decay"])), (step, rate))
        adagrad_step((cohort.params, cohort.gradients, *cohort.state("sum")),
                     (rate, decay, float(group["eps"])), decay=decay != 0, maximize=group["maximize"])
