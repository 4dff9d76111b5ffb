"""Transforms from unconstrained numbers to a constraint's set, for optimisation and inference."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import constraints, transforms
from .constraints import Constraint

Factory = Callable[[Any], Any]


class ConstraintRegistry:
    """Which transform maps real numbers onto the set of a constraint.

    Raises:
        NotImplementedError: called on a constraint without a registered transform.
    """

    def __init__(self) -> None:
        self._factories: dict[type, Factory] = {}

    def register(self, constraint: Any, factory: Factory | None = None) -> Any:
        if factory is None:
            return lambda given: self.register(constraint, given)
        found = type(constraint) if isinstance(constraint, Constraint) else constraint
        if not (isinstance(found, type) and issubclass(found, Constraint)):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {found}")
        self._factories[found] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        factory = self._factories.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


# Bijections, and maps that may not be injective.
biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _above(constraint: Any) -> Any:
    return transforms.ComposeTransform([transforms.ExpTransform(),
                                        transforms.AffineTransform(constraint.lower_bound, 1)])


def _below(constraint: Any) -> Any:
    return transforms.ComposeTransform([transforms.ExpTransform(),
                                        transforms.AffineTransform(constraint.upper_bound, -1)])


def _between(constraint: Any) -> Any:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


def _of_positive(constraint: Any) -> Any:
    is_zero = isinstance(constraint.lower_bound, (int, float)) and constraint.lower_bound == 0
    return transforms.ExpTransform() if is_zero else _above(constraint)


for _registry in (biject_to, transform_to):
    _registry.register(constraints.real, lambda constraint: transforms.identity_transform)
    _registry.register(constraints.greater_than, _of_positive)
    _registry.register(constraints.greater_than_eq, _of_positive)
    _registry.register(constraints.less_than, _below)
    _registry.register(constraints.interval, _between)
    _registry.register(constraints.half_open_interval, _between)
    _registry.register(constraints.lower_cholesky, lambda constraint: transforms.LowerCholeskyTransform())
    _registry.register(constraints.positive_definite, lambda constraint: transforms.PositiveDefiniteTransform())
    _registry.register(constraints.positive_semidefinite, lambda constraint: transforms.PositiveDefiniteTransform())
biject_to.register(constraints.simplex, lambda constraint: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda constraint: transforms.SoftmaxTransform())


def _independent(registry: ConstraintRegistry) -> Factory:
    return lambda constraint: transforms.IndependentTransform(
        registry(constraint.base_constraint), constraint.reinterpreted_batch_ndims)


def _of_parts(registry: ConstraintRegistry) -> tuple[Factory, Factory]:
    return (lambda c: transforms.CatTransform([registry(part) for part in c.cseq], c.dim, c.lengths),
            lambda c: transforms.StackTransform([registry(part) for part in c.cseq], c.dim))


for _registry in (biject_to, transform_to):
    _registry.register(constraints.independent, _independent(_registry))
    _registry.register(constraints.cat, _of_parts(_registry)[0])
    _registry.register(constraints.stack, _of_parts(_registry)[1])
