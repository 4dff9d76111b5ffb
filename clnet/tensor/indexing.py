"""``x[...]`` and ``x[...] = v`` with NumPy's and PyTorch's full grammar.

Integers, slices, ``...`` and ``None`` move a view; what remains are index tensors, which read or
write through one kernel.  Boolean masks become index tensors by finding their non-zeros.
"""
from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import graph
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.dtypes import DType
from ..ops.comparison import where
from ..ops.gather import where as choose
from ..ops.index import gather_first, nonzero, put
from ..ops.view import expand, permute, select, slice_, unsqueeze
from . import creation
from .attach import attach
from .methods import write
from .tensor import Tensor


def _is_bool(k: Any) -> bool:
    return isinstance(k, (bool, np.bool_))


def _as_tensor(k: Any, device: Any) -> Any:
    """Lists, ranges and arrays as index tensors."""
    if isinstance(k, (list, range, np.ndarray)) or (isinstance(k, tuple)):
        t = creation.tensor(np.asarray(k) if not isinstance(k, (list, tuple)) else k, device=device)
        return t.to(dt.int64) if t.numel() == 0 and t.dtype.is_floating_point else t
    return k


def _consumed(k: Any) -> int:
    """Dimensions of the indexed tensor that one entry of the key uses up."""
    if k is None or _is_bool(k):
        return 0
    return k.ndim if isinstance(k, Tensor) and k.dtype in (dt.bool_, dt.uint8) else 1


# PyTorch's limit on lists that are read as tuples.
_LEGACY_LIMIT = 32


def _from_list(key: list[Any]) -> tuple[Any, ...]:
    """A list as the whole key: an index of numbers, or, as PyTorch has it, a tuple of other things."""
    parts = (slice, Tensor, list, tuple, np.ndarray, type(None), type(Ellipsis))
    return tuple(key) if len(key) < _LEGACY_LIMIT and any(isinstance(k, parts) for k in key) else (key,)


def _flat_key(key: Any, x: Tensor) -> list[Any]:
    """The key as a list of entries without ``...``, one per dimension of ``x`` or new axis.

    Raises:
        IndexError: more than one ellipsis, or too many indices.
    """
    entries = [_as_tensor(k, x.device) if not isinstance(k, (tuple,)) else _as_tensor(list(k), x.device)
               for k in (key if isinstance(key, tuple) else (key,))]
    used = sum(_consumed(k) for k in entries if k is not Ellipsis)
    if used > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    ellipses = [i for i, k in enumerate(entries) if k is Ellipsis]
    if len(ellipses) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = ellipses[0] if ellipses else len(entries)
    return entries[:at] + [slice(None)] * (x.ndim - used) + entries[at + 1:]


def _slice(x: Tensor, d: int, k: slice) -> Tensor:
    """A positive-step slice of one dimension; the tensor itself if it takes everything."""
    for part in (k.start, k.stop, k.step):
        if part is not None and not isinstance(part, Tensor):
            try:
                operator.index(part)
            except TypeError:
                raise TypeError("slice indices must be integers or None or have an __index__ method") from None
    if k.step is not None and operator.index(k.step) <= 0:
        raise ValueError("step must be greater than zero")
    start, stop, step = k.indices(x.shape[d])
    if (start, step) == (0, 1) and stop == x.shape[d]:
        return x
    return slice_(x, d, start, max(start, stop), step)


def _integer(x: Tensor, d: int, index: int, named: int) -> Tensor:
    n = x.shape[d]
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of bounds for dimension {named} with size {n}")
    return select(x, d, index)


def _basic(x: Tensor, key: list[Any]) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """The view that the integers, slices and new axes give, and (dimension, index tensor) left.

    Raises:
        IndexError: an integer out of range, a mask of another shape, an index of a wrong type.
    """
    left: list[tuple[int, Tensor]] = []
    d = taken = 0  # dimensions of the view and of the indexed tensor so far
    for k in key:
        if k is None:
            x = unsqueeze(x, d)
            d += 1
        elif isinstance(k, slice):
            x = _slice(x, d, k)
            d += 1
        elif _is_bool(k):
            x = unsqueeze(x, d)
            left.append((d, creation.tensor([0] if k else [], dtype=dt.int64, device=x.device)))
            d += 1
        elif isinstance(k, Tensor):
            if k.dtype in (dt.bool_, dt.uint8):
                x, found = _mask(x, d, k)
                left += [(d + j, t) for j, t in enumerate(found)]
                d += len(found)
            elif k.dtype not in (dt.int64, dt.int32):
                raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
            else:
                left.append((d, k))
                d += 1
        else:
            try:
                index = operator.index(k)
            except TypeError:
                raise IndexError("only integers, slices (`:`), ellipsis (`...`), None and long or byte "
                                 f"Variables are valid indices (got {type(k).__name__})") from None
            x = _integer(x, d, index, taken)
        taken += 1 if isinstance(k, slice) else _consumed(k)
    return x, left


