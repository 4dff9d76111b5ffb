"""The categorical distribution."""
from __future__ import annotations

import math
from typing import Any

from ..autograd.mode import no_grad
from ..core import dtypes as dt
from ..core.layout import Size, broadcast_shapes
from ..core.limits import finfo
from ..ops.random import multinomial
from ..tensor import ranges
from . import constraints
from .distribution import Distribution
from .parameters import Chances, lazy_property, logits_to_probs, one_of, probs_to_logits


class Categorical(Chances, Distribution):
    """One of n classes, by ``probs`` (*, n), normalised here, or their logarithms ``logits``."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._given, value = one_of(probs, logits)
        if value.ndim < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if self._given == "probs":
            self.__dict__["probs"] = value / value.sum(-1, keepdim=True)
        else:
            self.__dict__["logits"] = value - value.logsumexp(dim=-1, keepdim=True)
        self._num_events = value.shape[-1]
        super().__init__(value.shape[:-1], validate_args=validate_args)

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        new.__dict__[self._given] = self._param.expand(batch_shape + self._param.shape[-1:])

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self) -> Any:
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Any:
        return logits_to_probs(self.logits)

    @property
    def mean(self) -> Any:
        return self.probs.new_full(self._extended_shape(), math.nan)

    @property
    def mode(self) -> Any:
        return self.probs.argmax(dim=-1)

    @property
    def variance(self) -> Any:
        return self.probs.new_full(self._extended_shape(), math.nan)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = Size(sample_shape)
        with no_grad():
            rows = multinomial(self.probs.detach().reshape((-1, self._num_events)), shape.numel(), True)
            return rows.T.reshape(self._extended_shape(shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        index = value.long().unsqueeze(-1)
        shape = Size(broadcast_shapes(index.shape[:-1], self.logits.shape[:-1]))
        logits = self.logits.expand(shape + self.logits.shape[-1:])
        return logits.gather(-1, index.expand(shape + (1,))).squeeze(-1)

    def entropy(self) -> Any:
        # A class without chance adds nothing; its logarithm would make that 0 times infinity.
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        values = ranges.arange(self._num_events, dtype=dt.int64, device=self._param.device)
        values = values.reshape((-1, *(1,) * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values


class Categories(Distribution):
    """What distributions of vectors with an element per class share: the ``Categorical`` they keep."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(self, categorical: Categorical, validate_args: bool | None = None) -> None:
        self._categorical = categorical
        super().__init__(categorical.batch_shape, categorical.param_shape[-1:], validate_args=validate_args)

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        new._categorical = self._categorical.expand(batch_shape)

    @property
    def probs(self) -> Any:
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        return self._categorical.logits

    @property
    def param_shape(self) -> Size:
        return self._categorical.param_shape
