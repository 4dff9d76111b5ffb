"""Adam and AdamW."""
from __future__ import annotations

from typing import Any

from ..ops.update_rules import adam_largest_step, adam_rates, adam_step
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .counted import Cohort, Counted, log_of, refuse_betas, refuse_range
from .optimizer import refuse_differentiable, scalar


class Adam(Counted):
    """Adam (Kingma & Ba 2015); ``weight_decay`` is an L2 penalty unless ``decoupled_weight_decay``.

    A launch updates many parameters.  Step counts stay on the device; parameters that have been updated
    equally often share theirs, so that one more small kernel serves them all.  ``foreach``, ``fused`` and
    ``capturable`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False, fused: bool | None = None,
                 decoupled_weight_decay: bool = False) -> None:
        refuse_range("learning rate", lr)
        refuse_range("epsilon value", eps)
        refuse_betas(betas)
        refuse_range("weight_decay value", weight_decay)
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay})

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        return {name: zeros_like(p) for name in names[:2 + group["amsgrad"]]}

    def _update(self, cohort: Cohort) -> None:
        group, step = cohort.group, cohort.shared["step"]
        lr = scalar(group["lr"])
        beta1, beta2 = (float(b) for b in group["betas"])
        rate, root = cohort.rates(2)
        adam_rates((step, lr, log_of(beta1), log_of(beta2)), (step, rate, root))
        rule, names = adam_step, ["exp_avg", "exp_avg_sq"]
        if group["amsgrad"]:
            rule = adam_largest_step
            names.append("max_exp_avg_sq")
        decay = float(group["weight_decay"])
        rule((cohort.params, cohort.gradients, *cohort.state(*names)),
             (rate, root, lr, decay, 1.0 - beta1, beta2, 1.0 - beta2, float(group["eps"])), decay=decay != 0,
             decoupled=group["decoupled_weight_decay"], maximize=group["maximize"], amsgrad=group["amsgrad"])


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): ``p = p * (1 - lr * weight_decay)``.

    >>> import clnet
    >>> layer = clnet.nn.Linear(2, 1)
    >>> optimizer = clnet.optim.AdamW(layer.parameters(), lr=1e-3, weight_decay=0.01)
    >>> layer(clnet.ones(3, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *,
                 maximize: bool = False, foreach: bool | None = None, capturable: bool = False,
                 differentiable: bool = False, fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused,
                         decoupled_weight_decay=True)
