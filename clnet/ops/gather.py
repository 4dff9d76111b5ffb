"""Lookups by index: gather, index_select, take, masked_select, one_hot."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import wrap_dim
from ..core.plan import Plan
from ..kernels import gather as kernel
from ..kernels import scatter as scatter_kernel
from .comparison import eq, where_samples
from .comparison import where as choose
from .declare import composite, planner
from .index import nonzero
from .view import expand, reshape, slice_, unsqueeze

INDEX_DTYPES = (dt.int64, dt.int32, dt.uint8)


def check_index(name: str, index: Any) -> None:
    """Raises RuntimeError unless the dtype is one of indices."""
    if index.dtype not in INDEX_DTYPES:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def spread_index(index: Any, dim: int, shape: Any) -> Any:
    """A 1-d index along ``dim`` of ``shape``, viewed in that shape."""
    if not shape:
        return reshape(index, ())
    wanted = tuple(index.numel() if d == dim else n for d, n in enumerate(shape))
    return expand(reshape(index, tuple(-1 if d == dim else 1 for d in range(len(shape)))), wanted)


def leading(x: Any, shape: Any) -> Any:
    """The first elements of every dimension, as many as ``shape`` says."""
    for d, (have, want) in enumerate(zip(x.shape, shape)):
        if have != want:
            x = slice_(x, d, 0, want, 1)
    return x


# The derivative: sums at the indices ---

def _plan_zeros(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    return scatter_kernel.zeros("gather_backward", operands, attrs, caps)


def _sums_vjp(ctx: Any, g: Any) -> tuple[Any, None]:
    index, skip = ctx.operands[1], ctx.attrs["skip"]
    got = lookup(g, index, ctx.attrs["dim"])
    return (choose(eq(index, skip), 0.0, got) if skip >= 0 else got, None)


def _bind_sums(g: Any, index: Any, dim: int, shape: Any, skip: int) -> Any:
    return (g, index), {"dim": dim, "shape": tuple(shape), "skip": skip}


sums_at = planner("_gather_backward", _bind_sums, _plan_zeros, family="scatter", vjp=_sums_vjp, saves=(1,),
                  public=False)


# Whose indices PyTorch reports by RuntimeError; the others' by IndexError.
_BOUNDS = ("gather", "take_along_dim")


def _plan_lookup(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    x, index = operands
    return kernel.plan(attrs["name"], x, index, attrs["dim"], attrs["wraps"],
                       "bounds" if attrs["name"] in _BOUNDS else "index", caps)


def _lookup_vjp(ctx: Any, g: Any) -> tuple[Any, None]:
    index, shape = ctx.operands[1], ctx.layouts[0].shape
    if ctx.attrs["wraps"]:
        n = shape[ctx.attrs["dim"]] if len(shape) else 1
        index = choose(index < 0, index + n, index)
    return (sums_at(g, index, ctx.attrs["dim"], shape, ctx.attrs["skip"]), None)


# x along ``dim`` at an index of the result's shape; ``skip`` is an index that gets no gradient.
def _bind_lookup(x: Any, index: Any, dim: int, name: str = "gather", wraps: bool = False,
                 skip: int = scatter_kernel.NOTHING) -> Any:
    return (x, index), {"dim": dim, "name": name, "wraps": wraps, "skip": skip}


lookup = planner("_lookup", _bind_lookup, _plan_lookup, family="gather", vjp=_lookup_vjp, saves=(1,),
                 public=False)


# Public operators ---

def check_gather(name: str, input: Any, dim: int, index: Any, bounded: bool = True) -> int:
    """The dimension, wrapped.

    Raises:
        RuntimeError: not an index dtype, another number of dimensions, or sizes beyond the input's.
    """
    check_index(name, index)
    d = wrap_dim(dim, input.ndim)
    if not index.numel():
        return d
    if max(index.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for axis, (a, b) in enumerate(zip(index.shape, input.shape) if bounded else ()):
        if axis != d and a > b:
            raise RuntimeError(f"Size does not match at dimension {axis} expected index {list(index.shape)} "
                               f"to be no larger than self {list(input.shape)} apart from dimension {d}")
    return d


def _gather_samples() -> Any:
    x = np.arange(12.0).reshape(3, 4) ** 1.5
    yield (x, 0, np.array([[0, 2, 1, 1], [2, 2, 0, 0]])), {}
    yield (x, 1, np.array([[3], [0], [0]])), {}
    yield (x, -1, np.array([[3, 0, 0, 1, 1], [1, 1, 1, 2, 0]])), {}


def _np_gather(x: Any, dim: int, index: Any) -> Any:
    cut = tuple(slice(None) if d == dim % x.ndim else slice(n) for d, n in enumerate(index.shape))
    return np.take_along_axis(x[cut], index, dim)


@composite("gather", samples=_gather_samples, reference=_np_gather)
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """``out[i][j] = input[index[i][j]][j]`` (for dim 0), of ``index``'s shape.

    Raises:
        RuntimeError: shapes that don't fit.  IndexError: an index outside the dimension, at the
            next synchronisation.
    """
    d = check_gather("gather", input, dim, index)
    return lookup(input, index, d) if index.numel() else input.new_empty(tuple(index.shape))


def _select_samples() -> Any:
    x = np.arange(24.0).reshape(2, 3, 4) ** 1.5
    yield (x, 0, np.array([1, 1, 0])), {}
    yield (x, 1, np.array([2, 0])), {}
    yield (x, 2, np.array([3, 3, 1, 0, 2])), {}


@composite("gather", samples=_select_samples, reference=lambda x, dim, index: np.take(x, index, dim))
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of a dimension at the indices of a 1-d tensor.

    Raises:
        IndexError: ``index`` has more dimensions, or one lies outside (at the next synchronisation).
    """
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.dtype not in (dt.int32, dt.int64):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    d = wrap_dim(dim, input.ndim)
    if input.ndim and not input.shape[d] and index.numel():
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    return lookup(input, spread_index(index, d, tuple(input.shape)), d, "index_select")


