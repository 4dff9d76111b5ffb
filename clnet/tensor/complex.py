"""The parts of complex tensors as attributes, and the flags of PyTorch's lazy conjugates."""
from __future__ import annotations

from typing import Any

from ..ops import complex as parts
from .attach import attach
from .tensor import Tensor


def is_conj(input: Tensor) -> bool:
    """Whether the tensor is marked as a conjugate: never, conjugates are computed."""
    return False


def is_neg(input: Tensor) -> bool:
    """Whether the tensor is marked as negated: never, negatives are computed."""
    return False


def _set_real(x: Tensor, value: Any) -> None:
    parts.real(x).copy_(value)


def _set_imag(x: Tensor, value: Any) -> None:
    parts.imag(x).copy_(value)


# What the module table offers under these names.
FUNCTIONS = (is_conj, is_neg)


def install() -> None:
    """Give the tensor class the parts and flags."""
    attach(Tensor, real=property(parts.real, _set_real), imag=property(parts.imag, _set_imag))
    for f in FUNCTIONS:
        setattr(Tensor, f.__name__, f)
