"""Random numbers: the draws behind creation and in-place filling, dropout, bernoulli, multinomial."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..codegen.expr import Expr, cast
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from ..core import generator as generators
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.op import Op
from ..core.plan import Plan
from ..host import random as host_random
from ..kernels import random as kernel
from ..kernels.random import Distribution
from .comparison import eq, isfinite
from .comparison import where as choose
from .declare import composite, declared, planner
from .reduction import amax
from .reduction import any as any_
from .rowwise import dense, softmax
from .select import topk
from .sort import argsort
from .view import expand, reshape

# From this many integers to choose from on, 64 bits keep the choice even.
_WIDE_SPAN = 1 << 20


def _draw_op(d: Distribution, compute: Callable[[DType], DType]) -> Op:
    """The operator that fills a shape with draws.

    Its operands are (seed, call, *parameters), so that neither is part of a plan.
    """
    def plan(operands: Sequence[Any], attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        dtype = attrs["dtype"]
        inner = attrs.get("compute") or compute(dtype)
        bits = 64 if attrs.get("wide") or inner is dt.float64 else 32
        return kernel.plan(d, operands, attrs["shape"], dtype, inner, bits, caps, out[0] if out else None)

    def host(arrays: Any, layouts: Any, attrs: dict[str, Any]) -> np.ndarray:
        inner = attrs.get("compute") or compute(attrs["dtype"])
        bits = 64 if attrs.get("wide") or inner is dt.float64 else 32
        seed, call, *parameters = arrays
        drawn = kernel.words(seed, call, math.prod(attrs["shape"]), bits)
        return host_random.draw(d.kind, d.value, drawn, parameters, attrs["shape"], inner,
                                kernel.MANTISSA.get(inner, 24))

    return planner(f"_{d.name}", draw_call, plan, family="random", random=True, public=False, host=host,
                   vjp=lambda ctx, g: (None,) * len(ctx.needs))


def draw_call(*parameters: Any, shape: Sequence[int], dtype: DType, generator: Any = None,
              **attrs: Any) -> Any:
    """(operands, attributes) of a draw; takes one call from the generator."""
    source = generator if generator is not None else generators.default
    return (*source.draw(), *parameters), {"shape": tuple(shape), "dtype": dtype, **attrs}


def _floating(dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else dt.float32


def _whole(dtype: DType) -> DType:
    return dt.int64


def _single(dtype: DType) -> DType:
    return dt.float32


def _positive(u: Expr) -> Expr:
    """A number in (0, 1) out of one in [0, 1)."""
    return where(u <= 0, 2.0 ** -25, u)


unit = _draw_op(Distribution("rand", "unit", lambda u: u), _floating)
uniform = _draw_op(Distribution("uniform", "unit", lambda u, low, high: low + u * (high - low)), _floating)
standard_normal = _draw_op(Distribution("randn", "normal", lambda z: z), _floating)
normal = _draw_op(Distribution("normal", "normal", lambda z, mean, std: mean + z * std), _floating)
log_normal = _draw_op(Distribution("log_normal", "normal", lambda z, mean, std: f("exp", mean + z * std)),
                      _floating)
exponential = _draw_op(Distribution("exponential", "unit", lambda u, rate: f("log1p", -_positive(u)) / -rate),
                       _floating)
cauchy = _draw_op(Distribution("cauchy", "unit", lambda u, median, sigma: median + sigma * f(
    "tan", (_positive(u) - 0.5) * math.pi)), _floating)
geometric = _draw_op(Distribution("geometric", "unit", lambda u, p: f(
    "ceil", f("log", _positive(u)) / f("log1p", -p))), _single)
integers = _draw_op(Distribution("randint", "integer", lambda v, low, span: v + low), _whole)
bernoulli_draw = _draw_op(
    Distribution("bernoulli", "unit", lambda u, p: u < p,
                 lambda u, p: f("bit_not", (p >= 0) & (p <= 1)), "probability_range"), _single)


def integer_range(low: int, high: int) -> tuple[int, int, bool]:
    """(low, how many integers, whether that takes 64 bits) of the draws from [low, high).

    Raises:
        RuntimeError: the interval is empty.
    """
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    span = high - low
    return low, span % (1 << 64), span >= _WIDE_SPAN


def permutation(n: int, generator: Any = None, device: Any = None) -> Any:
    """0 to n - 1 in random order, as int64: the order of as many random keys of 64 bits."""
    keys = integers(0, 1 << 63, shape=(n,), dtype=dt.int64, generator=generator, device=device, wide=True)
    return argsort(keys)


def _samples(*arguments: Any, shape: tuple[int, ...] = (2, 3, 4, 5), low: float = -2.0) -> Callable[[], Any]:
    def generate() -> Any:
        x = np.linspace(low, 0.9, math.prod(shape)).reshape(shape)
        for given in arguments or ((),):
            yield (x, *given), {}
    return generate


# Bernoulli and multinomial ---

@composite("random", random=True, samples=_samples((), (0.3,), low=0.1))
def bernoulli(input: Any, p: float | None = None, *, generator: Any = None) -> Any:
    """1 with the probability that each element gives (or with probability ``p``), else 0.

    Raises:
        RuntimeError: a probability outside [0, 1] (of a tensor's: at the next synchronisation).
    """
    if p is not None:
        return bernoulli_draw(_probability(p), shape=input.shape, dtype=input.dtype, generator=generator,
                              device=input.device)
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"bernoulli_tensor_cpu_p_" not implemented for {input.dtype}')
    return bernoulli_draw(dense(input), shape=input.shape, dtype=input.dtype, generator=generator,
                          compute=_wide(input.dtype))


def _wide(dtype: DType) -> DType:
    return dt.float64 if dtype is dt.float64 else dt.float32


def _probability(p: float) -> float:
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return float(p)


_multinomial = planner("_multinomial", lambda weights, uniforms: ((weights, uniforms), {}),
                       kernel.multinomial, family="random", random=True, public=False,
                       host=lambda arrays, layouts, attrs: host_random.categories(*arrays))


@composite("random", random=True, samples=_samples((1,), (4,), (6, True), shape=(3, 5), low=0.1))
def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Any:
    """Indices drawn with probabilities in proportion to each row's weights.

    Args:
        input: weights (n) or (rows, n), not negative.

    Returns:
        int64 (num_samples) or (rows, num_samples).

    Raises:
        RuntimeError: weights that are negative, infinite or sum to zero; more samples than weights
            without replacement.
    """
    if input.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype}")
    n = input.shape[-1]
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > n:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    weights = dense(reshape(input.detach().to(dt.float32), (-1, n)))
    if replacement or num_samples == 1:
        uniforms = unit(shape=(weights.shape[0], num_samples), dtype=dt.float32, generator=generator,
                        device=input.device)
        chosen = _multinomial(weights, uniforms)
    else:
        chosen = _race(weights, num_samples, generator)
    return reshape(chosen, (num_samples,)) if input.ndim == 1 else chosen


def _race(weights: Any, samples: int, generator: Any) -> Any:
    """Distinct indices: the first to arrive in an exponential race (Efraimidis & Spirakis 2006).

    Whether the weights are right is read back, for they are checked nowhere else.
    """
    largest = amax(weights, 1, True)
    if bool(any_((weights < 0) | ~isfinite(weights)).item()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if bool(any_(largest <= 0).item()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    times = exponential(1.0, shape=weights.shape, dtype=dt.float32, generator=generator, device=weights.device)
    arrivals = choose(weights > 0, times / (weights / largest), math.inf)
    return topk(arrivals, samples, 1, False)[1]


# Dropout ---

_masked_scale = declared("dropout", lambda x, m, scale: x * (cast(m, x.dtype) * scale),
                         lambda *operands: (operands, {}), "", conditions=(1,), public=False)
_masked_alpha = declared(
    "alpha_dropout", lambda x, m, scale, fill, shift: x * (cast(m, x.dtype) * scale) + (
        (cast(m, x.dtype) - 1) * fill + shift),
    lambda *operands: (operands, {}), "", conditions=(1,), public=False)


def _check_probability(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _keep_mask(input: Any, shape: Sequence[int], p: float) -> Any:
    return bernoulli_draw(1.0 - p, shape=shape, dtype=dt.bool_, device=input.device)


def _drop(input: Any, shape: Sequence[int], p: float, training: bool) -> Any:
    _check_probability(p)
    if not training or p == 0 or not input.numel():
        return input
    if p == 1:
        return input * 0.0
    return _masked_scale(input, _keep_mask(input, shape, p), 1.0 / (1.0 - p))


def _functional(**fields: Any) -> Any:
    return composite("random", namespace="nn.functional", method=False, random=True, **fields)


def _written(input: Any, result: Any, inplace: bool) -> Any:
    return input.copy_(result) if inplace and result is not input else result


@composite("random", random=True, method=False, samples=_samples((0.3, True), (0.3, False)))
def dropout(input: Any, p: float, train: bool) -> Any:
    """Elements zeroed with probability ``p``, the others scaled by ``1 / (1 - p)``, if ``train``."""
    return _drop(input, input.shape, p, train)


@_functional(name="dropout", samples=_samples((), (0.3, False)))
def f_dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Elements zeroed with probability ``p``, the others scaled by ``1 / (1 - p)``, in training.

    Raises:
        ValueError: ``p`` outside [0, 1].
    """
    return _written(input, _drop(input, input.shape, p, training), inplace)


def _channels(input: Any, unbatched: int) -> tuple[int, ...]:
    """Shape of a mask with one value per channel; an input without a batch has ``unbatched`` dims."""
    kept = 1 if input.ndim == unbatched else 2
    return tuple(input.shape[:kept]) + (1,) * (input.ndim - kept)


def _channel_dropout(name: str, dims: int) -> Op:
    def body(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        _check_probability(p)
        if input.ndim not in (dims + 1, dims + 2):
            raise RuntimeError(f"{name}: Expected {dims + 1}D or {dims + 2}D input, but received a "
                               f"{input.ndim}D input.")
        return _written(input, _drop(input, _channels(input, dims + 1), p, training), inplace)

    body.__doc__ = f"Whole channels of {dims} dimensions zeroed with probability ``p`` in training."
    return _functional(name=name, samples=_samples((), shape=(2, 3, 4, 5, 6)[:dims + 2]))(body)


dropout1d, dropout2d, dropout3d = (_channel_dropout(f"dropout{n}d", n) for n in (1, 2, 3))

_ALPHA = -1.7580993408473766


@_functional(name="alpha_dropout", samples=_samples((), (0.3, True)))
def f_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps mean and variance of self-normalising networks (Klambauer et al. 2017)."""
    _check_probability(p)
    if not training or p == 0 or not input.numel():
        return input
    if p == 1:
        return _written(input, input * 0.0, inplace)
    scale = 1.0 / math.sqrt((_ALPHA ** 2 * p + 1) * (1 - p))
    mask = _keep_mask(input, input.shape, p)
    return _written(input, _masked_alpha(input, mask, scale, _ALPHA * scale, _ALPHA * scale * p), inplace)


@_functional(samples=_samples((), (0.3, True)))
def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """``alpha_dropout`` of whole channels (dimension 1)."""
    _check_probability(p)
    if not training or p == 0 or not input.numel():
        return input
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if p == 1:
        return _written(input, input * 0.0, inplace)
    scale = 1.0 / math.sqrt((_ALPHA ** 2 * p + 1) * (1 - p))
    mask = _keep_mask(input, tuple(input.shape[:2]) + (1,) * (input.ndim - 2), p)
    return _written(input, _masked_alpha(input, mask, scale, _ALPHA * scale, _ALPHA * scale * p), inplace)


@_functional(samples=_samples((), (0.1, 0.3, True)))
def rrelu(input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Any:
    """The elements, those below zero times a random number of [lower, upper] in training."""
    slope: Any = (lower + upper) / 2
    if training:
        slope = uniform(float(lower), float(upper), shape=input.shape, dtype=input.dtype, device=input.device)
    # In place, the derivative's elements are read from a copy.
    source = input.clone() if inplace and input.requires_grad else input
    return _written(input, choose(source > 0, source, source * slope), inplace)


@_functional(samples=_samples((), (0.5, True)))
def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """Samples of the Gumbel-softmax distribution (Jang et al. 2016), one-hot if ``hard``."""
    waits = exponential(1.0, shape=logits.shape, dtype=logits.dtype, device=logits.device)
    soft = softmax((logits - waits.log()) / tau, dim)
    if not hard:
        return soft
    n = soft.shape[dim]
    places = reshape(soft.new_range(n), (n,) + (1,) * (soft.ndim - 1 - dim % soft.ndim))
    chosen = eq(expand(places, tuple(soft.shape)), soft.detach().argmax(dim, True)).to(soft.dtype)
    return chosen - soft.detach() + soft
