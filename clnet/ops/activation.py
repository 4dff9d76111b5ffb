"""Activation functions: elementwise expressions, and their forms in ``nn.functional``."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen.expr import Expr
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from ..core.layout import wrap_dim
from ..core.op import Op
from .declare import composite, declared, unary
from .view import chunk, clone

_FLOATS = ("bool", "int")
_erf = np.vectorize(math.erf, otypes=[float])


def _np_sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _np_softplus(x: Any) -> Any:
    return np.logaddexp(x, 0)


# Functions and methods of the top level ---

relu = unary("relu", lambda x: where(x <= 0, 0, x), "The elements above zero, else 0.", inplace=True,
             grads=lambda g, o, x: (where(o <= 0, 0, g),), refuses=("bool",),
             refusal="Boolean inputs not supported for relu",
             reference=lambda x: np.maximum(x, 0))
sigmoid = unary("sigmoid", lambda x: f("sigmoid", x), "``1 / (1 + exp(-x))``.",
                promotion="int_to_float", inplace=True, reference=_np_sigmoid)


def _bind_logit(input: Any, eps: Any = None) -> Any:
    return ((input,) if eps is None else (input, eps)), {}


def _logit(x: Expr, eps: Expr | None = None) -> Expr:
    if eps is not None:
        x = where(x < eps, eps, where(x > 1 - eps, 1 - eps, x))
    return f("log", x / (1 - x))


def _logit_grads(g: Expr, o: Expr, x: Expr, eps: Expr | None = None) -> tuple[Expr, ...]:
    low, high, outside = (0, 1, math.nan) if eps is None else (eps, 1 - eps, 0)
    partial = where((x < low) | (x > high), outside, g / (x * (1 - x)))
    return partial, partial


def _logit_samples() -> Any:
    x = np.linspace(0.05, 0.95, 12).reshape(3, 4)
    yield (x,), {}
    yield (x,), {"eps": 0.2}


logit = declared("logit", _logit, _bind_logit, "``log(x / (1 - x))``, with ``x`` limited to [eps, 1 - eps].",
                 promotion="int_to_float", grads=_logit_grads, inplace=True, samples=_logit_samples,
                 reference=lambda x, eps=None: (lambda z: np.log(z / (1 - z)))(
                     x if eps is None else np.clip(x, eps, 1 - eps)))


def _elu(x: Expr, alpha: Any = 1.0, scale: Any = 1.0, rate: Any = 1.0) -> Expr:
    # The exponential sees no positive element, so that its derivative never overflows.
    low = where(x > 0, 0, x)
    return where(x > 0, x * scale, f("expm1", low * rate) * (alpha * scale))


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _bind_celu(input: Any, alpha: float = 1.0) -> Any:
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return (input, float(alpha)), {}


def _bind_threshold(input: Any, threshold: float, value: float) -> Any:
    if input.dtype.kind == "int":
        threshold, value = int(threshold), int(value)
    return (input, threshold, value), {}


def _bind_hardshrink(input: Any, lambd: float = 0.5) -> Any:
    return (input, lambd), {}


def _samples(*arguments: Any) -> Callable[[], Any]:
    def generate() -> Any:
        # No sample sits on a kink (0, 0.5, 1, 3, 6 and their negatives).
        x = np.linspace(-7.1, 7.3, 24).reshape(2, 3, 4)
        for given in arguments or ((),):
            yield (x, *given), {}
    return generate


selu = unary("selu", lambda x: _elu(x, _SELU_ALPHA, _SELU_SCALE),
             "Self-normalising ELU (Klambauer et al. 2017).", refuses=_FLOATS, method=False,
             reference=lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))))
celu = declared("celu", lambda x, a: _elu(x, a, 1.0, 1 / a), _bind_celu,
                "``x`` above zero, else ``alpha * (exp(x / alpha) - 1)``.", refuses=_FLOATS, refuses_any=_FLOATS,
                method=False, samples=_samples((), (2.0,)),
                reference=lambda x, a=1.0: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / a)))
threshold = declared("threshold", lambda x, t, v: where(x <= t, v, x), _bind_threshold,
                     "The elements above ``threshold``, else ``value``.", refuses=("bool",), refuses_any=("bool",),
                     method=False, samples=_samples((0.4, 2.0)), reference=lambda x, t, v: np.where(x > t, x, v))
hardshrink = declared("hardshrink", lambda x, c: where((x >= -c) & (x <= c), 0, x), _bind_hardshrink,
                      "The elements outside ``[-lambd, lambd]``, else 0.", refuses=_FLOATS, refuses_any=_FLOATS,
                      samples=_samples((), (1.2,)),
                      reference=lambda x, c=0.5: np.where(np.abs(x) <= c, 0, x))

# Expressions of nn.functional ---


def _private(name: str, build: Callable[..., Expr], **fields: Any) -> Op:
    return declared(name, build, lambda *operands: (operands, {}), "", public=False,
                    **{"refuses": _FLOATS, "refuses_any": fields.get("refuses", _FLOATS), **fields})


_elu_op = _private("elu", lambda x, a: _elu(x, a))
_leaky_relu = _private("leaky_relu", lambda x, s: where(x > 0, x, x * s))
_prelu = _private("prelu", lambda x, w: where(x > 0, x, x * w))
_silu = _private("silu", lambda x: x * f("sigmoid", x))
_mish = _private("mish", lambda x: x * f("tanh", f("softplus", x)))
_softplus = _private("softplus", lambda x, b, t: where(x * b > t, x, f("softplus", x * b) / b))
_logsigmoid = _private("logsigmoid", lambda x: -f("softplus", -x))
_tanhshrink = _private("tanhshrink", lambda x: x - f("tanh", x), promotion="int_to_float", refuses=("bool",))
_hardtanh = _private("hardtanh", lambda x, a, b: where(x <= a, a, where(x >= b, b, x)), refuses=("bool",))
_hardsigmoid = _private("hardsigmoid", lambda x: where(x <= -3, 0, where(x >= 3, 1, x / 6 + 0.5)))
_hardswish = _private("hardswish", lambda x: where(x <= -3, x * 0, where(x >= 3, x, x * (x + 3) / 6)))
_softshrink = _private("softshrink", lambda x, c: where(x > c, x - c, where(x < -c, x + c, x * 0)))
_gelu = _private("gelu", lambda x: x * f("normal_cdf", x))
_gelu_tanh = _private("gelu_tanh", lambda x: x * 0.5 * (
    f("tanh", (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1))


def _in_place(input: Any, inplace: bool, call: Callable[[Any], Any]) -> Any:
    """``call(input)``, written over ``input`` if asked.

    What the derivative reads is then a copy: the elements themselves are gone.
    """
    if not inplace:
        return call(input)
    return input.copy_(call(clone(input) if input.requires_grad else input))


def _functional(**fields: Any) -> Any:
    return composite("activation", namespace="nn.functional", method=False, **fields)


@_functional(name="relu", samples=_samples(), reference=lambda x: np.maximum(x, 0))
def f_relu(input: Any, inplace: bool = False) -> Any:
    """The elements above zero, else 0."""
    return input.relu_() if inplace else relu(input)


def _limited(x: Any, low: float, high: float) -> Any:
    """``hardtanh``; limits of integers are integers."""
    if x.dtype.is_inexact:
        return _hardtanh(x, low, high)
    if x.dtype.kind == "bool":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if low < 0 and not x.dtype.is_signed:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return _hardtanh(x, int(low), int(high))


@_functional(samples=_samples(), reference=lambda x: np.clip(x, 0, 6))
def relu6(input: Any, inplace: bool = False) -> Any:
    """The elements limited to [0, 6]."""
    return _in_place(input, inplace, lambda x: _limited(x, 0, 6))


@_functional(samples=_samples((), (0.2,)), reference=lambda x, s=0.01: np.where(x > 0, x, x * s))
def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """The elements, those below zero times ``negative_slope``."""
    return _in_place(input, inplace, lambda x: _leaky_relu(x, float(negative_slope)))


@_functional(samples=_samples((), (0.7,)),
             reference=lambda x, a=1.0: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))))
def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``x`` above zero, else ``alpha * (exp(x) - 1)`` (Clevert et al. 2015)."""
    return _in_place(input, inplace, lambda x: _elu_op(x, float(alpha)))


