"""``torch.testing``: comparing results."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .core import dtypes as dt
from .tensor import Tensor
from .tensor.creation import as_tensor

__all__ = ["assert_close"]

# PyTorch's (rtol, atol).
_TOLERANCES = {dt.float16: (1e-3, 1e-5), dt.bfloat16: (1.6e-2, 1e-5), dt.float32: (1.3e-6, 1e-5),
               dt.float64: (1e-7, 1e-7), dt.complex64: (1.3e-6, 1e-5), dt.complex128: (1e-7, 1e-7)}


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
                 check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
                 msg: str | Callable[[str], str] | None = None) -> None:
    """Compare tensors, numbers, or sequences and mappings of them: ``|a - e| <= atol + rtol |e|``.

    Args:
        rtol, atol: both or none; the default depends on the dtypes, and is 0 for integers.

    Raises:
        AssertionError: they differ; says where and how much.  ValueError: only one tolerance.
    """
    if (rtol is None) != (atol is None):
        raise ValueError("rtol and atol must both be specified or both be unspecified")
    found = _difference(actual, expected, (rtol, atol), equal_nan, (check_device, check_dtype, check_stride), "")
    if found is not None:
        raise AssertionError(found if msg is None else msg(found) if callable(msg) else msg)


def _difference(a: Any, e: Any, given: tuple[float | None, float | None], equal_nan: bool,
                checks: tuple[bool, bool, bool], where: str) -> str | None:
    """What differs; None if nothing does."""
    if isinstance(a, Mapping) and isinstance(e, Mapping):
        if a.keys() != e.keys():
            return f"The keys of the mappings do not match{where}: {sorted(a)} and {sorted(e)}"
        pairs = [(a[k], e[k], f"{where} of item {k!r}") for k in a]
    elif isinstance(a, Sequence) and isinstance(e, Sequence) and not isinstance(a, str):
        if len(a) != len(e):
            return f"The length of the sequences mismatch{where}: {len(a)} != {len(e)}"
        pairs = [(x, y, f"{where} of item {i}") for i, (x, y) in enumerate(zip(a, e))]
    else:
        return _values(a, e, given, equal_nan, checks, where)
    return next((d for x, y, at in pairs
                 if (d := _difference(x, y, given, equal_nan, checks, at)) is not None), None)


def _values(a: Any, e: Any, given: tuple[float | None, float | None], equal_nan: bool,
            checks: tuple[bool, bool, bool], where: str) -> str | None:
    tensors = isinstance(a, Tensor) and isinstance(e, Tensor)
    x, y = as_tensor(a).detach(), as_tensor(e).detach()
    same = (("shape", tuple(x.shape), tuple(y.shape), True), ("device", x.device, y.device, tensors and checks[0]),
            ("dtype", x.dtype, y.dtype, tensors and checks[1]), ("stride()", x.stride(), y.stride(), checks[2]))
    for name, left, right, check in same:
        if check and left != right:
            return f"The values for attribute '{name}' do not match{where}: {left} != {right}."
    defaults = [_TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in (x, y)]
    rtol, atol = (max(d[i] for d in defaults) if g is None else g for i, g in enumerate(given))
    left, right = (t.to(dt.float64 if t.dtype.is_floating_point else t.dtype).cpu().numpy() for t in (x, y))
    if np.issubdtype(left.dtype, np.bool_):
        left, right = left.astype(np.int8), right.astype(np.int8)
    close = np.isclose(left, right, rtol, atol, equal_nan)
    if close.all():
        return None
    with np.errstate(invalid="ignore"):
        apart = np.where(close, 0, np.abs(left - right))
    worst = np.unravel_index(np.argmax(apart), apart.shape)
    return (f"{'Tensor-likes' if tensors else 'Scalars'} are not close{where}!\n\nMismatched elements: "
            f"{(~close).sum()} / {close.size}\nGreatest absolute difference: {apart[worst]} at index "
            f"{tuple(int(i) for i in worst)} (up to {atol} allowed; relative: {rtol})")
