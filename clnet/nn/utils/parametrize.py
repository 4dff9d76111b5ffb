"""Parameters that are computed from others: ``module.weight`` becomes a function of what is trained."""
from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ...autograd.mode import no_grad
from ...tensor import Tensor
from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

_cache: ContextVar[dict[Any, Any] | None] = ContextVar("parametrization_cache", default=None)
_UNSAFE = "Registering a parametrization may not change the {} of the tensor, unless `unsafe` flag is enabled.\n"


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once inside the block, e.g. for layers that share weights."""
    if _cache.get() is not None:
        yield
        return
    token = _cache.set({})
    try:
        yield
    finally:
        _cache.reset(token)


def _register(module: Module, name: str, value: Tensor) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _invertible(module: Any) -> bool:
    return callable(getattr(type(module), "right_inverse", None))


def _refuse_changes(what: str, before: Any, after: Any) -> None:
    """Raise ValueError unless ``after`` is a tensor of the dtype and shape of ``before``."""
    if not isinstance(after, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
    for property_ in ("dtype", "shape"):
        old, new = getattr(before, property_), getattr(after, property_)
        if old != new:
            raise ValueError(_UNSAFE.format(property_) + f"unparametrized {property_}: {old}\n"
                             f"parametrized {property_}: {new}")


class ParametrizationList(ModuleList):
    """The functions that make one tensor, first to last, and the ``original`` (or original0, ...) they start at.

    Raises:
        ValueError: no functions, or results of another shape or dtype, unless ``unsafe``.
    """

    original: Any

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach()
        new: Any = original
        with no_grad():
            for function in reversed(list(self)):
                if _invertible(function):
                    try:
                        new = function.right_inverse(new)
                    except NotImplementedError:
                        continue
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError("'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                             f"{type(new).__name__}")
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            if new.dtype != original.dtype:
                raise ValueError("When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                                 f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {new.dtype}")
            if new is not original:
                original.data = new.detach()
            _register(self, "original", original)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError("'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                                     f"tuple...). Got element {i} of the sequence with type {type(part).__name__}.")
                held: Any = part.detach()
                if isinstance(original, Parameter):
                    held = Parameter(held, original.requires_grad)
                _register(self, f"original{i}", held)
        if not unsafe:
            _refuse_changes("tensor", before, self())

    def _originals(self) -> list[Any]:
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Set what is trained so that the functions give ``value`` (or what is nearest).

        Raises:
            RuntimeError: a function has no ``right_inverse``.  ValueError: one gives something else.
        """
        found: Any = value
        with no_grad():
            for function in reversed(list(self)):
                if not _invertible(function):
                    raise RuntimeError(f"parametrization {type(function).__name__} does not implement right_inverse.")
                found = function.right_inverse(found)
            parts = [found] if self.is_tensor else list(found)
            if len(parts) != self.ntensors:
                raise ValueError("'right_inverse' must return a sequence of tensors of length "
                                 f"{self.ntensors}. Got a sequence of length {len(parts)}.")
            for held, part in zip(self._originals(), parts):
                if not isinstance(part, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(part).__name__}")
                if part.dtype != held.dtype:
                    raise ValueError(f"The tensor returned by `right_inverse` has dtype {part.dtype} while "
                                     f"`original` has dtype {held.dtype}")
                held.data = part.detach()

    def forward(self) -> Any:
        first, *others = list(self)
        x = first(*self._originals())
        for function in others:
            x = function(x)
        return x


def _refuse_state(self: Any) -> Any:
    raise RuntimeError("Serialization of parametrized modules is only supported through state_dict().")


def _copied(self: Any, memo: dict[int, Any]) -> Any:
    found = memo.get(id(self))
    if found is None:
        found = memo[id(self)] = object.__new__(type(self))
        found.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return found


def _computed(name: str) -> property:
    """The attribute that runs the functions, and sets what they start at."""
    def get(self: Any) -> Any:
        function, found = self.parametrizations[name], _cache.get()
        if found is None:
            return function()
        key = (id(self), name)
        if key not in found:
            found[key] = function()
        return found[key]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)
    return property(get, put)


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *,
                             unsafe: bool = False) -> Module:
    """Make ``module.tensor_name`` the result of ``parametrization`` on what is trained from now on.

    A second one for the same tensor acts on the first one's result.

    Args:
        unsafe: let shape and dtype change.

    Raises:
        ValueError: no such tensor, or another shape or dtype, unless ``unsafe``.
    """
    target: Any = module
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        held = target.parametrizations[tensor_name]
        if not unsafe:
            before = getattr(module, tensor_name)
            _refuse_changes("tensor", before, parametrization(before))
        held.append(parametrization)
        held.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with "
                         f"name '{tensor_name}'")
    functions = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        cls = type(module)
        members: dict[str, Any] = {"__getstate__": _refuse_state}
        if getattr(cls, "__deepcopy__", None) is None:
            members["__deepcopy__"] = _copied
        target.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)
        target.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _computed(tensor_name))
    target.parametrizations[tensor_name] = functions
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrized tensors, or this one."""
    held = module._modules.get("parametrizations")
    if not isinstance(held, ModuleDict):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make the tensor an ordinary parameter or buffer again.

    Args:
        leave_parametrized: keep the functions' result, in place of what they start at.

    Raises:
        ValueError: it is not parametrized, or starts at several tensors and their result is not to be kept.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    target: Any = module
    functions = target.parametrizations[tensor_name]
    with no_grad():
        result = getattr(module, tensor_name).detach().clone()
    if functions.is_tensor:
        original = functions.original
        if leave_parametrized:
            original.data = result
    elif leave_parametrized:
        first = functions.original0
        original = Parameter(result, first.requires_grad) if isinstance(first, Parameter) else result
    else:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in "
                         "terms of a sequence of tensors.")
    delattr(type(module), tensor_name)
    del target.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        del target.parametrizations
        target.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class as it was written."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module: Module, to_module: Module,
                                         tensor_name: str | None = None) -> Module:
    """Give another module the same functions, and the values they start at.

    Raises:
        ValueError: ``tensor_name`` is not parametrized.
    """
    source: Any = from_module
    target: Any = to_module
    if tensor_name is not None and not is_parametrized(from_module, tensor_name):
        raise ValueError(f"Module {from_module} does not have a parametrization on {tensor_name}")
    for name in [tensor_name] if tensor_name is not None else list(source.parametrizations):
        if name not in to_module._parameters and not is_parametrized(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        for function in source.parametrizations[name]:
            register_parametrization(to_module, name, function)
        for held, given in zip(target.parametrizations[name]._originals(),
                               source.parametrizations[name]._originals()):
            held.data = given.detach().clone()
    return to_module
