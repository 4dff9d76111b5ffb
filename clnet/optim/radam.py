"""RAdam."""
from __future__ import annotations

from typing import Any

from ..ops.update_rules import radam_rates, radam_step
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .counted import Cohort, Counted, log_of, refuse_betas, refuse_range
from .optimizer import refuse_differentiable, scalar


class RAdam(Counted):
    """Adam that rectifies the adaptive rate's variance in the first steps (Liu et al. 2020).

    ``foreach`` and ``capturable`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        refuse_range("learning rate", lr)
        refuse_range("epsilon value", eps)
        refuse_betas(betas)
        refuse_range("weight_decay value", weight_decay)
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable})

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        return {"exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _update(self, cohort: Cohort) -> None:
        group, step = cohort.group, cohort.shared["step"]
        lr, decay = scalar(group["lr"]), float(group["weight_decay"])
        beta1, beta2 = (float(b) for b in group["betas"])
        rates = cohort.rates(2)
        radam_rates((step, lr, beta2, log_of(beta1), log_of(beta2)), (step, *rates))
        radam_step((cohort.params, cohort.gradients, *cohort.state("exp_avg", "exp_avg_sq")),
                   (*rates, lr, decay, 1.0 - beta1, beta2, 1.0 - beta2, float(group["eps"])),
                   decay=decay != 0, decoupled=group["decoupled_weight_decay"], maximize=group["maximize"])
