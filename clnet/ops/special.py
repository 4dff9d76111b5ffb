"""Special functions of ``torch.special`` and their counterparts at the top level."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen import bessel, gamma_function  # noqa: F401  (declare primitives)
from ..codegen.expr import Arg, Const, Expr, evaluate
from ..codegen.primitives import f, where
from ..core import dtypes as dt
from ..core.op import Op
from .declare import binary, composite, declared, unary

_REAL = ("complex",)
_POSITIVE = (0.2, 4.0)


def host_value(primitive: str) -> Callable[..., Any]:
    """The primitive on the host; how exact it is, tests/ops/test_special.py compares with SciPy."""
    def reference(*arrays: Any) -> Any:
        held = [np.asarray(a, np.float64) for a in arrays]
        return evaluate([f(primitive, *(Arg(i, dt.float64) for i in range(len(held))))], held)[0]
    return reference


def _function(name: str, doc: str, primitive: str = "", **fields: Any) -> Op:
    return unary(name, lambda x: f(primitive or name, x), doc, **{
        "promotion": "int_to_float", "refuses": _REAL, "reference": host_value(primitive or name), **fields})


def _special(name: str, doc: str, primitive: str = "", **fields: Any) -> Op:
    return _function(name, doc, primitive, **{"namespace": "special", "method": False, **fields})


# Gamma functions ---

lgamma = _function("lgamma", "Logarithms of the absolute values of the gamma function.", inplace=True,
                   domain=_POSITIVE)
digamma = _function("digamma", "Logarithmic derivatives of the gamma function.", inplace=True,
                    domain=_POSITIVE)


def polygamma_of(x: Expr, n: int) -> Expr:
    """The derivative of order ``n`` of the digamma function."""
    if n < 2:
        return f("trigamma" if n else "digamma", x)
    return f("polygamma", Const(float(n), x.dtype), x)


def _bind_polygamma(n: Any, input: Any) -> Any:
    """Derivatives of order ``n`` of the digamma function.

    Raises:
        RuntimeError: a negative order.
    """
    # As a method it is x.polygamma(n).
    if not isinstance(n, int):
        n, input = input, n
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return (input,), {"n": n}


def _polygamma_samples() -> Any:
    x = np.linspace(0.4, 5.0, 12).reshape(3, 4)
    for n in (1, 2):  # in the method's order
        yield (x, n), {}


def _np_polygamma(x: Any, n: int) -> Any:
    if n < 2:
        return host_value("trigamma" if n else "digamma")(x)
    return host_value("polygamma")(np.full(np.shape(x), float(n)), x)


polygamma = declared("polygamma", polygamma_of, _bind_polygamma, _bind_polygamma.__doc__ or "",
                     promotion="int_to_float", refuses=_REAL, inplace=True, samples=_polygamma_samples,
                     reference=_np_polygamma, domain=_POSITIVE)


def _mvlgamma_samples() -> Any:
    yield (np.linspace(1.2, 5.0, 8).reshape(2, 4), 3), {}


@composite("special", samples=_mvlgamma_samples, inplace=True, reference=lambda x, p: (
    p * (p - 1) / 4 * math.log(math.pi) + sum(host_value("lgamma")(x - i / 2) for i in range(p))))
def mvlgamma(input: Any, p: int) -> Any:
    """Logarithms of the multivariate gamma function of dimension ``p``.

    Raises:
        RuntimeError: ``p`` is not positive.
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    total = lgamma(input)
    for i in range(1, p):
        total = total + lgamma(input - i / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


def _pairs(a: list[float], b: list[float]) -> Callable[[], Any]:
    """Samples whose first operand, in float32, takes no part in the test of derivatives."""
    def samples() -> Any:
        yield (np.array(a, "float32"), np.array(b)), {}
        yield (np.array(a[:1], "float32"), np.array(b).reshape(-1, 1)), {}
    return samples


igamma, igammac = (
    binary(name, lambda a, x, name=name: f(name, a, x), doc, refuses=("bool", "int", "complex"), inplace=True,
           tensors=True, undefined=(0,), samples=_pairs([0.5, 2.0, 30.0, 3.0], [0.3, 5.0, 31.0, 0.1]),
           reference=host_value(name))
    for name, doc in (("igamma", "Regularised lower incomplete gamma function."),
                      ("igammac", "Regularised upper incomplete gamma function.")))
zeta = binary("zeta", lambda x, q: f("zeta", x, q), "Hurwitz's zeta function: the sum of ``(k + other)**-input``.",
              promotion="int_to_float", refuses=_REAL, undefined=(0,), namespace="special", method=False,
              samples=_pairs([2.0, 1.5, 3.0, 4.0], [1.0, 3.5, 0.4, 12.0]), reference=host_value("zeta"))

# Error functions ---

_UNIT = (0.05, 0.95)
erfinv = _function("erfinv", "Inverse of the error function.", inplace=True, domain=(-0.95, 0.95))
erfcx = _special("erfcx", "``exp(x**2) * erfc(x)``, which does not underflow.", domain=(-1.5, 3.0))
ndtri = _special("ndtri", "Quantiles of the standard normal distribution.", domain=_UNIT)
log_ndtr = _special("log_ndtr", "Logarithms of the standard normal distribution function.")
ndtr = unary("ndtr", lambda x: f("erfc", x * -math.sqrt(0.5)) * 0.5, "The standard normal distribution function.",
             promotion="int_to_float", refuses=_REAL, namespace="special", method=False,
             reference=lambda x: host_value("erfc")(x * -math.sqrt(0.5)) / 2)


def _entr(x: Expr) -> Expr:
    value = where(x > 0, -(x * f("log", x)), where(f("eq", x, 0), Const(0.0, x.dtype), -math.inf))
    return where(f("is_nan", x), x, value)


entr = unary("entr", _entr, "``-x log(x)``: 0 at 0, minus infinity below.", promotion="int_to_float",
             refuses=_REAL, namespace="special", method=False, domain=_POSITIVE,
             grads=lambda g, o, x: (g * (-f("log", x) - 1),),
             reference=lambda x: np.where(np.isnan(x), x, np.where(
                 x > 0, -x * np.log(np.where(x > 0, x, 1)), np.where(x == 0, 0, -np.inf))))

# Bessel functions ---

i0 = _function("i0", "Modified Bessel function of the first kind, order 0.", inplace=True)
i0e = _special("i0e", "``exp(-|x|)`` times the modified Bessel function of the first kind, order 0.")
i1 = _special("i1", "Modified Bessel function of the first kind, order 1.")
i1e = _special("i1e", "``exp(-|x|)`` times the modified Bessel function of the first kind, order 1.")
for _order in (0, 1):
    _special(f"modified_bessel_i{_order}", f"Modified Bessel function of the first kind, order {_order}.",
             f"i{_order}")
    _special(f"modified_bessel_k{_order}", f"Modified Bessel function of the second kind, order {_order}.",
             f"k{_order}", domain=_POSITIVE)
    _special(f"scaled_modified_bessel_k{_order}", domain=_POSITIVE, primitive=f"k{_order}e",
             doc=f"``exp(x)`` times the modified Bessel function of the second kind, order {_order}.")
    _special(f"bessel_j{_order}", f"Bessel function of the first kind, order {_order}.", f"j{_order}")
    _special(f"bessel_y{_order}", f"Bessel function of the second kind, order {_order}.", f"y{_order}",
             domain=_POSITIVE)
spherical_bessel_j0 = _special("spherical_bessel_j0", "``sin(x) / x``, the spherical Bessel function of order 0.",
                               "spherical_j0")
airy_ai = _special("airy_ai", "Airy's function Ai.", "airy", undefined=(0,),
                   samples=lambda: [((np.linspace(-9.0, 5.0, 40, dtype="float32"),), {})])
