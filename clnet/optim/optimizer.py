"""What every optimizer has: parameter groups, per-parameter state, hooks, saving and loading."""
from __future__ import annotations

import copy
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from ..autograd.mode import enable_grad, no_grad
from ..autograd.node import RemovableHandle, add_hook
from ..tensor import Tensor

_HOOK_TABLES = ("_step_pre_hooks", "_step_post_hooks", "_state_dict_pre_hooks", "_state_dict_post_hooks",
                "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks")


class _EveryStep:
    """Hooks around the steps of all optimizers."""

    before: ClassVar[OrderedDict[int, Any]] = OrderedDict()
    after: ClassVar[OrderedDict[int, Any]] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before every optimizer's step."""
    return add_hook(_EveryStep.before, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after every optimizer's step."""
    return add_hook(_EveryStep.after, hook)


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A class's ``step`` between its instances' hooks."""
    @functools.wraps(step)
    def call(*args: Any, **kwargs: Any) -> Any:
        self = args[0]  # hooks get it among the arguments, as PyTorch's do
        if self._inside_step:  # a subclass calls its parent's step: the hooks surround the whole
            return step(*args, **kwargs)
        for hook in [*_EveryStep.before.values(), *self._step_pre_hooks.values()]:
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(f"{step.__qualname__} must return None or a tuple of (new_args, "
                                       f"new_kwargs), but got {changed}.")
                args, kwargs = changed
        self._inside_step = True
        try:
            result = step(*args, **kwargs)
        finally:
            self._inside_step = False
        self._stepped = True
        for hook in [*self._step_post_hooks.values(), *_EveryStep.after.values()]:
            hook(self, args, kwargs)
        return result

    return call


class Optimizer:
    """Base of the optimizers; a subclass gives ``defaults`` and defines ``step``.

    Args:
        params: tensors, (name, tensor) pairs, or dictionaries with "params" and options of their own.
        defaults: the options of groups that don't state them.

    Attributes:
        param_groups: dictionaries with "params" and the options, which may be changed any time.
        state: per parameter, what the optimizer remembers.

    Raises:
        TypeError: a lone tensor or something else than tensors.  ValueError: none, or twice the same.
    """

    _step_pre_hooks: OrderedDict[int, Any]
    _step_post_hooks: OrderedDict[int, Any]
    _state_dict_pre_hooks: OrderedDict[int, Any]
    _state_dict_post_hooks: OrderedDict[int, Any]
    _load_state_dict_pre_hooks: OrderedDict[int, Any]
    _load_state_dict_post_hooks: OrderedDict[int, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            setattr(cls, "step", _hooked(cls.__dict__["step"]))

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._prepare()
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or "
                            f"dicts, but got {type(params).__name__}")
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self) -> None:
        for table in _HOOK_TABLES:
            self.__dict__.setdefault(table, OrderedDict())
        self._inside_step = self._stepped = False

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()
        for group in self.param_groups:  # states saved before an option existed lack it
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += ["", f"Parameter Group {i}"] if i else [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # Parameters ---

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, e.g. layers that thaw during training.

        Raises:
            TypeError: no dictionary, a set, or no tensors.
            ValueError: a computed tensor, or one that another group has.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = dict(param_group)
        given = group["params"]
        if isinstance(given, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the "
                            "ordering of tensors in sets will change between runs. Please use a list "
                            "instead.")
        members = [given] if isinstance(given, Tensor) else list(given)
        named = [isinstance(m, tuple) for m in members]
        if any(named):
            if not all(named):
                raise ValueError("all optimizer params should be with/without names. Some param names are "
                                 "missing")
            group["param_names"] = [name for name, _ in members]
            members = [p for _, p in members]
        for p in members:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is "
                                f"{type(p).__name__}")
            if not p.is_leaf and not p.retains_grad:
                raise ValueError("can't optimize a non-leaf Tensor")
        if len(set(members)) != len(members):
            warnings.warn("optimizer contains a parameter group with duplicate parameters; in future, this "
                          "will cause an error", stacklevel=3)
        if set(members) & {p for g in self.param_groups for p in g["params"]}:
            raise ValueError("some parameters appear in more than one parameter group")
        group["params"] = members
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget (or zero) the gradients of all parameters."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad = None if set_to_none else p.grad.detach().zeros_like()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters from their gradients; every subclass defines it.

        Args:
            closure: computes the loss anew, with gradients; its value is returned.
        """
        raise NotImplementedError

    @staticmethod
    def _evaluate(closure: Callable[[], Any] | None) -> Any:
        if closure is None:
            return None
        with enable_grad():
            return closure()

    # Hooks ---

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new arguments."""
        return add_hook(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return add_hook(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any],
                                     prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return add_hook(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any],
                                      prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after; it may return another."""
        return add_hook(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any],
                                          prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return add_hook(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any],
                                           prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after loading."""
        return add_hook(self._load_state_dict_post_hooks, hook, prepend)

    # Saving and loading ---

    def _saved_value(self, key: str, value: Any) -> Any:
        """One entry of a parameter's state, as ``state_dict`` gives it."""
        return value

    def state_dict(self) -> dict[str, Any]:
        """The state, with parameters numbered through all groups, and the groups' options."""
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        number: dict[Any, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                number.setdefault(p, len(number))
            packed = {k: v for k, v in group.items() if k != "params"}
            groups.append({**packed, "params": [number[p] for p in group["params"]]})
        state = {number.get(p, p): {k: self._saved_value(k, v) for k, v in entries.items()}
                 if isinstance(entries, dict) else entries for p, entries in self.state.items()}
        result = {"state": state, "param_groups": groups}
        for hook in self._state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` returned, moved and cast to the parameters' devices and types.

        Raises:
            ValueError: the groups differ in number or size.
        """
        given = dict(state_dict)
        for hook in self._load_state_dict_pre_hooks.values():
            changed = hook(self, given)
            given = given if changed is None else changed
        saved = given["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(s["params"]) != len(g["params"]) for s, g in zip(saved, self.param_groups)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of "
                             "optimizer's group")
        owner = {n: p for s, g in zip(saved, self.param_groups) for n, p in zip(s["params"], g["params"])}
        state: defaultdict[Any, Any] = defaultdict(dict)
        with no_grad():
            for number, entries in given["state"].items():
                p = owner.get(number)
                state[number if p is None else p] = entries if p is None else _adopted(p, entries, "")
        groups = [{**copy.deepcopy({k: v for k, v in s.items() if k != "params"}), "params": g["params"]}
                  for s, g in zip(saved, self.param_groups)]
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._load_state_dict_post_hooks.values():
            hook(self)


def _adopted(p: Tensor, value: Any, key: str) -> Any:
    """A loaded value as the state of parameter ``p``; step counts keep their type."""
    if isinstance(value, Tensor):
        dtype = p.dtype if p.is_floating_point() and key != "step" else value.dtype
        return value.detach().to(device=p.device, dtype=dtype, copy=True)
    if isinstance(value, Mapping):
        return {k: _adopted(p, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        kind: Callable[..., Any] = type(value)
        return kind(_adopted(p, v, key) for v in value)
    return value


def refuse_differentiable(differentiable: bool) -> None:
    """Raise NotImplementedError where a step itself should be differentiated."""
    if differentiable:
        raise NotImplementedError("differentiable=True: steps run outside the graph; write the update with "
                                  "ordinary operators to differentiate through it")


def scalar(value: Any) -> Any:
    """A hyper-parameter as an operand: a float, or a 0-d tensor."""
    return value.reshape(()) if isinstance(value, Tensor) else float(value)
