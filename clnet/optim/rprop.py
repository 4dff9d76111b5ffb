"""Rprop."""
from __future__ import annotations

from typing import Any

from ..ops.update_rules import count, rprop_step
from ..tensor import Tensor
from ..tensor.creation import full_like, zeros_like
from .counted import Cohort, Counted, refuse_range
from .optimizer import refuse_differentiable


class Rprop(Counted):
    """Steps by the gradients' signs, growing while these agree (Riedmiller & Braun 1993).

    ``foreach`` and ``capturable`` change nothing.

    Args:
        etas: factors of the step size where signs differ and agree.
        step_sizes: smallest and largest.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        refuse_range("learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable})

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        return {"prev": zeros_like(p), "step_size": full_like(p, float(group["lr"]))}

    def _update(self, cohort: Cohort) -> None:
        group, step = cohort.group, cohort.shared["step"]
        count((step,), (step,))
        limits = tuple(float(x) for x in (*group["etas"], *group["step_sizes"]))
        rprop_step((cohort.params, cohort.gradients, *cohort.state("prev", "step_size")), limits,
                   maximize=group["maximize"])
