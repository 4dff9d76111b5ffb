"""Gamma, Poisson and binomial variates: rejection in a fixed number of rounds, all on the device.

A round proposes for every element and keeps what an earlier round accepted, so no round waits for
the host to learn how many are left.  The number of rounds leaves a chance below 1e-6 that an
element falls back on the distribution's middle.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..codegen import gamma_derivative  # noqa: F401  (declares a primitive)
from ..codegen.expansion import expansion, iteration, series
from ..codegen.expr import Const, Expr
from ..codegen.gamma_function import _log1p_rest as log1p_rest
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from ..core.op import Op
from .comparison import where as choose
from .declare import composite, declared, plain_bind
from .random import standard_normal, unit

# Chances of refusal: below 0.05 a round for gamma, 0.25 for Poisson, 0.3 for binomial.
_GAMMA_ROUNDS, _POISSON_ROUNDS, _BINOMIAL_ROUNDS = 6, 12, 13
# Below these means counts are found by inverting the distribution function.
_SMALL_MEAN = 10.0
_MOST_STEPS = 200
_REFUSED = -1.0


def _internal(name: str, build: Any, **fields: Any) -> Op:
    def bind(*operands: Any) -> Any:
        return plain_bind(*operands)
    return declared(name, build, bind, "", public=False, **fields)


# Gamma: Marsaglia and Tsang 2000, "A simple method for generating gamma variables" ---

def _boosted(a: Expr) -> Expr:
    return where(a < 1, a + 1, a)


def _gamma_round(held: Expr, a: Expr, z: Expr, u: Expr) -> Expr:
    d = _boosted(a) - 1 / 3
    edge = 1 + z * f("rsqrt", d * 9)
    v = edge * edge * edge
    safe = where(v > 0, v, Const(1.0, v.dtype))
    accepted = (v > 0) & (f("log1p", -u) < z * z * 0.5 + d * (1 - safe + f("log", safe)))
    return where(held > 0, held, where(accepted, d * safe, _REFUSED))


def _gamma_end(held: Expr, a: Expr, u: Expr) -> Expr:
    value = where(held > 0, held, _boosted(a) - 1 / 3)
    small = where(a < 1, a, Const(1.0, a.dtype))
    value = value * where(a < 1, f("exp", f("log1p", -u) / small), Const(1.0, a.dtype))
    least = 2.0 ** -126 if a.dtype is dt.float32 else 2.0 ** -1022
    return where(f("is_nan", a) | (a <= 0), math.nan, where(value < least, least, value))


def _log_gamma_end(held: Expr, a: Expr, u: Expr) -> Expr:
    value = f("log", where(held > 0, held, _boosted(a) - 1 / 3))
    small = where(a < 1, a, Const(1.0, a.dtype))
    value = value + where(a < 1, f("log1p", -u) / small, Const(0.0, a.dtype))
    return where(f("is_nan", a) | (a <= 0), math.nan, value)


def _log_gamma_slope(a: Expr, y: Expr) -> Expr:
    # Where the variate itself underflows, its series has one term.
    seen = y > -60
    x = f("exp", where(seen, y, Const(0.0, y.dtype)))
    return where(seen, f("gamma_slope", a, x) / x, (f("digamma", a + 1) - y) / a)


_gamma_propose = _internal("_gamma_round", _gamma_round, differentiable=False)
_gamma_finish = _internal("_gamma_end", _gamma_end, differentiable=False)
_gamma_moves = _internal("_gamma_moves", lambda a, x: x + (a - a), undefined=(1,),
                         grads=lambda g, o, a, x: (g * f("gamma_slope", a, x), None))

_log_gamma_finish = _internal("_log_gamma_end", _log_gamma_end, differentiable=False)
_log_gamma_moves = _internal("_log_gamma_moves", lambda a, y: y + (a - a), undefined=(1,),
                             grads=lambda g, o, a, y: (g * _log_gamma_slope(a, y), None))


def _gamma_accepted(a: Any, generator: Any) -> Any:
    """What the rounds of rejection leave: variates of shape ``a``, or ``a + 1`` below 1."""
    held: Any = _REFUSED
    for _ in range(_GAMMA_ROUNDS):
        held = _gamma_propose(held, a, standard_normal(**_like(a, generator)), unit(**_like(a, generator)))
    return held


@composite("random", random=True, public=False, name="_log_standard_gamma")
def log_standard_gamma(input: Any, *, generator: Any = None) -> Any:
    """Logarithms of what ``standard_gamma`` draws, which do not underflow for small shapes."""
    wide = _wide(input)
    a = wide.detach()
    drawn = _log_gamma_finish(_gamma_accepted(a, generator), a, unit(**_like(a, generator)))
    return _log_gamma_moves(wide, drawn)


@composite("random", random=True, public=False, name="_standard_gamma")
def standard_gamma(input: Any, *, generator: Any = None) -> Any:
    """Gamma variates of rate 1 and the given shapes, with the implicit derivative by the shape.

    Args:
        input: shapes (*), float32 or float64 (others compute as float32).

    Returns:
        (*), of the input's dtype; at least the smallest normal number.
    """
    wide = _wide(input)
    a = wide.detach()
    drawn = _gamma_finish(_gamma_accepted(a, generator), a, unit(**_like(a, generator)))
    return _gamma_moves(wide, drawn).to(input.dtype)


gamma_slope = _internal("_standard_gamma_grad", lambda a, x: f("gamma_slope", a, x), differentiable=False)


def _wide(x: Any) -> Any:
    return x if x.dtype is dt.float64 else x.to(dt.float32)


def _like(x: Any, generator: Any) -> dict[str, Any]:
    return {"shape": tuple(x.shape), "dtype": x.dtype, "generator": generator, "device": x.device}


# Counts ---

def _stirling(k: Expr) -> Expr:
    """What ``(k + 0.5) log(k) - k + log(2 pi) / 2`` lacks of ``lgamma(k + 1)``, for ``k`` of at least 4."""
    return f("log", series("gamma_scaled", 1 / where(k < 4, Const(4.0, k.dtype), k)))


def _poisson_log_chance(k: Expr, mean: Expr) -> Expr:
    """The logarithm of a count's chance, around the mean so that large terms do not cancel."""
    large = where(k < 4, Const(4.0, k.dtype), k)
    around = large * log1p_rest((mean - large) / large) - 0.5 * f("log", large * (2 * math.pi)) - _stirling(large)
    small = where(k < 4, k, Const(1.0, k.dtype))
    return where(k < 4, small * f("log", mean) - mean - f("lgamma", small + 1), around)


