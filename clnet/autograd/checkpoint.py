"""Gradient checkpointing: save nothing, run the function again when backward needs its values."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import generator
from .graph import saved_tensors_hooks
from .mode import enable_grad


class _Recomputed(Exception):
    """Everything that backward asked for has been computed again."""


class _Frame:
    """One checkpointed call: counts what the forward saved, and computes it again on demand."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, preserve_rng_state: bool) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.random = generator.default.snapshot() if preserve_rng_state else None
        self.count = 0
        self.values: dict[int, Any] = {}

    def pack(self, x: Any) -> int:
        self.count += 1
        return self.count - 1

    def unpack(self, index: int) -> Any:
        if index not in self.values:
            self._run_again()
        return self.values[index]

    def _run_again(self) -> None:
        self.values = {}

        def keep(x: Any) -> int:
            self.values[len(self.values)] = x.detach()
            if len(self.values) == self.count:
                raise _Recomputed
            return len(self.values) - 1

        now = generator.default.snapshot()
        if self.random is not None:
            generator.default.restore(self.random)
        try:
            with enable_grad(), saved_tensors_hooks(keep, lambda i: self.values[i]):
                self.function(*self.args, **self.kwargs)
        except _Recomputed:
            pass
        finally:
            if self.random is not None:
                generator.default.restore(now)
        if len(self.values) != self.count:
            raise RuntimeError(
                f"checkpoint: the function saved {self.count} tensors at first and {len(self.values)} when "
                "run again; it must do the same on the same inputs")


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
               preserve_rng_state: bool = True, determinism_check: str = "default", debug: bool = False,
               context_fn: Any = None, **kwargs: Any) -> Any:
    """``function(*args)`` whose intermediate results are computed again in backward.

    Args:
        function: must give the same results when run again on the same inputs.
        preserve_rng_state: run again with the random numbers of the first run.
        use_reentrant, determinism_check, debug, context_fn: accepted for PyTorch's signature.

    Raises:
        RuntimeError: the second run differs from the first.
    """
    frame = _Frame(function, args, kwargs, preserve_rng_state)
    with saved_tensors_hooks(frame.pack, frame.unpack):
        return function(*args, **kwargs)


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None,
                          **kwargs: Any) -> Any:
    """A chain of functions (a list or ``Sequential``) checkpointed in ``segments`` pieces."""
    steps = list(functions.children() if callable(functions) else functions)
    size = max(1, len(steps) // segments)

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def call(x: Any) -> Any:
            for step in steps[start:end]:
                x = step(x)
            return x
        return call

    end = -1
    for start in range(0, size * (segments - 1), size):
        end = start + size - 1
        input = checkpoint(run(start, end + 1), input, **kwargs)
    return run(end + 1, len(steps))(input)