def _take_samples() -> Any:
    x = np.arange(12.0).reshape(3, 4) ** 1.5
    yield (x, np.array([[0, 11], [-1, 5]])), {}


@composite("gather", samples=_take_samples, reference=np.take)
def take(input: Any, index: Any) -> Any:
    """The elements at positions of the flattened input, of ``index``'s shape.

    Raises:
        RuntimeError: not an int64 index.  IndexError: a position outside, at the next synchronisation.
    """
    if index.dtype is not dt.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    if index.numel() and not input.numel():
        raise IndexError("take(): tried to take from an empty tensor")
    return reshape(lookup(reshape(input, (-1,)), reshape(index, (-1,)), 0, "take", True), tuple(index.shape))


def _along_samples() -> Any:
    x = np.arange(12.0).reshape(3, 4) ** 1.5
    yield (x, np.array([[0, 2, 1, 1], [2, 2, 0, 0]]), 0), {}
    yield (x, np.array([[3, 0, 1]]), 1), {}
    yield (x, np.array([3, 11, 0])), {}


def _np_along(x: Any, index: Any, dim: int | None = None) -> Any:
    return np.take_along_axis(x, index, dim)


@composite("gather", samples=_along_samples, reference=_np_along)
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """``gather`` with input and indices broadcast against each other; flattened without ``dim``.

    Indices are taken modulo the dimension's size.

    Raises:
        RuntimeError: not int64 indices, or another number of dimensions.
    """
    if indices.dtype is not dt.int64:
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}")
    if dim is None:
        return lookup(reshape(input, (-1,)), _wrapped(reshape(indices, (-1,)), input.numel()), 0,
                      "take_along_dim")
    if input.ndim != indices.ndim:
        raise RuntimeError("torch.take_along_dim(): input and indices should have the same number of "
                           f"dimensions, but got {input.ndim} dimensions for input, and {indices.ndim} "
                           "dimensions for indices")
    d = wrap_dim(dim, input.ndim)

    common = list(lay.broadcast_shapes(*(tuple(1 if k == d else n for k, n in enumerate(x.shape))
                                         for x in (input, indices))))

    def fit(x: Any) -> Any:
        return expand(x, tuple(-1 if k == d else n for k, n in enumerate(common)))

    return lookup(fit(input), fit(_wrapped(indices, input.shape[d])), d, "take_along_dim")


def _wrapped(indices: Any, n: int) -> Any:
    return indices.remainder(n) if n else indices


def _masked_samples() -> Any:
    x = np.arange(6.0).reshape(2, 3) ** 1.5
    yield (x, np.array([[True, False, True], [False, False, True]])), {}
    yield (x, np.array([False, True, True])), {}


@composite("gather", samples=_masked_samples, data_dependent=True,
           reference=lambda x, m: np.broadcast_to(x, np.broadcast_shapes(x.shape, m.shape))[
               np.broadcast_to(m, np.broadcast_shapes(x.shape, m.shape))])
def masked_select(input: Any, mask: Any) -> Any:
    """The elements where ``mask`` (broadcast) holds, as one dimension; waits for the device.

    Raises:
        RuntimeError: the mask is not bool, or the shapes don't broadcast.
    """
    if mask.dtype is not dt.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = lay.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    places = reshape(nonzero(reshape(expand(mask, shape), (-1,))), (-1,))
    return lookup(reshape(expand(input, shape), (-1,)), places, 0, "masked_select")


@composite("gather", namespace="nn.functional", method=False,
           samples=lambda: [((np.array([[0, 2], [1, 1]]),), {}), ((np.array([0, 2]), 5), {})],
           reference=lambda x, n=-1: np.eye(n if n > 0 else x.max() + 1, dtype="int64")[x])
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """int64 zeros with a one at each class index, along a new last dimension; waits for the device.

    Raises:
        RuntimeError: not int64, negative classes, or classes not below ``num_classes``.
    """
    if tensor.dtype is not dt.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor, got "
                           f"{tensor.dtype}")
    if not tensor.numel():
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
    else:
        low, high = int(tensor.min().item()), int(tensor.max().item())
        if low < 0:
            raise RuntimeError("Class values must be non-negative.")
        if num_classes == -1:
            num_classes = high + 1
        elif num_classes < 1:
            raise RuntimeError("num_classes should be positive")
        elif high >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
    return eq(unsqueeze(tensor, -1), tensor.new_range(num_classes)).to(dt.int64)



@composite("gather", method=False, samples=where_samples, reference=np.where)
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, else ``other``; broadcast, dtypes promoted.

    Without them: the coordinates of the non-zero elements, as ``nonzero(as_tuple=True)``.

    Raises:
        RuntimeError: the condition is not bool.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition.dtype is dt.uint8:
        condition = condition.to(dt.bool_)
    if condition.dtype is not dt.bool_:
        raise RuntimeError("where expected condition to be a boolean tensor, but got a tensor with dtype "
                           f"{condition.dtype}")
    return choose(condition, input, other)