@_functional(name="selu", samples=_samples(), reference=selu.reference)
def f_selu(input: Any, inplace: bool = False) -> Any:
    """Self-normalising ELU (Klambauer et al. 2017)."""
    return _in_place(input, inplace, selu)


@_functional(name="celu", samples=_samples((2.0,)), reference=celu.reference)
def f_celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``x`` above zero, else ``alpha * (exp(x / alpha) - 1)`` (Barron 2017)."""
    return _in_place(input, inplace, lambda x: celu(x, alpha))


def _np_prelu(x: Any, w: Any) -> Any:
    return np.where(x > 0, x, x * (w.reshape(-1, *(1,) * (x.ndim - 2)) if x.ndim > 1 else w))


def _prelu_samples() -> Any:
    x = np.linspace(-3.1, 3.3, 24).reshape(2, 3, 4)
    yield (x, np.array([0.25])), {}
    yield (x, np.array([0.1, 0.2, -0.3])), {}


@composite("activation", samples=_prelu_samples, reference=_np_prelu)
def prelu(input: Any, weight: Any) -> Any:
    """The elements, those below zero times ``weight`` (one, or one per channel of dimension 1)."""
    if weight.ndim > 1:
        raise RuntimeError("prelu: Expected `weight` to be a scalar or 1D tensor, but got: "
                           f"ndim = {weight.ndim}")
    if weight.numel() != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if not input.ndim or channels != weight.numel():
            raise RuntimeError(f"Mismatch of parameter numbers and input channel size. Found parameter "
                               f"numbers = {weight.numel()} and channel size = {channels}.")
        weight = weight.view((-1,) + (1,) * (input.ndim - 2)) if input.ndim > 1 else weight
    return _prelu(input, weight if weight.ndim <= input.ndim else weight.view(()))


@_functional(name="prelu", samples=_prelu_samples, reference=_np_prelu)
def f_prelu(input: Any, weight: Any) -> Any:
    """The elements, those below zero times ``weight`` (one, or one per channel of dimension 1)."""
    return prelu(input, weight)


@_functional(samples=_samples((), ("tanh",)), reference=lambda x, a="none": (
    0.5 * x * (1 + _erf(x / math.sqrt(2))) if a == "none" else
    0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))))
def gelu(input: Any, approximate: str = "none") -> Any:
    """``x`` times the normal distribution's cumulative probability (Hendrycks & Gimpel 2016)."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _gelu(input) if approximate == "none" else _gelu_tanh(input)


