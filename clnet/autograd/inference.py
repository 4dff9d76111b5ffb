"""Inference mode: nothing is recorded, and results can never take part in a recorded call."""
from __future__ import annotations

from typing import Any

from ..core import dispatch
from ..core.op import Op
from .graph import meta_of
from .mode import Setting, grad_mode


class InferenceInterpreter:
    """Runs calls below and marks what they make."""

    def run(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any = None) -> Any:
        result = dispatch.stack.below(self).run(op, operands, attrs, out)
        if out is None:
            for r in result if isinstance(result, tuple) else (result,):
                meta_of(r).inference = True
        return result


class inference_mode(Setting):
    """As ``no_grad``; in addition recorded calls outside refuse to save what was made inside.

    Args:
        mode: False switches the mode off inside an outer one; or the function to decorate.
    """

    def __new__(cls, mode: Any = True) -> Any:
        made = object.__new__(cls)
        made._value = callable(mode) or bool(mode)
        return made(mode) if callable(mode) else made

    def __init__(self, mode: Any = True) -> None:
        pass

    def __enter__(self) -> inference_mode:
        self._before = grad_mode.enabled
        self._interpreter = InferenceInterpreter() if self._value else None
        self._suspended = [] if self._value else _suspend()
        grad_mode.enabled = not self._value
        if self._interpreter is not None:
            dispatch.stack.push(self._interpreter)
        return self

    def __exit__(self, *exc: object) -> None:
        grad_mode.enabled = self._before
        if self._interpreter is not None:
            dispatch.stack.pop()
        for interpreter in self._suspended:
            dispatch.stack.push(interpreter)


def _suspend() -> list[Any]:
    """Take inference interpreters off the top of the stack; returned to be put back."""
    taken = []
    while isinstance(dispatch.stack.top, InferenceInterpreter):
        taken.append(dispatch.stack.pop())
    return taken


def is_inference_mode_enabled() -> bool:
    """Whether the innermost mode is inference."""
    return isinstance(dispatch.stack.top, InferenceInterpreter)
