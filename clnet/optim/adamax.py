"""Adamax."""
from __future__ import annotations

from typing import Any

from ..ops.update_rules import adamax_rates, adamax_step
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .counted import Cohort, Counted, log_of, refuse_betas, refuse_range
from .optimizer import refuse_differentiable, scalar


class Adamax(Counted):
    """Adam by the largest gradients instead of their squares (Kingma & Ba 2015, section 7.1).

    ``foreach`` and ``capturable`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, capturable: bool = False) -> None:
        refuse_range("learning rate", lr)
        refuse_range("epsilon value", eps)
        refuse_betas(betas)
        refuse_range("weight_decay value", weight_decay)
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        return {"exp_avg": zeros_like(p), "exp_inf": zeros_like(p)}

    def _update(self, cohort: Cohort) -> None:
        group, step = cohort.group, cohort.shared["step"]
        decay = float(group["weight_decay"])
        beta1, beta2 = (float(b) for b in group["betas"])
        [rate] = cohort.rates(1)
        adamax_rates((step, scalar(group["lr"]), log_of(beta1)), (step, rate))
        adamax_step((cohort.params, cohort.gradients, *cohort.state("exp_avg", "exp_inf")),
                    (rate, decay, 1.0 - beta1, beta2, float(group["eps"])), decay=decay != 0,
                    maximize=group["maximize"])
