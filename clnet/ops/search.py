"""Places in sorted sequences: searchsorted, bucketize, and membership."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..kernels import search as kernel
from .comparison import clamp, eq
from .declare import composite, planner
from .gather import take
from .sort import sort
from .view import reshape


def _plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    return kernel.plan(operands, attrs["right"], attrs["narrow"], caps)


places = planner("_search", lambda *operands, **attrs: (operands, attrs), _plan, family="sort", public=False)


def _find(sequence: Any, input: Any, right: bool, narrow: bool, order: Any = None) -> Any:
    value = input
    if isinstance(input, (bool, int, float)):
        common = dt.result_type([(sequence.dtype, sequence.ndim)], [input])
        sequence, value = sequence.to(common), sequence.new_full((), input, dtype=common)
    elif value.dtype is not sequence.dtype:
        common = dt.promote(sequence.dtype, value.dtype)
        sequence, value = sequence.to(common), value.to(common)
    operands = [sequence.detach().contiguous(), value.detach().contiguous()]
    if order is not None:
        operands.append(order.contiguous())
    return places(*operands, right=bool(right), narrow=bool(narrow))


def _search_samples() -> Any:
    lines = np.sort(np.random.default_rng(4).uniform(-2, 2, (2, 7)), -1)
    values = np.random.default_rng(5).uniform(-3, 3, (2, 5))
    values[0, 1], values[1, 2] = lines[0, 3], lines[1, 0]
    for kw in ({}, {"right": True}, {"side": "right", "out_int32": True}):
        yield (lines, values), kw
    yield (lines[0], values), {}
    yield (lines[0], 0.5), {}


def _np_search(lines: Any, values: Any, right: bool = False, side: Any = None, out_int32: bool = False) -> Any:
    after: Any = "right" if right or side == "right" else "left"
    if lines.ndim == 1:
        return np.asarray(np.searchsorted(lines, values, after))
    return np.stack([np.searchsorted(a, v, after) for a, v in zip(lines, values)])


@composite("sort", samples=_search_samples, reference=_np_search, method=False)
def searchsorted(sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Any = None) -> Any:
    """Where values would be inserted into sorted lines (along the last dimension) to keep the order.

    Args:
        sorted_sequence: one line, or a line per line of values.
        right: behind equal elements (also as ``side="right"``) instead of before them.
        sorter: int64 positions that sort the lines.

    Raises:
        RuntimeError: shapes that don't fit, or ``side`` against ``right``.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left "
                           "while right was True")
    if not sorted_sequence.ndim:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 "
                           "dimension")
    number = isinstance(input, (bool, int, float))
    if number and sorted_sequence.ndim > 1:
        raise RuntimeError("torch.searchsorted(): input value can be a scalar only when boundaries tensor "
                           f"dimension is 1, but we got boundaries tensor dim({sorted_sequence.ndim})")
    if not number and sorted_sequence.ndim > 1 and (
            tuple(sorted_sequence.shape[:-1]) != tuple(input.shape[:-1]) or sorted_sequence.ndim != input.ndim):
        raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
                           f"dimensions of boundaries tensor and input value tensor must match, but we got "
                           f"boundaries tensor {list(sorted_sequence.shape)} and input value tensor "
                           f"{list(input.shape)}")
    if sorter is not None:
        if tuple(sorter.shape) != tuple(sorted_sequence.shape):
            raise RuntimeError("torch.searchsorted(): boundary and sorter must have the same size, but got "
                               f"boundary tensor {list(sorted_sequence.shape)} and sorter tensor "
                               f"{list(sorter.shape)}")
        if sorter.dtype is not dt.int64:
            raise RuntimeError("torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
                               f"{sorter.dtype}")
        n = sorted_sequence.shape[-1]
        if sorter.numel() and bool(((sorter < 0) | (sorter >= n)).any().item()):
            raise RuntimeError("torch.searchsorted(): sorter index out of range")
    return _find(sorted_sequence, input, right or side == "right", out_int32, sorter)


@composite("sort", method=False, samples=lambda: [
    ((v, s), k) for (s, v), k in _search_samples() if s.ndim == 1 and "side" not in k],
    reference=lambda v, s, right=False: _np_search(s, v, right))
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """Which interval between sorted 1-d boundaries each value lies in.

    Args:
        right: whether a value equal to a boundary lies behind it.

    Raises:
        RuntimeError: boundaries not of one dimension.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return _find(boundaries, input, right, out_int32)


def _isin_samples() -> Any:
    x = np.array([[1.0, 2.5, np.nan], [4.0, 2.5, -1.0]])
    yield (x, np.array([2.5, 7.0, -1.0, np.nan])), {}
    yield (x, np.array([[2.5, 7.0], [1.0, 1.0]])), {"invert": True}
    yield (x, 4.0), {}
    yield (x, np.zeros(0)), {}


@composite("sort", samples=_isin_samples, method=False,
           reference=lambda x, y, invert=False: np.isin(x, y, invert=invert))
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element is among the test elements (not, if ``invert``).

    Raises:
        TypeError: both are numbers.  RuntimeError: bool or complex elements.
    """
    numbers = [isinstance(x, (bool, int, float)) for x in (elements, test_elements)]
    for x, number in zip((elements, test_elements), numbers):
        if not number and (x.dtype is dt.bool_ or x.dtype.is_complex):
            raise RuntimeError(f"Unsupported input type encountered for isin(): {x.dtype}")
    if numbers[0]:
        if numbers[1]:
            raise TypeError("isin() expects a tensor among its arguments")
        elements = test_elements.new_full((), elements, dtype=dt.result_type([(test_elements.dtype, 1)], [elements]))
    if numbers[1]:
        found = eq(elements, test_elements)
    else:
        tests = reshape(test_elements, (-1,))
        common = dt.result_type([(elements.dtype, elements.ndim or 1), (tests.dtype, 1)], [])
        if not tests.numel():
            found = eq(elements, elements).bitwise_and(False) if elements.numel() else elements.to(dt.bool_)
        else:
            line = sort(tests.detach().to(common))[0]
            wanted = elements.detach().to(common)
            place = clamp(_find(line, wanted, False, False), max=tests.numel() - 1)
            found = eq(take(line, place), wanted)
    return found.logical_not() if invert else found
