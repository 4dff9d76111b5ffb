"""Adam and AdamW."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.mode import no_grad
from ..core import dtypes as dt
from ..ops.update import adam_corrections, adam_update
from ..tensor import Tensor
from ..tensor.creation import empty, tensor, zeros, zeros_like
from .optimizer import Optimizer, refuse_differentiable, scalar


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015); ``weight_decay`` is an L2 penalty unless ``decoupled_weight_decay``.

    Each parameter takes one kernel.  Step counts stay on the device; parameters that have been
    updated equally often share theirs, so that one more small kernel serves them all.
    ``foreach``, ``fused`` and ``capturable`` change nothing.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False, fused: bool | None = None,
                 decoupled_weight_decay: bool = False) -> None:
        if lr < 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if eps < 0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i, beta in enumerate(betas):
            if not 0 <= beta < 1:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
        if weight_decay < 0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        refuse_differentiable(differentiable)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay})

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share_counts()

    def _share_counts(self) -> None:
        """Let parameters with equal step counts hold one tensor (a loaded state holds one each)."""
        shared: dict[Any, Tensor] = {}
        for i, group in enumerate(self.param_groups):
            for p in group["params"]:
                entries = self.state.get(p)
                if entries:
                    key = (i, float(entries["step"]), p.device, _wide(p))
                    if key not in shared:
                        shared[key] = tensor(key[1], dtype=dt.float32, device=p.device)
                    entries["step"] = shared[key]

    def _saved_value(self, key: str, value: Any) -> Any:
        # Whoever loads the state counts each parameter's tensor by itself.
        return value.clone() if key == "step" else value

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss."""
        loss = self._evaluate(closure)
        with no_grad():
            for group in self.param_groups:
                self._start([p for p in group["params"] if p.grad is not None], group["amsgrad"])
            for params, step, group in self._cohorts():
                self._step_cohort(params, step, group)
        return loss

    def _start(self, params: list[Tensor], amsgrad: bool) -> None:
        """State of parameters that are updated for the first time."""
        counts: dict[Any, Tensor] = {}
        for p in params:
            entries = self.state[p]
            if not entries:
                key = (p.device, _wide(p))
                if key not in counts:
                    counts[key] = zeros((), dtype=dt.float32, device=p.device)
                entries["step"] = counts[key]
                entries["exp_avg"], entries["exp_avg_sq"] = zeros_like(p), zeros_like(p)
                if amsgrad:
                    entries["max_exp_avg_sq"] = zeros_like(p)

    def _cohorts(self) -> list[tuple[list[Tensor], Tensor, dict[str, Any]]]:
        """The parameters to update, by shared step count and group.

        A count that others hold too, who are not updated with these, is copied first.
        """
        holders: dict[int, int] = {}
        found: dict[Any, tuple[list[Tensor], Tensor, dict[str, Any]]] = {}
        for i, group in enumerate(self.param_groups):
            for p in group["params"]:
                entries = self.state.get(p)
                if entries:
                    step = entries["step"]
                    holders[id(step)] = holders.get(id(step), 0) + 1
                    if p.grad is not None:
                        found.setdefault((id(step), i, _wide(p)), ([], step, group))[0].append(p)
        result = []
        for params, step, group in found.values():
            if len(params) != holders[id(step)]:
                step = step.clone()  # type: ignore[attr-defined]
                for p in params:
                    self.state[p]["step"] = step
            result.append((params, step, group))
        return result

    def _step_cohort(self, params: list[Tensor], step: Tensor, group: dict[str, Any]) -> None:
        lr = scalar(group["lr"])
        beta1, beta2 = (float(b) for b in group["betas"])
        wide = _wide(params[0])
        step_size, root = (empty((), dtype=wide, device=step.device) for _ in range(2))
        adam_corrections(step, step_size, root, lr=lr, beta1=beta1, beta2=beta2)
        states = [self.state[p] for p in params]
        adam_update(
            params, [p.grad for p in params], [s["exp_avg"] for s in states],
            [s["exp_avg_sq"] for s in states],
            [s["max_exp_avg_sq"] for s in states] if group["amsgrad"] else None,
            step_size=step_size, root=root, lr=lr, beta1=beta1, beta2=beta2, eps=group["eps"],
            weight_decay=group["weight_decay"], decoupled=group["decoupled_weight_decay"],
            maximize=group["maximize"])


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


def _wide(p: Tensor) -> dt.DType:
    """The type in which a parameter's update is computed."""
    return dt.float64 if p.dtype is dt.float64 else dt.float32
