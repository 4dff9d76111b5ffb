"""Optimizers that count steps: parameters updated equally often share their 0-d state on the device."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..autograd.mode import no_grad
from ..core import dtypes as dt
from ..tensor import Tensor
from ..tensor.creation import empty, tensor
from .optimizer import Optimizer


@dataclass(frozen=True)
class Cohort:
    """Parameters of one group that have been updated equally often.

    Attributes:
        shared: their 0-d state by name.
        states: each parameter's state.
        wide: the type in which their updates are computed.
    """

    params: list[Tensor]
    shared: dict[str, Tensor]
    states: list[dict[str, Any]]
    group: dict[str, Any]
    wide: dt.DType

    @property
    def gradients(self) -> list[Any]:
        return [p.grad for p in self.params]

    def state(self, *names: str) -> list[list[Any]]:
        """Lists of the states of these names, parameter by parameter."""
        return [[s[name] for s in self.states] for name in names]

    def rates(self, n: int) -> list[Any]:
        """New 0-d tensors for factors that the step count gives."""
        device = self.params[0].device
        return [empty((), dtype=self.wide, device=device) for _ in range(n)]


class Counted(Optimizer):
    """Base of these optimizers.

    A subclass gives a new parameter's state (``_elements``, and the initial values of the 0-d ones,
    ``_counts``) and updates a cohort (``_update``).  The 0-d state stays on the device, and one small kernel
    serves a whole cohort.
    """

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()

    def _counts(self, group: dict[str, Any]) -> dict[str, float]:
        """Names and initial values of the 0-d state."""
        return {"step": 0.0}

    def _elements(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The state of a parameter that is updated for the first time, without the 0-d part."""
        raise NotImplementedError

    def _update(self, cohort: Cohort) -> None:
        """One step of a cohort, its counts included."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss."""
        loss = self._evaluate(closure)
        with no_grad():
            for group in self.param_groups:
                self._start([p for p in group["params"] if p.grad is not None], group)
            for cohort in self._cohorts():
                self._update(cohort)
        return loss

    def _saved_value(self, key: str, value: Any) -> Any:
        # Whoever loads the state counts each parameter's tensor by itself.
        return value.clone() if key in self._counts(self.defaults) else value

    def _share(self) -> None:
        """Let parameters with equal counts hold the same tensors (a loaded state holds one each)."""
        held: dict[Any, Tensor] = {}
        for i, group in enumerate(self.param_groups):
            names = tuple(self._counts(group))
            for p in group["params"]:
                entries = self.state.get(p)
                if entries:
                    values = tuple(float(entries[name]) for name in names)
                    for name, value in zip(names, values):
                        key = (name, values, i, p.device, wide(p))
                        if key not in held:
                            held[key] = tensor(value, dtype=dt.float32, device=p.device)
                        entries[name] = held[key]

    def _start(self, params: Sequence[Tensor], group: dict[str, Any]) -> None:
        """State of parameters that are updated for the first time."""
        held: dict[Any, dict[str, Tensor]] = {}
        for p in params:
            entries = self.state[p]
            if not entries:
                key = (p.device, wide(p))
                if key not in held:
                    held[key] = {name: tensor(float(value), dtype=dt.float32, device=p.device)
                                 for name, value in self._counts(group).items()}
                entries.update(held[key])
                entries.update(self._elements(p, group))

    def _cohorts(self) -> list[Cohort]:
        """The parameters to update, by shared counts and group.

        Counts that others hold too, who are not updated with these, are copied first.
        """
        holders: dict[int, int] = {}
        found: dict[Any, tuple[list[Tensor], dict[str, Any]]] = {}
        for i, group in enumerate(self.param_groups):
            for p in group["params"]:
                entries = self.state.get(p)
                if entries:
                    step = id(entries["step"])
                    holders[step] = holders.get(step, 0) + 1
                    if p.grad is not None:
                        found.setdefault((step, i, wide(p)), ([], group))[0].append(p)
        result = []
        for (step, _, kind), (params, group) in found.items():
            states = [self.state[p] for p in params]
            shared = {name: states[0][name] for name in self._counts(group)}
            if len(params) != holders[step]:
                shared = {name: value.clone() for name, value in shared.items()}
                for entries in states:
                    entries.update(shared)
            result.append(Cohort(params, shared, states, group, kind))
        return result


def wide(p: Tensor) -> dt.DType:
    """The type in which a parameter's update is computed."""
    return dt.float64 if p.dtype is dt.float64 else dt.float32


def log_of(beta: float) -> float:
    """The logarithm of a decay factor, which may be 0."""
    return math.log(beta) if beta > 0 else -math.inf


def refuse_range(name: str, value: Any, low: float = 0.0, high: float = math.inf) -> None:
    """Raise ValueError, in PyTorch's words, unless ``low <= value`` (and ``value < high``)."""
    if not low <= value or not (value < high or high == math.inf):
        raise ValueError(f"Invalid {name}: {value}")


def refuse_betas(betas: tuple[Any, Any]) -> None:
    """Raise ValueError unless both decay factors are in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
