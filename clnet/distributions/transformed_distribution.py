"""Distributions of transformed values."""
from __future__ import annotations

from typing import Any

from ..autograd.mode import no_grad
from ..core.layout import Size
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .parameters import sum_rightmost
from .transform import ComposeTransform, Transform


class TransformedDistribution(Distribution):
    """What ``transforms``, applied in order, make of the values of ``base_distribution``.

    Raises:
        ValueError: transforms that are none, or a base of fewer dimensions than they take.
    """

    arg_constraints: Any = {}

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(self.transforms, list) or not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms}")
        shape = base_distribution.batch_shape + base_distribution.event_shape
        base_dims = len(base_distribution.event_shape)
        whole = ComposeTransform(self.transforms)
        if len(shape) < whole.domain.event_dim:
            raise ValueError("base_distribution needs to have shape with size at least "
                             f"{whole.domain.event_dim}, but got {shape}.")
        forward = Size(whole.forward_shape(shape))
        needed = Size(whole.inverse_shape(forward))
        if shape != needed:
            base_distribution = base_distribution.expand(needed[:len(needed) - base_dims])
        extra = whole.domain.event_dim - base_dims
        self.base_dist: Any = Independent(base_distribution, extra) if extra > 0 else base_distribution
        dims = max(whole.codomain.event_dim, base_dims + whole.codomain.event_dim - whole.domain.event_dim)
        at = len(forward) - dims
        super().__init__(forward[:at], forward[at:], validate_args=validate_args)

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        whole = ComposeTransform(self.transforms)
        base_dims = len(self.base_dist.event_shape)
        needed = Size(whole.inverse_shape(batch_shape + self._event_shape))
        new.base_dist = self.base_dist.expand(needed[:len(needed) - base_dims])

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return bool(self.base_dist.has_rsample)

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        found = self.transforms[-1].codomain
        more = len(self._event_shape) - found.event_dim
        return constraints.independent(found, more) if more > 0 else found

    def _through(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return self._through(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._through(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        dims = len(self._event_shape)
        total: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            total = total - sum_rightmost(transform.log_abs_det_jacobian(x, y), dims - transform.domain.event_dim)
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def _sign(self) -> Any:
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return sign

    def _oriented(self, chance: Any) -> Any:
        """The chance of the other side where the transforms together fall."""
        sign = self._sign()
        if isinstance(sign, (int, float)) and sign == 1:
            return chance
        return sign * (chance - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._oriented(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._through(self.base_dist.icdf(self._oriented(value)))


class Relaxed(TransformedDistribution):
    """What relaxed chances share: the temperature and the chances are those of what is transformed."""

    @property
    def temperature(self) -> Any:
        return self.base_dist.temperature

    @property
    def logits(self) -> Any:
        return self.base_dist.logits

    @property
    def probs(self) -> Any:
        return self.base_dist.probs
