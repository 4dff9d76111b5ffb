"""Orthogonal polynomials of ``torch.special``: ``name(input, n)`` with degrees broadcast as operands."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..codegen import polynomial  # noqa: F401  (declares primitives)
from ..codegen.primitives import f
from ..core.op import Op
from .declare import declared
from .special import host_value


def _samples() -> Any:
    # In float32: no derivative is stated, so none is tested.
    x = np.array([[-1.0, -0.6, 0.3], [1.2, 1.0, 0.95]], "float32")
    yield (x, np.array([2.0, 3.0, 9.0], "float32")), {}
    yield (x, 3), {}


def _polynomial(name: str, family: str) -> Op:
    def bind(input: Any, n: Any) -> Any:
        return (input, n), {}

    primitive = name.replace("_polynomial", "")
    return declared(
        name, lambda x, n: f(primitive, x, n), bind, f"{family} of degree ``n``; 0 for negative degrees.",
        promotion="int_to_float", refuses=("complex",), undefined=(0, 1), namespace="special", method=False,
        samples=_samples, reference=lambda x, n: host_value(primitive)(*np.broadcast_arrays(x, n)))


for _kind, _ordinal in zip("tuvw", ("first", "second", "third", "fourth")):
    _polynomial(f"chebyshev_polynomial_{_kind}", f"Chebyshev polynomial of the {_ordinal} kind")
    _polynomial(f"shifted_chebyshev_polynomial_{_kind}",
                f"Chebyshev polynomial of the {_ordinal} kind at ``2 * input - 1``")
_polynomial("hermite_polynomial_h", "Physicists' Hermite polynomial")
_polynomial("hermite_polynomial_he", "Probabilists' Hermite polynomial")
_polynomial("laguerre_polynomial_l", "Laguerre polynomial")
_polynomial("legendre_polynomial_p", "Legendre polynomial")
