"""RMSprop."""
from __future__ import annotations

from typing import Any

from ..ops.update_rules import count, rmsprop_one_step, rmsprop_step, rmsprop_two_step
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .counted import Cohort, Counted, refuse_range
from .optimizer import refuse_differentiable, scalar

_RULES = (rmsprop_step, rmsprop_one_step, rmsprop_two_step)


def _names(group: dict[str, Any]) -> list[str]:
    """The states of a group's parameters."""
    names = ["square_avg"]
    if group["momentum"] > 0:
        names.append("momentum_buffer")
    if group["centered"]:
        names.append("grad_avg")
    return names


class RMSprop(Counted):
    """Gradients over the root of their mean square (Hinton's lecture; centred: Graves 2013).

    ``foreach`` and ``capturable`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False,
                 capturable: bool = False, foreach: bool | None = None, maximize: bool = False,
                 differentiable: bool = False) -> None:
        refuse_range("learning rate", lr)
        refuse_range("epsilon value", eps)
        refuse_range("momentum value", momentum)
        refuse_range("weight_decay value", weight_decay)
        refuse_range("alpha value", alpha)
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable})

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        return {name: zeros_like(p) for name in _names(group)}

    def _update(self, cohort: Cohort) -> None:
        group, step = cohort.group, cohort.shared["step"]
        decay, alpha, momentum = (float(group[k]) for k in ("weight_decay", "alpha", "momentum"))
        names = _names(group)
        count((step,), (step,))
        _RULES[len(names) - 1](
            (cohort.params, cohort.gradients, *cohort.state(*names)),
            (scalar(group["lr"]), decay, alpha, 1.0 - alpha, float(group["eps"]), momentum), decay=decay != 0,
            maximize=group["maximize"], centered=group["centered"], momentum=momentum > 0)
