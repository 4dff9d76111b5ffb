"""Pruning: weights times masks of zeros and ones, chosen at random, by size, or by the caller."""
from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from ...ops.join import cat
from ...ops.reduction import vector_norm
from ...tensor import Tensor
from ...tensor.creation import ones_like
from ...tensor.random import rand_like
from ..modules.module import Module

_KINDS = ("unstructured", "structured", "global")


class BasePruningMethod(ABC):
    """A way to choose masks; a subclass defines ``PRUNING_TYPE`` and ``compute_mask``.

    ``apply(module, name)`` moves the parameter to ``name_orig``, keeps the mask as the buffer ``name_mask``,
    and sets ``name`` to their product before each forward.
    """

    _tensor_name: str
    PRUNING_TYPE: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask, given importance scores of the elements and the mask so far."""

    def apply_mask(self, module: Module) -> Any:
        """The parameter times its mask."""
        return getattr(module, f"{self._tensor_name}_mask") * getattr(module, f"{self._tensor_name}_orig")

    @classmethod
    def apply(cls, module: Module, name: str, *args: Any, importance_scores: Any = None,
              **kwargs: Any) -> BasePruningMethod:
        """Prune a parameter, once more where it is pruned already.

        Raises:
            TypeError: scores are no tensor.  ValueError: they have another shape.
        """
        found = [(key, hook.function) for key, hook in module._forward_pre_hooks.items()
                 if isinstance(hook.function, BasePruningMethod) and hook.function._tensor_name == name]
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        if found:
            key, before = found[0]
            del module._forward_pre_hooks[key]
            container = before if isinstance(before, PruningContainer) else PruningContainer(before)
            container.add_pruning_method(method)
            method = container
        weight = getattr(module, name)
        scores = weight if importance_scores is None else importance_scores
        if not isinstance(scores, Tensor):
            raise TypeError(f"importance_scores should be a Tensor, got {type(scores)}")
        if tuple(scores.shape) != tuple(weight.shape):
            raise ValueError("importance_scores should have the same shape as parameter "
                             f"{name} of {module}")
        if not found:
            parameter = module._parameters.pop(name)
            module.register_parameter(f"{name}_orig", parameter)
            default = ones_like(weight.detach())
        else:
            default = getattr(module, f"{name}_mask").detach().clone()
        mask = method.compute_mask(scores.detach(), default)
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """A tensor with the pruned elements zero, outside any module."""
        if importance_scores is not None and tuple(importance_scores.shape) != tuple(t.shape):
            raise ValueError("importance_scores should have the same shape as tensor t")
        default = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(t if importance_scores is None else importance_scores, default)

    def remove(self, module: Module) -> None:
        """Make the pruned values the parameter itself."""
        name = self._tensor_name
        original: Any = module._parameters.pop(f"{name}_orig")
        mask: Any = module._buffers.pop(f"{name}_mask")
        module.__dict__.pop(name, None)
        original.data = (original.detach() * mask).detach()
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Several methods on one parameter, each on what the ones before left."""

    PRUNING_TYPE = "container"

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        for method in args:
            self._tensor_name = method._tensor_name
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Take one more.

        Raises:
            TypeError: no method.  ValueError: it is another tensor's.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._pruning_methods and method._tensor_name != self._tensor_name:
            raise ValueError("Can only add pruning methods acting on the parameter named "
                             f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'")
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        method: Any = self._pruning_methods[-1]
        kind = method.PRUNING_TYPE
        if kind not in _KINDS:
            raise ValueError(f"Unrecognized PRUNING_TYPE {kind}")
        left: Any = None
        if kind == "unstructured":
            left = default_mask == 1
        elif kind == "structured":
            dim = method.dim % t.ndim
            slices = default_mask.sum(tuple(d for d in range(t.ndim) if d != dim)) != 0
            left = slices.reshape([-1 if d == dim else 1 for d in range(t.ndim)]).expand(t.shape)
        if left is None:
            return method.compute_mask(t, default_mask)
        if kind == "unstructured":
            part = method.compute_mask(t[left], default_mask[left])
        else:
            kept = slices.nonzero().reshape(-1)
            part = method.compute_mask(t.index_select(dim, kept), default_mask.index_select(dim, kept)).reshape(-1)
        mask = default_mask.clone()
        mask[left] = part.to(mask.dtype).reshape(-1)
        return mask


def _amount(amount: Any, size: int) -> int:
    """How many of ``size`` an amount is: a share, or a number.

    Raises:
        TypeError: no number.  ValueError: out of range.
    """
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, numbers.Integral)
    if float(amount) < 0 or (not whole and float(amount) > 1.0):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")
    if whole and float(amount) > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
    return int(float(amount)) if whole else round(float(amount) * size)