@_functional(samples=_samples(), reference=lambda x: x * _np_sigmoid(x))
def silu(input: Any, inplace: bool = False) -> Any:
    """``x * sigmoid(x)``, also known as swish."""
    return _in_place(input, inplace, _silu)


@_functional(samples=_samples(), reference=lambda x: x * np.tanh(_np_softplus(x)))
def mish(input: Any, inplace: bool = False) -> Any:
    """``x * tanh(softplus(x))`` (Misra 2019)."""
    return _in_place(input, inplace, _mish)


@_functional(name="sigmoid", samples=_samples(), reference=_np_sigmoid)
def f_sigmoid(input: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return sigmoid(input)


@_functional(name="tanh", samples=_samples(), reference=np.tanh)
def f_tanh(input: Any) -> Any:
    """Hyperbolic tangents."""
    return input.tanh()


@_functional(samples=_samples(), reference=lambda x: -_np_softplus(-x))
def logsigmoid(input: Any) -> Any:
    """``log(sigmoid(x))`` without overflow."""
    return _logsigmoid(input)


@_functional(samples=_samples((), (2.0, 5.0)), reference=lambda x, b=1, t=20: np.where(
    x * b > t, x, _np_softplus(x * b) / b))
def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    """``log(1 + exp(beta * x)) / beta``; ``x`` itself where ``beta * x > threshold``."""
    return _softplus(input, float(beta), float(threshold))


@_functional(samples=_samples(), reference=lambda x: x / (1 + np.abs(x)))
def softsign(input: Any) -> Any:
    """``x / (1 + |x|)``; the sum of integers wraps, as PyTorch's does."""
    return input / (abs(input) + 1)


@_functional(samples=_samples(), reference=lambda x: x - np.tanh(x))
def tanhshrink(input: Any) -> Any:
    """``x - tanh(x)``."""
    return _tanhshrink(input)


@_functional(samples=_samples((), (-2.0, 0.7)), reference=lambda x, a=-1.0, b=1.0: np.clip(x, a, b))
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """The elements limited to ``[min_val, max_val]``; no gradient at the limits."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _in_place(input, inplace, lambda x: _limited(x, min_val, max_val))


@_functional(samples=_samples(), reference=lambda x: np.clip(x / 6 + 0.5, 0, 1))
def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """``relu6(x + 3) / 6``."""
    return _in_place(input, inplace, _hardsigmoid)


@_functional(samples=_samples(), reference=lambda x: x * np.clip(x + 3, 0, 6) / 6)
def hardswish(input: Any, inplace: bool = False) -> Any:
    """``x * relu6(x + 3) / 6`` (Howard et al. 2019)."""
    return _in_place(input, inplace, _hardswish)


@_functional(name="hardshrink", samples=_samples((0.7,)),
             reference=lambda x, c=0.5: np.where(np.abs(x) <= c, 0, x))
def f_hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """The elements outside ``[-lambd, lambd]``, else 0."""
    return hardshrink(input, lambd)


@_functional(samples=_samples((), (1.2,)),
             reference=lambda x, c=0.5: np.sign(x) * np.maximum(np.abs(x) - c, 0))
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """The elements moved ``lambd`` towards zero, 0 within ``[-lambd, lambd]``."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return _softshrink(input, float(lambd))


@_functional(name="threshold", samples=_samples((0.4, 2.0)),
             reference=lambda x, t, v: np.where(x > t, x, v))
def f_threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """The elements above ``threshold``, else ``value``."""
    return _in_place(input, inplace, lambda x: _threshold(x, threshold, value))


_threshold = threshold


def _np_glu(x: Any, dim: int = -1) -> Any:
    a, b = np.split(x, 2, dim)
    return a * _np_sigmoid(b)


def _glu_samples() -> Any:
    x = np.linspace(-3.0, 3.0, 24).reshape(2, 3, 4)
    yield (x,), {}
    yield (x, 0), {}


@_functional(samples=_glu_samples, reference=_np_glu)
def glu(input: Any, dim: int = -1) -> Any:
    """The first half along ``dim`` times the sigmoid of the second (Dauphin et al. 2016)."""
    if not input.ndim:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    d = wrap_dim(dim, input.ndim)
    if input.shape[d] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {d} is size {input.shape[d]}")
    if not input.dtype.is_inexact:
        raise NotImplementedError(f'"glu" not implemented for \'{dt.SCALAR_NAMES[input.dtype]}\'')
    a, b = chunk(input, 2, d)
    return a * sigmoid(b)
