"""Averaged stochastic gradient descent."""
from __future__ import annotations

from typing import Any

from ..ops.update_rules import asgd_rates, asgd_step
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .counted import Cohort, Counted, refuse_range
from .optimizer import refuse_differentiable, scalar


class ASGD(Counted):
    """Gradient descent that averages the parameters after ``t0`` steps (Polyak & Juditsky 1992).

    The average is state "ax".  ``foreach`` and ``capturable`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
                 weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        refuse_range("learning rate", lr)
        refuse_range("weight_decay value", weight_decay)
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable})

    def _counts(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "eta": float(group["lr"]), "mu": 1.0}

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        return {"ax": zeros_like(p)}

    def _update(self, cohort: Cohort) -> None:
        group, counts = cohort.group, cohort.shared
        decay, lambd, alpha, t0 = (float(group[k]) for k in ("weight_decay", "lambd", "alpha", "t0"))
        asgd_step((cohort.params, cohort.gradients, *cohort.state("ax")),
                  (counts["eta"], counts["mu"], decay, lambd), decay=decay != 0, maximize=group["maximize"])
        asgd_rates((counts["step"], scalar(group["lr"]), lambd, alpha, t0), tuple(counts.values()))
