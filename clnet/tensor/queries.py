"""Functions about tensors that compute nothing."""
from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core.dtypes import DType
from .tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating-point numbers."""
    return input.dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """Whether the elements are complex numbers."""
    return input.dtype.is_complex


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def result_type(tensor1: Any, tensor2: Any) -> DType:
    """The dtype that arithmetic on the two (tensors or numbers) has."""
    pair = (tensor1, tensor2)
    return dt.result_type([(t.dtype, t.ndim) for t in pair if isinstance(t, Tensor)],
                          [n for n in pair if not isinstance(n, Tensor)])
