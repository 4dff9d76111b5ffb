"""L-BFGS."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.mode import enable_grad, no_grad
from ..ops.join import cat
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer

# Curvature below which a pair of step and gradient change is not remembered.
_LEAST_CURVATURE = 1e-10


def _dot(a: Any, b: Any) -> float:
    return float((a * b).sum())


def _largest(x: Any) -> float:
    return float(x.abs().max())


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last ``history_size`` gradients (Liu & Nocedal 1989).

    ``step`` needs a closure, and evaluates it several times; it waits for the device.

    Args:
        max_iter, max_eval: most iterations per step, and evaluations (1.25 times as many).
        tolerance_grad, tolerance_change: largest gradient, and change, at which a step ends early.
        line_search_fn: None (steps of ``lr``) or "strong_wolfe".

    Raises:
        ValueError: several parameter groups, or a negative rate.
    """

    def __init__(self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:
        if lr < 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
            "history_size": history_size, "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Any]:
        return self.param_groups[0]["params"]

    def _gradient(self) -> Any:
        """All gradients in one dimension, zeros where there is none."""
        return cat([(zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self._params])

    def _move(self, direction: Any, step: float) -> None:
        start = 0
        for p in self._params:
            p.add_(direction.narrow(0, start, p.numel()).reshape(p.shape), alpha=step)
            start += p.numel()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Some iterations; returns the loss before them.

        Args:
            closure: clears the gradients, computes the loss and the gradients, and returns the loss.

        Raises:
            TypeError: no closure.  RuntimeError: an unknown line search.
        """
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        if self.param_groups[0]["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        with no_grad():
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        with enable_grad():
            first = closure()
        loss, gradient = float(first), self._gradient()
        evaluations = 1
        state["func_evals"] += 1
        if _largest(gradient) <= group["tolerance_grad"]:
            return first
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(gradient, state, group["history_size"])
            state["d"], state["prev_flat_grad"], state["prev_loss"] = direction, gradient, loss
            lr = float(group["lr"])
            state["t"] = lr if state["n_iter"] > 1 else min(1.0, 1.0 / float(gradient.abs().sum())) * lr
            slope = _dot(gradient, direction)
            if slope > -group["tolerance_change"]:
                break
            before = loss
            if group["line_search_fn"] is not None:
                start = Point(0.0, loss, gradient, slope)
                found, used = self._search(closure, start, direction, state["t"],
                                           group["max_eval"] - evaluations)
                state["t"], loss, gradient = found.step, found.loss, found.gradient
                self._move(direction, found.step)
            else:
                self._move(direction, state["t"])
                used = 0
                if iteration != group["max_iter"]:  # nothing would read the last one
                    with enable_grad():
                        loss = float(closure())
                    gradient = self._gradient()
                    used = 1
            evaluations += used
            state["func_evals"] += used
            if (iteration == group["max_iter"] or evaluations >= group["max_eval"]
                    or _largest(gradient) <= group["tolerance_grad"]
                    or _largest(direction) * state["t"] <= group["tolerance_change"]
                    or abs(loss - before) < group["tolerance_change"]):
                break
        return first

    @staticmethod
    def _direction(gradient: Any, state: dict[str, Any], history: int) -> Any:
        """Minus the approximate inverse Hessian times the gradient, by the two-loop recursion."""
        if state["n_iter"] == 1:
            state.update(al=[], old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        change, step = gradient - state["prev_flat_grad"], state["d"] * float(state["t"])
        curvature = _dot(change, step)
        if curvature > _LEAST_CURVATURE:
            if len(changes) == history:
                for remembered in (changes, steps, inverses):
                    remembered.pop(0)
            changes.append(change)
            steps.append(step)
            inverses.append(1.0 / curvature)
            state["H_diag"] = curvature / _dot(change, change)
        result = -gradient
        shares = state["al"] = [0.0] * history  # the length that PyTorch expects in a state_dict
        for i in reversed(range(len(changes))):
            shares[i] = _dot(steps[i], result) * float(inverses[i])
            result.sub_(changes[i], alpha=shares[i])
        result = result * float(state["H_diag"])
        for i in range(len(changes)):
            result.add_(steps[i], alpha=shares[i] - _dot(changes[i], result) * float(inverses[i]))
        return result

    def _search(self, closure: Callable[[], Any], start: Point, direction: Any, step: float,
                evaluations: int) -> tuple[Point, int]:
        """A point by line search; the parameters are left where they were."""
        origin: list[Tensor] = [p.clone() for p in self._params]

        def evaluate(length: float) -> Point:
            self._move(direction, length)
            with enable_grad():
                loss = float(closure())
            gradient = self._gradient()
            for p, x in zip(self._params, origin):
                p.copy_(x)
            return Point(length, loss, gradient, _dot(gradient, direction))

        return strong_wolfe(evaluate, start, step, _largest(direction), evaluations)
