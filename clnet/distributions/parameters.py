"""How distributions take and keep their parameters."""
from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any

from ..autograd.mode import enable_grad
from ..core import dtypes as dt
from ..core.layout import Size
from ..core.limits import finfo
from ..ops.activation import logit, sigmoid
from ..ops.rowwise import softmax
from ..ops.shape import broadcast_tensors
from ..tensor import Tensor, creation, random


def broadcast_all(*values: Any) -> tuple[Any, ...]:
    """Numbers and tensors as tensors of one shape.

    Numbers take the dtype and device of the first tensor, or the default ones.

    Raises:
        ValueError: a value that is neither.
    """
    if not all(isinstance(v, (Tensor, Number)) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects "
                         "implementing __torch_function__.")
    tensors = [v for v in values if isinstance(v, Tensor)]
    options: dict[str, Any] = {"dtype": dt.get_default_dtype()}
    if tensors:
        options = {"dtype": tensors[0].dtype, "device": tensors[0].device}
    made = [v if isinstance(v, Tensor) else creation.tensor(v, **options) for v in values]
    return tuple(broadcast_tensors(*made))


def one_of(probs: Any, logits: Any) -> tuple[str, Any]:
    """("probs" or "logits", its value).

    Raises:
        ValueError: none or both are given.
    """
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return ("probs", probs) if logits is None else ("logits", logits)


class lazy_property:
    """A value computed at its first use and kept on the instance, with derivatives."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__
        self.name = wrapped.__name__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.name] = value
        return value


def clamp_probs(probs: Any) -> Any:
    """Probabilities at least one rounding away from 0 and 1."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """Log-odds of binary probabilities, logarithms of others."""
    held = clamp_probs(probs)
    return logit(held) if is_binary else held.log()


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """The probabilities of log-odds, or of unnormalised logarithms over the last dimension."""
    return sigmoid(logits) if is_binary else softmax(logits, -1)


def sum_rightmost(value: Any, dims: int) -> Any:
    """Sum over the last ``dims`` dimensions."""
    return value if dims == 0 else value.reshape((*value.shape[:-dims], -1)).sum(-1)


def unit_noise(like: Any, shape: Any) -> Any:
    """Uniform numbers of [0, 1) with the dtype and device of ``like``."""
    return random.rand(tuple(shape), dtype=like.dtype, device=like.device)


def normal_noise(like: Any, shape: Any) -> Any:
    """Standard normal numbers with the dtype and device of ``like``."""
    return random.randn(tuple(shape), dtype=like.dtype, device=like.device)


def open_unit_noise(like: Any, shape: Any) -> Any:
    """Uniform numbers of (0, 1)."""
    return unit_noise(like, shape).clamp(min=finfo(like.dtype).tiny)


class Chances:
    """What distributions share whose chances are given as ``probs`` or as ``logits``: ``_given`` says which."""

    _given: str

    @property
    def _param(self) -> Any:
        return self.__dict__[self._given]

    @property
    def param_shape(self) -> Size:
        return self._param.shape


class BinaryChance(Chances):
    """Chances of one of two outcomes: ``logits`` are their log-odds."""

    @lazy_property
    def logits(self) -> Any:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Any:
        return logits_to_probs(self.logits, is_binary=True)
