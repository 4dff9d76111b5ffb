"""How tensors that calls save for backward are kept."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .mode import grad_mode


class Packed:
    """A saved tensor in the form that a hook gave it."""

    __slots__ = ("content", "unpack")

    def __init__(self, content: Any, unpack: Any) -> None:
        self.content, self.unpack = content, unpack

    def open(self) -> Any:
        """The tensor again."""
        return self.unpack(self.content)


class saved_tensors_hooks:
    """Inside, ``pack_hook`` turns each saved tensor into what is kept, ``unpack_hook`` turns it back."""

    def __init__(self, pack_hook: Any, unpack_hook: Any) -> None:
        self._hooks = (pack_hook, unpack_hook)

    def __enter__(self) -> saved_tensors_hooks:
        if grad_mode.hooks_refused is not None:
            raise RuntimeError(grad_mode.hooks_refused)
        self._before, grad_mode.saved_hooks = grad_mode.saved_hooks, self._hooks
        return self

    def __exit__(self, *exc: object) -> None:
        grad_mode.saved_hooks = self._before


class save_on_cpu(saved_tensors_hooks):
    """Inside, saved tensors wait for backward in the host's memory.

    ``pin_memory`` and ``device_type`` are accepted for PyTorch's sake.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: (x.device, x.detach().cpu()), lambda kept: kept[1].to(kept[0]))


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """Inside, saved tensors may be written to before backward, which sees what was saved: copies."""

    def __init__(self) -> None:
        super().__init__(lambda x: x.detach().clone(), lambda kept: kept)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside, entering ``saved_tensors_hooks`` raises RuntimeError with this message."""
    if grad_mode.saved_hooks is not None:
        raise RuntimeError(error_message)
    before, grad_mode.hooks_refused = grad_mode.hooks_refused, error_message
    try:
        yield
    finally:
        grad_mode.hooks_refused = before