def _mask(x: Tensor, d: int, mask: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
    if not mask.ndim:
        return unsqueeze(x, d), nonzero(mask.reshape(1), as_tuple=True)
    for j, (m, n) in enumerate(zip(mask.shape, x.shape[d:])):
        if m != n:
            raise IndexError(f"The shape of the mask {list(mask.shape)} at index {j} does not match the "
                             f"shape of the indexed tensor {list(x.shape)} at index {d + j}")
    return x, nonzero(mask, as_tuple=True)


def _front(x: Tensor, left: list[tuple[int, Tensor]]) -> tuple[Tensor, list[Tensor], int]:
    """Indexed dimensions first; where the result's index dimensions belong.

    Adjacent index tensors leave their dimensions in place, separated ones move to the front.
    """
    dims = [d for d, _ in left]
    indices = [t for _, t in left]
    try:
        lay.broadcast_shapes(*(t.shape for t in indices))
    except RuntimeError:
        raise IndexError("shape mismatch: indexing tensors could not be broadcast together with shapes "
                         f"{', '.join(str(list(t.shape)) for t in indices)}") from None
    adjacent = dims == list(range(dims[0], dims[0] + len(dims)))
    order = dims + [d for d in range(x.ndim) if d not in dims]
    return permute(x, tuple(order)), indices, dims[0] if adjacent else 0


def _rotation(batch: int, total: int, at: int) -> tuple[int, ...]:
    """Order that moves the first ``batch`` dimensions to start at ``at``."""
    rest = list(range(batch, total))
    return tuple(rest[:at] + list(range(batch)) + rest[at:])


def getitem(self: Tensor, key: Any) -> Tensor:
    """``x[key]``: a view for integers, slices, ``...`` and None; a copy where tensors index."""
    if type(key) is int:
        if not self.ndim:
            raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                             "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number")
        return _integer(self, 0, key, 0)
    if isinstance(key, list):
        key = _from_list(key)
    x, left = _basic(self, _flat_key(key, self))
    if not left:
        return x if x is not self else self.view(self.shape) if self.layout.contiguous else permute(
            self, tuple(range(self.ndim)))
    moved, indices, at = _front(x, left)
    got = gather_first(moved, *indices)
    batch = got.ndim - (moved.ndim - len(indices))
    return permute(got, _rotation(batch, got.ndim, at)) if at else got


def setitem(self: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``, in place; ``value`` is broadcast to the indexed shape.

    Raises:
        RuntimeError: the value's shape does not broadcast.
    """
    graph.check_writable(self)
    if isinstance(key, list):
        key = _from_list(key)
    if isinstance(key, Tensor) and key.dtype is dt.bool_ and key.shape == self.shape and (
            not isinstance(value, Tensor) or value.numel() == 1):
        _fill_where(self, key, value)
        return
    x, left = _basic(self, _flat_key(key, self))
    value = _value(value, self.dtype, self.device)
    if not left:
        while value.ndim > x.ndim and value.shape[0] == 1:
            value = value[0]
        x.copy_(value)
        return
    moved, indices, at = _front(x, left)
    _put(moved, indices, value, at, False)


def _fill_where(x: Tensor, mask: Tensor, value: Any) -> None:
    """A mask of the whole shape and one value: one elementwise launch, no waiting."""
    value = value.reshape(()) if isinstance(value, Tensor) else value
    if x.dtype.kind == "int" and isinstance(value, (Tensor, float)):  # wide integers are no floats
        value = _value(value, x.dtype, x.device).to(x.dtype)
    write(where, (mask, value, x), {"dtype": x.dtype}, x)


def _value(value: Any, dtype: DType, device: Any) -> Tensor:
    if not isinstance(value, Tensor):
        if isinstance(value, complex) and not dtype.is_complex and dtype is not dt.bool_:
            raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
        return creation.tensor(value, dtype=dtype, device=device)
    return value.to(device, dtype)


def _put(x: Tensor, indices: list[Tensor], value: Tensor, at: int, accumulate: bool) -> None:
    batch = lay.broadcast_shapes(*(t.shape for t in indices))
    rest = tuple(x.shape[len(indices):])
    shape = (*rest[:at], *batch, *rest[at:])
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = select(value, 0, 0)
    try:
        spread = expand(value, shape)
    except RuntimeError:
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast "
                           f"to indexing result of shape {list(shape)}") from None
    if at:
        back = _rotation(len(batch), len(shape), at)
        spread = permute(spread, tuple(back.index(d) for d in range(len(shape))))
    write(put, (x, spread, *indices), {"accumulate": accumulate}, x)


def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Write (or add) ``values`` at the positions given by a tuple of index tensors or Nones.

    Raises:
        RuntimeError: the dtypes differ (one value for a mask is converted).
    """
    graph.check_writable(self)
    masks = any(isinstance(i, Tensor) and i.dtype in (dt.bool_, dt.uint8) for i in indices)
    if values.dtype is not self.dtype and not (masks and values.numel() == 1 and not accumulate):
        raise RuntimeError("Index put requires the source and destination dtypes match, got "
                           f"{self.dtype} for the destination and {values.dtype} for the source.")
    x, left = _basic(self, _flat_key(tuple(slice(None) if i is None else i for i in indices), self))
    moved, tensors, at = _front(x, left)
    _put(moved, tensors, _value(values, self.dtype, self.device), at, accumulate)
    return self


def index_put(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with ``values`` written (or added) at the positions."""
    return index_put_(self.clone(), indices, values, accumulate)


def where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """This tensor where ``condition`` holds, else ``other``."""
    return choose(condition, self, other)


# What the module table offers under these names.
FUNCTIONS = (index_put, index_put_)


def install() -> None:
    """The methods and operators of this module."""
    attach(Tensor, __getitem__=getitem, __setitem__=setitem, where=where_method, index_put_=index_put_,
           index_put=index_put)
