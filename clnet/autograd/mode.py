"""Whether calls are recorded: ``no_grad``, ``enable_grad``, ``set_grad_enabled``, anomaly mode."""
from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    """Per thread."""

    enabled = True
    anomaly = False
    check_nan = True
    saved_hooks: Any = None  # (pack, unpack) applied to tensors that calls save
    backward: Any = None  # the pass that runs now
    hooks_refused: str | None = None  # why no such hooks may be set


grad_mode = _Mode()


class Setting:
    """A context manager that is also a decorator, of functions and generator functions."""

    _attribute = "enabled"
    _value: Any = True

    def __enter__(self) -> Setting:
        self._before = getattr(grad_mode, self._attribute)
        setattr(grad_mode, self._attribute, self._value)
        return self

    def __exit__(self, *exc: object) -> None:
        setattr(grad_mode, self._attribute, self._before)

    def _fresh(self) -> Setting:
        copy = object.__new__(type(self))
        copy._value = self._value
        return copy

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            @functools.wraps(function)
            def generate(*args: Any, **kwargs: Any) -> Any:
                iterator = function(*args, **kwargs)
                while True:
                    with self._fresh():
                        try:
                            item = next(iterator)
                        except StopIteration as stop:
                            return stop.value
                    yield item
            return cast(F, generate)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)
        return cast(F, call)


class no_grad(Setting):
    """Calls inside are not recorded for backward."""

    _value = False

    def __new__(cls, function: Any = None) -> Any:
        made = object.__new__(cls)
        return made(function) if function is not None else made

    def __init__(self, function: Any = None) -> None:
        pass


class enable_grad(no_grad):
    """Calls inside are recorded, also within ``no_grad``."""

    _value = True


class set_grad_enabled(Setting):
    """Set recording at once, and back on leaving if used as a context manager."""

    def __init__(self, mode: bool) -> None:
        self._before = grad_mode.enabled
        self._value = bool(mode)
        grad_mode.enabled = self._value

    def __enter__(self) -> set_grad_enabled:
        grad_mode.enabled = self._value
        return self


class running(Setting):
    """One backward pass, while it runs. ``nodes``: those that it gives cotangents to."""

    _attribute = "backward"

    def __init__(self, nodes: set[Any]) -> None:
        self.nodes = nodes
        self._value = self


class detect_anomaly(Setting):
    """Remember where each recorded call was made, and stop backward at the first NaN."""

    _attribute = "anomaly"

    def __init__(self, check_nan: bool = True) -> None:
        self._check = check_nan

    def __enter__(self) -> detect_anomaly:
        super().__enter__()
        self._check_before, grad_mode.check_nan = grad_mode.check_nan, self._check
        return self

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        grad_mode.check_nan = self._check_before


class set_detect_anomaly(detect_anomaly):
    """``detect_anomaly`` switched on or off at once."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self._value = mode
        grad_mode.anomaly, grad_mode.check_nan = mode, check_nan


def is_grad_enabled() -> bool:
    """Whether calls in this thread are recorded."""
    return grad_mode.enabled


def is_anomaly_enabled() -> bool:
    """Whether this thread is within ``detect_anomaly``."""
    return grad_mode.anomaly