expansion("poisson_log_chance", _poisson_log_chance)


def _poisson_round(held: Expr, mean: Expr, u: Expr, v: Expr) -> Expr:
    # Hörmann 1993, "The transformed rejection method for generating Poisson random variables".
    rate = where(mean < _SMALL_MEAN, Const(_SMALL_MEAN, mean.dtype), mean)
    b = 0.931 + 2.53 * f("sqrt", rate)
    a = 0.02483 * b - 0.059
    at = u - 0.5
    edge = 0.5 - f("abs", at)
    edge = where(edge > 0, edge, Const(2.0 ** -25, mean.dtype))
    count = f("floor", (2 * a / edge + b) * at + rate + 0.43)
    inside = where(count < 0, Const(0.0, count.dtype), count)
    height = f("log1p", -v) + f("log", (1.1239 + 1.1328 / (b - 3.4)) / (a / (edge * edge) + b))
    accepted = (count >= 0) & (height <= f("poisson_log_chance", inside, rate))
    return where(held >= 0, held, where(accepted, count, _REFUSED))


def _inversion(name: str, first: Any, following: Any) -> None:
    """Count how many chances fit below a uniform number: state is (rest, chance, count)."""
    iteration(name, lambda *operands: [operands[-1], first(*operands), operands[0] - operands[0]],
              lambda operands, s: (s[0] >= s[1]) & (s[2] < _MOST_STEPS),
              lambda operands, s: [s[0] - s[1], following(operands, s[1], s[2] + 1), s[2] + 1],
              lambda operands, s: s[2])


_inversion("poisson_count", lambda mean, u: f("exp", -mean), lambda o, chance, k: chance * (o[0] / k))
_inversion("binomial_count", lambda n, p, u: f("exp", n * f("log1p", -p)),
           lambda o, chance, k: chance * ((o[0] - k + 1) / k * (o[1] / (1 - o[1]))))


def _poisson_end(held: Expr, mean: Expr, u: Expr) -> Expr:
    small = mean < _SMALL_MEAN
    low = f("poisson_count", where(small & (mean > 0), mean, Const(1.0, mean.dtype)), u)
    high = where(held >= 0, held, f("floor", mean))
    value = where(small, where(mean > 0, low, 0), high)
    return where((mean < 0) | f("is_nan", mean), math.nan, value)


