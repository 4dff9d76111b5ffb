"""Calling a module: ``forward`` between the hooks."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...autograd.function import Function
from ...autograd.node import RemovableHandle, add_hook
from ...core.events import HUB
from ...tensor import Tensor


@dataclass(frozen=True, slots=True)
class Hook:
    """A registered function and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


# The hooks around every module's call, each with its kind: a call without any asks one table.
_EVERYWHERE: OrderedDict[int, tuple[str, Any]] = OrderedDict()


def _everywhere(kind: str) -> list[tuple[int, Any]]:
    return [(key, hook) for key, (k, hook) in _EVERYWHERE.items() if k == kind]


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before every module's ``forward``; what it returns replaces the arguments."""
    return add_hook(_EVERYWHERE, ("before", Hook(hook)))


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False,
                                 always_call: bool = False) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after every module's ``forward``; a result replaces the output."""
    return add_hook(_EVERYWHERE, ("after", Hook(hook, with_kwargs, always_call)))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` in the backward of every module."""
    return add_hook(_EVERYWHERE, ("backward", hook))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward of every module."""
    return add_hook(_EVERYWHERE, ("backward_before", hook))


class Calling:
    """``module(*args)`` and the hooks around it."""

    forward: Callable[..., Any]
    _forward_hooks: OrderedDict[int, Hook]
    _forward_pre_hooks: OrderedDict[int, Hook]
    _backward_hooks: OrderedDict[int, Callable[..., Any]]
    _backward_pre_hooks: OrderedDict[int, Callable[..., Any]]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if HUB.calls:
            return self._call_observed(args, kwargs)
        if (self._forward_hooks or self._forward_pre_hooks or self._backward_hooks
                or self._backward_pre_hooks or _EVERYWHERE):
            return self._call_hooked(args, kwargs)
        return self.forward(*args, **kwargs)

    def _call_observed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        observers = HUB.calls
        for observer in observers:
            observer.module_begins(self)
        output = None
        try:
            output = self._call_hooked(args, kwargs)
            return output
        finally:
            for observer in observers:
                observer.module_ends(self, output)

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; what it returns replaces the arguments.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)`` and returns both or None.
        """
        return add_hook(self._forward_pre_hooks, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                              with_kwargs: bool = False, always_call: bool = False) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; a result replaces the output.

        With ``with_kwargs`` it is ``hook(module, args, kwargs, output)``.  With ``always_call`` it
        also runs when ``forward`` raises, with output None.
        """
        return add_hook(self._forward_hooks, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the inputs' gradients are known.

        What it returns replaces ``grad_input``.
        """
        return add_hook(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any],
                                        prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward; a result replaces it."""
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        raise NotImplementedError("register_backward_hook is deprecated in PyTorch and not offered "
                                  "here; use register_full_backward_hook")

    def _call_hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        called: set[int] = set()
        output = None
        try:
            args, kwargs = self._before(args, kwargs)
            backward = None
            hooks = tuple(h for _, h in [*_everywhere("backward"), *self._backward_hooks.items()])
            pre_hooks = tuple(h for _, h in [*_everywhere("backward_before"), *self._backward_pre_hooks.items()])
            if hooks or pre_hooks:
                backward = _BackwardHooks(self, hooks, pre_hooks)
                args = backward.watch_inputs(args)
            output = self.forward(*args, **kwargs)
            for key, hook in [*_everywhere("after"), *self._forward_hooks.items()]:
                called.add(key)
                output = self._after(hook, args, kwargs, output)
            return output if backward is None else backward.watch_outputs(output)
        except Exception:
            for key, hook in [*_everywhere("after"), *self._forward_hooks.items()]:
                if hook.always_call and key not in called:
                    try:
                        output = self._after(hook, args, kwargs, output)
                    except Exception as error:
                        warnings.warn("module forward hook with ``always_call=True`` raised an exception "
                                      f"that was silenced as another error was raised in forward: "
                                      f"{error}", stacklevel=2)
            raise

    def _before(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        for _, hook in [*_everywhere("before"), *self._forward_pre_hooks.items()]:
            if hook.with_kwargs:
                got = hook.function(self, args, kwargs)
                if got is not None:
                    if not (isinstance(got, tuple) and len(got) == 2):
                        raise RuntimeError("forward pre-hook must return None or a tuple of (new_args, "
                                           f"new_kwargs), but got {got}.")
                    args, kwargs = got
            else:
                got = hook.function(self, args)
                if got is not None:
                    args = got if isinstance(got, tuple) else (got,)
        return args, kwargs

    def _after(self, hook: Hook, args: Any, kwargs: Any, output: Any) -> Any:
        got = hook.function(self, args, kwargs, output) if hook.with_kwargs else (
            hook.function(self, args, output))
        return output if got is None else got


class _Watch(Function):
    """Identity on tensors that shows their gradients to a function as they pass."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[..., Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.seen = seen
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        return (None, *ctx.seen(grads))


class _BackwardHooks:
    """One call's backward hooks: identity nodes on its inputs and outputs."""

    def __init__(self, module: Any, hooks: tuple[Any, ...], pre_hooks: tuple[Any, ...]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.inputs_watched = False
        self.input_slots: tuple[int, list[int]] = (0, [])
        self.output_slots: tuple[int, list[int]] = (0, [])
        self.grad_output: tuple[Any, ...] = ()

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        slots = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        self.input_slots = (len(args), slots)
        if not any(args[i].requires_grad for i in slots):
            return args
        self.inputs_watched = True
        return self._replace(args, slots, self.saw_inputs)

    def watch_outputs(self, output: Any) -> Any:
        single = isinstance(output, Tensor)
        if not single and not isinstance(output, tuple):
            return output
        outputs = (output,) if single else output
        slots = [i for i, a in enumerate(outputs) if isinstance(a, Tensor)]
        self.output_slots = (len(outputs), slots)
        if not any(outputs[i].requires_grad for i in slots):
            return output
        outputs = self._replace(outputs, slots, self.saw_outputs)
        return outputs[0] if single else outputs

    @staticmethod
    def _replace(values: tuple[Any, ...], slots: list[int], seen: Callable[..., Any]) -> tuple[Any, ...]:
        got = _Watch.apply(seen, *(values[i] for i in slots))
        out = list(values)
        for i, x in zip(slots, got):
            out[i] = x
        return tuple(out)

    @staticmethod
    def _spread(grads: Any, slots: tuple[int, list[int]]) -> tuple[Any, ...]:
        out: list[Any] = [None] * slots[0]
        for i, g in zip(slots[1], grads):
            out[i] = g
        return tuple(out)

    def saw_outputs(self, grads: tuple[Any, ...]) -> list[Any]:
        spread = self._spread(grads, self.output_slots)
        for hook in self.pre_hooks:
            spread = self._changed(hook(self.module, spread), spread, "grad_output")
        self.grad_output = spread
        if not self.inputs_watched:
            for hook in self.hooks:
                if hook(self.module, self._spread((), self.input_slots), spread) is not None:
                    raise RuntimeError("Backward hook for Modules where no input requires gradient "
                                       "should always return None or None for all gradients.")
        return [spread[i] for i in self.output_slots[1]]

    def saw_inputs(self, grads: tuple[Any, ...]) -> list[Any]:
        spread = self._spread(grads, self.input_slots)
        for hook in self.hooks:
            spread = self._changed(hook(self.module, spread, self.grad_output), spread, "grad_input")
        return [spread[i] for i in self.input_slots[1]]

    @staticmethod
    def _changed(got: Any, before: tuple[Any, ...], what: str) -> tuple[Any, ...]:
        if got is None:
            return before
        got = got if isinstance(got, tuple) else (got,)
        if len(got) != len(before):
            raise RuntimeError(f"Backward hook returned an invalid number of grad, got {len(got)}, but "
                               f"expected {len(before)} ({what})")
        return got
