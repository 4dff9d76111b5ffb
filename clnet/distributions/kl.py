"""Kullback-Leibler divergences, by the classes of both distributions."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from . import cross_divergences, divergences
from .distribution import Distribution
from .independent import Independent
from .parameters import sum_rightmost
from .transformed_distribution import TransformedDistribution

Rule = Callable[[Any, Any], Any]
# The rules by classes: a registry that users extend, as PyTorch's.
_RULES: dict[tuple[type, type], Rule] = {**divergences.RULES, **cross_divergences.RULES}


def register_kl(type_p: type, type_q: type) -> Callable[[Rule], Rule]:
    """Decorator: the divergence of a ``type_p`` from a ``type_q``, and of their subclasses.

    Raises:
        TypeError: classes that are no distributions.
    """
    for name, given in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(given, type) and issubclass(given, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {given}")

    def register(rule: Rule) -> Rule:
        _RULES[type_p, type_q] = rule
        return rule
    return register


def _found(type_p: Any, type_q: Any) -> Rule:
    """The rule of the nearest classes, first by p's, then by q's.

    Raises:
        NotImplementedError: no rule fits.
    """
    fitting = [(type_p.__mro__.index(p), type_q.__mro__.index(q), p, q) for p, q in _RULES
               if issubclass(type_p, p) and issubclass(type_q, q)]
    if not fitting:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {type_p.__name__} and q type "
                                  f"{type_q.__name__}")
    left = min(fitting, key=lambda m: m[:2])
    right = min(fitting, key=lambda m: (m[1], m[0]))
    first, second = _RULES[left[2:]], _RULES[right[2:]]
    if first is not second:
        warnings.warn(f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please "
                      f"register_kl({left[2].__name__}, {right[3].__name__})", RuntimeWarning, stacklevel=3)
    return first


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """The Kullback-Leibler divergence of ``p`` from ``q``, for each of the batch.

    Raises:
        NotImplementedError: no rule is registered for these classes.
    """
    return _found(type(p), type(q))(p, q)


@register_kl(Independent, Independent)
def _(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL between Independents of different reinterpreted_batch_ndims")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("KL between distributions of different transforms or event shapes")
    return kl_divergence(p.base_dist, q.base_dist)