_poisson_propose = _internal("_poisson_round", _poisson_round, differentiable=False)
_poisson_finish = _internal("_poisson_end", _poisson_end, differentiable=False)


def _poisson_samples() -> Any:
    yield (np.array([[0.0, 0.5, 3.0], [12.0, 80.0, 4e3]]),), {}


@composite("random", random=True, samples=_poisson_samples)
def poisson(input: Any, generator: Any = None) -> Any:
    """Poisson counts with the means that each element gives, as floats; the derivative is zero.

    Raises:
        RuntimeError: elements that are not floating.
    """
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"poisson_cpu" not implemented for {input.dtype}')
    mean = _wide(input.detach())
    held: Any = _REFUSED
    for _ in range(_POISSON_ROUNDS):
        held = _poisson_propose(held, mean, unit(**_like(mean, generator)), unit(**_like(mean, generator)))
    return _poisson_finish(held, mean, unit(**_like(mean, generator))).to(input.dtype)


def _binomial_log_chance(n: Expr, p: Expr, k: Expr) -> Expr:
    # Two Poisson counts of which the sum is known.  What the sum alone says, ratios do not contain.
    return f("poisson_log_chance", k, n * p) + f("poisson_log_chance", n - k, n * (1 - p))


def _binomial_round(held: Expr, n: Expr, p: Expr, u: Expr, v: Expr) -> Expr:
    # Hörmann 1993, "The generation of binomial random variates", algorithm BTRS.
    usual = n * p >= _SMALL_MEAN
    n, p = where(usual, n, Const(40.0, n.dtype)), where(usual, p, Const(0.5, p.dtype))
    spread = f("sqrt", n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = 0.0248 * b + 0.01 * p - 0.0873
    at = u - 0.5
    edge = 0.5 - f("abs", at)
    edge = where(edge > 0, edge, Const(2.0 ** -25, n.dtype))
    count = f("floor", (2 * a / edge + b) * at + n * p + 0.5)
    zero = Const(0.0, n.dtype)
    inside = where(count < 0, zero, where(count > n, n, count))
    mode = f("floor", (n + 1) * p)
    height = f("log1p", -v) + f("log", (2.83 + 5.1 / b) * spread / (a / (edge * edge) + b))
    gain = _binomial_log_chance(n, p, inside) - _binomial_log_chance(n, p, mode)
    accepted = (count >= 0) & (count <= n) & (height <= gain)
    return where(held >= 0, held, where(accepted, count, _REFUSED))


def _binomial_end(held: Expr, n: Expr, p: Expr, u: Expr) -> Expr:
    small = n * p < _SMALL_MEAN
    some = small & (n > 0) & (p > 0)
    low = f("binomial_count", where(some, n, Const(1.0, n.dtype)), where(some, p, Const(0.5, p.dtype)), u)
    low = where(low > n, n, low)
    value = where(small, where(some, low, 0), where(held >= 0, held, f("floor", n * p)))
    return where((n < 0) | (p < 0) | f("is_nan", p), math.nan, value)


_binomial_propose = _internal("_binomial_round", _binomial_round, differentiable=False)
_binomial_finish = _internal("_binomial_end", _binomial_end, differentiable=False)


def _binomial_samples() -> Any:
    yield (np.array([[5.0, 0.0, 9.0], [100.0, 40.0, 4e3]]), np.array([0.3, 0.5, 0.9])), {}


@composite("random", random=True, samples=_binomial_samples)
def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """How many of ``count`` trials succeed, each with the chance ``prob``; the derivative is zero.

    Args:
        count: floats (*) without fractions.
        prob: chances that broadcast with ``count``.

    Raises:
        RuntimeError: elements that are not floating.
    """
    if not count.dtype.is_floating_point:
        raise ValueError(f"binomial only supports floating-point dtypes for count, got: {count.dtype}")
    if not prob.dtype.is_floating_point:
        raise ValueError(f"binomial only supports floating-point dtypes for prob, got: {prob.dtype}")
    n, p = _wide(count.detach()), _wide(prob.detach())
    often = p > 0.5
    p = choose(often, 1 - p, p)
    n = n + (p - p)
    held: Any = _REFUSED
    for _ in range(_BINOMIAL_ROUNDS):
        held = _binomial_propose(held, n, p, unit(**_like(n, generator)), unit(**_like(n, generator)))
    found = _binomial_finish(held, n, p, unit(**_like(n, generator)))
    return choose(often, n - found, found).to(count.dtype)