class Identity(BasePruningMethod):
    """Prunes nothing, but puts mask and parameter in place."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return default_mask


class _Lowest(BasePruningMethod):
    """Prunes the elements with the lowest scores."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        _amount(amount, 1 << 62)
        self.amount = amount

    @abstractmethod
    def scores(self, t: Any) -> Any:
        """What is compared."""

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        n = _amount(self.amount, t.numel())
        mask = default_mask.clone()
        if n:
            lowest = self.scores(t).reshape(-1).topk(n, largest=False)[1]
            mask = mask.reshape(-1).index_fill(0, lowest, 0).reshape(mask.shape)
        return mask


class RandomUnstructured(_Lowest):
    """Prunes elements at random."""

    def scores(self, t: Any) -> Any:
        return rand_like(t)


class L1Unstructured(_Lowest):
    """Prunes the smallest elements."""

    def scores(self, t: Any) -> Any:
        return t.abs()


class _LowestSlices(BasePruningMethod):
    """Prunes the slices along ``dim`` with the lowest scores."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        _amount(amount, 1 << 62)
        self.amount, self.dim = amount, dim

    @abstractmethod
    def scores(self, t: Any, dim: int) -> Any:
        """What is compared, one value per slice."""

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        if t.ndim <= 1:
            raise ValueError("Structured pruning can only be applied to multidimensional tensors. Found tensor of "
                             f"shape {t.shape} with {t.ndim} dims")
        if not -t.ndim <= self.dim < t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        dim = self.dim % t.ndim
        n = _amount(self.amount, t.shape[dim])
        if not n:
            return default_mask
        lowest = self.scores(t, dim).topk(n, largest=False)[1]
        return default_mask * ones_like(t).index_fill(dim, lowest, 0)


class RandomStructured(_LowestSlices):
    """Prunes slices along ``dim`` at random."""

    def scores(self, t: Any, dim: int) -> Any:
        return rand_like(vector_norm(t, 1.0, tuple(d for d in range(t.ndim) if d != dim)))


class LnStructured(_LowestSlices):
    """Prunes the slices along ``dim`` with the smallest norms of order ``n``."""

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def scores(self, t: Any, dim: int) -> Any:
        others = tuple(d for d in range(t.ndim) if d != dim)
        return vector_norm(t, 2.0 if self.n == "fro" else float(self.n), others)


class CustomFromMask(BasePruningMethod):
    """Prunes by a mask of the caller's."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Put mask and parameter in place without pruning anything."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Any) -> Module:
    """Prune a share (float) or number (int) of elements at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: Any, importance_scores: Any = None) -> Module:
    """Prune a share (float) or number (int) of elements, the smallest (or of lowest scores)."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Any, dim: int) -> Module:
    """Prune a share or number of slices along ``dim`` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: Module, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None) -> Module:
    """Prune a share or number of slices along ``dim``, those with the smallest norms of order ``n``."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Any) -> Module:
    """Prune by a mask."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters: Iterable[tuple[Module, str]], pruning_method: Any,
                        importance_scores: dict[tuple[Module, str], Any] | None = None, **kwargs: Any) -> None:
    """Prune elements of several parameters as if they were one.

    Raises:
        TypeError: no list or tuple of parameters, or a method that is not unstructured.
    """
    if not isinstance(parameters, (list, tuple)):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    given = importance_scores or {}
    scores = [given.get((m, n), getattr(m, n)).detach() for m, n in parameters]
    masks = [getattr(m, f"{n}_mask", ones_like(getattr(m, n).detach())) for m, n in parameters]
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError('Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
                        f"{pruning_method} of type {method.PRUNING_TYPE}")
    container.add_pruning_method(method)
    mask = container.compute_mask(cat([s.reshape(-1) for s in scores]), cat([m.reshape(-1) for m in masks]))
    start = 0
    for (module, name), score in zip(parameters, scores):
        custom_from_mask(module, name, mask.narrow(0, start, score.numel()).reshape(score.shape))
        start += score.numel()


def remove(module: Module, name: str) -> Module:
    """Make the pruned values of a parameter permanent, and the mask forgotten.

    Raises:
        ValueError: it is not pruned.
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook.function, BasePruningMethod) and hook.function._tensor_name == name:
            hook.function.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether a module, or any below it, has pruned parameters."""
    return any(isinstance(hook.function, BasePruningMethod) for m in module.modules()
               for hook in m._forward_pre_hooks.values())
