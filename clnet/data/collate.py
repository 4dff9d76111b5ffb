"""Samples made into batches."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..ops.join import stack
from ..tensor import Tensor
from ..tensor.creation import as_tensor, tensor


def default_collate(batch: Any) -> Any:
    """A list of samples as one batch: tensors, arrays and numbers are stacked, containers kept.

    Raises:
        RuntimeError: sequences of unequal length.  TypeError: elements that cannot be stacked.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind in "biufc":
        return tensor(np.stack([np.asarray(b) for b in batch]))
    if isinstance(first, bool):
        return tensor(list(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=dt.float64)
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        made = {key: default_collate([sample[key] for sample in batch]) for key in first}
        return _like(first, made)
    if isinstance(first, tuple) and _is_named(first):
        return type(first)(*(default_collate(column) for column in zip(*batch)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(column) for column in zip(*batch)]
        return columns if isinstance(first, tuple) else _like(first, columns)
    raise TypeError("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
                    f"found {type(first)}")


def default_convert(data: Any) -> Any:
    """Arrays inside ``data`` as tensors; everything else as it is."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "biufc":
        return as_tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple):
        values = [default_convert(d) for d in data]
        return type(data)(*values) if _is_named(data) else values
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(d) for d in data])
    return data


def _is_named(value: tuple[Any, ...]) -> bool:
    return getattr(value, "_fields", None) is not None


def _like(container: Any, made: Any) -> Any:
    """``made`` in the container's own class, if that class can be made so."""
    try:
        return type(container)(made)
    except TypeError:
        return made
