"""Rows of tables by index: embeddings, and sums, means or maxima of bags of them."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..kernels import scatter as scatter_kernel
from .comparison import eq, gt, logical_and, ne
from .comparison import where as choose
from .declare import composite, declared
from .gather import check_index, lookup, spread_index, sums_at
from .reduction import amax, vector_norm
from .reduction import sum as sum_
from .scan import cumsum
from .scatter import scatter_reduce
from .view import expand, reshape, unsqueeze

# Added to norms when rows are scaled down to a largest one.
_NORM_EPSILON = 1e-7

_scaled_gradient = declared("scaled_gradient", lambda x, s: x, lambda x, s: ((x, s), {"dtype": x.dtype}), "",
                            grads=lambda g, o, x, s: (g * s, None), public=False)


def _counts(index: Any, rows: int) -> Any:
    """How often each row is looked up (rows, 1); index is 1-d."""
    ones = index.ones_like().to(dt.float32)
    return unsqueeze(sums_at(ones, index, 0, (rows,), scatter_kernel.NOTHING), 1)


def _renormalise(weight: Any, index: Any, largest: float, order: float) -> None:
    """Scale those rows of the table that are looked up and too long, in place."""
    table = weight.detach()
    if not index.numel():
        return
    norms = vector_norm(table, order, 1, True)
    long = logical_and(gt(_counts(index, table.shape[0]), 0), gt(norms, largest))
    table.mul_(choose(long, largest / (norms + _NORM_EPSILON), 1.0).to(table.dtype))


def _refuse_sparse(name: str, weight: Any, sparse: bool) -> None:
    """Sparse gradients are refused; without gradients the argument changes nothing."""
    if sparse and weight.requires_grad:
        raise NotImplementedError(f"{name}(sparse=True) gives sparse gradients, which clnet lacks; leave it "
                                  "out for dense ones")


def _checked_padding(padding_idx: int | None, rows: int) -> int:
    if padding_idx is None:
        return scatter_kernel.NOTHING
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def _rows(name: str, flat: Any, weight: Any, skip: int, by_frequency: bool) -> Any:
    """The looked up rows (N, E); row ``skip`` gets no gradient."""
    table = lookup(weight, spread_index(flat, 0, tuple(weight.shape)), 0, name, False, skip)
    if by_frequency:
        share = 1.0 / lookup(_counts(flat, weight.shape[0]), unsqueeze(flat, 1), 0, name)
        table = _scaled_gradient(table, share)
    return table


def _embedding_samples() -> Any:
    weight = np.arange(12.0).reshape(4, 3) ** 1.5
    yield (np.array([[0, 3], [1, 1]]), weight), {}
    yield (np.array([2, 0, 2]), weight), {}


@composite("gather", namespace="nn.functional", method=False, samples=_embedding_samples,
           reference=lambda index, weight: weight[index])
def embedding(input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Any:
    """Rows of ``weight`` (V, E) at the indices: shape of ``input`` + (E,).

    Args:
        padding_idx: a row that gets no gradient.
        max_norm: rows that are looked up and whose norm of order ``norm_type`` is larger are scaled
            down to it first, in place.
        scale_grad_by_freq: divide each row's gradient by how often it is looked up.

    Raises:
        IndexError: an index outside [0, V), at the next synchronisation.
        NotImplementedError: sparse gradients.
    """
    _refuse_sparse("embedding", weight, sparse)
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    check_index("embedding", input)
    skip = _checked_padding(padding_idx, weight.shape[0])
    flat = reshape(input, (-1,))
    if max_norm is not None:
        _renormalise(weight, flat, float(max_norm), float(norm_type))
    return reshape(_rows("embedding", flat, weight, skip, scale_grad_by_freq),
                   (*input.shape, weight.shape[1]))


# Bags ---

def _np_bag(index: Any, weight: Any, offsets: Any = None, mode: str = "mean", per_sample_weights: Any = None,
            include_last_offset: bool = False, padding_idx: int | None = None) -> Any:
    if index.ndim == 2:
        bags = list(index)
        shares = [None] * len(bags) if per_sample_weights is None else list(per_sample_weights)
    else:
        ends = list(offsets[1:]) + ([] if include_last_offset else [len(index)])
        spans = list(zip(offsets, ends))
        bags = [index[a:b] for a, b in spans]
        shares = [None if per_sample_weights is None else per_sample_weights[a:b] for a, b in spans]
    rows = []
    for bag, share in zip(bags, shares):
        kept = np.ones(len(bag), bool) if padding_idx is None else bag != padding_idx
        found = weight[bag] if share is None else weight[bag] * share[:, None]
        found = found[kept]
        combine: Any = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
        rows.append(combine(found, 0) if len(found) else np.zeros(weight.shape[1]))
    return np.stack(rows)


def _bag_samples() -> Any:
    weight = np.sin(np.arange(15.0) ** 1.3).reshape(5, 3)
    flat, grid = np.array([1, 2, 4, 4, 0]), np.array([[0, 2], [3, 1]])
    yield (flat, weight, np.array([0, 3])), {}
    yield (flat, weight, np.array([0, 2, 2, 5])), {"mode": "sum", "include_last_offset": True,
                                                 "per_sample_weights": np.linspace(-1, 1, 5)}
    yield (grid, weight), {"mode": "max"}
    yield (flat, weight, np.array([0, 2])), {"mode": "max"}
    yield (grid, weight), {"padding_idx": 2}


def _starts(input: Any, offsets: Any, include_last: bool) -> int:
    """The number of bags, after checking the offsets.

    Raises:
        ValueError: no 1-d offsets.  RuntimeError: they don't start at 0, or exceed the input.
    """
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if offsets.dtype not in (dt.int32, dt.int64):
        raise RuntimeError(f"embedding_bag: expected offsets of int32 or int64, but got {offsets.dtype}")
    if include_last and not offsets.numel():
        raise RuntimeError("include_last_offset: number of offset should be at least 1")
    count = offsets.numel()
    first, last = (offsets[0].item(), offsets[count - 1].item()) if count else (0, 0)
    if first != 0:
        raise RuntimeError("offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start "
                           f"from position 0. However, got {first}")
    if last > input.shape[0]:
        raise RuntimeError(f"offsets[-1] can not be greater than input's length of {input.shape[0]} but got "
                           f"offsets[-1] of {last}")
    return count - include_last


def _bag_of_each(offsets: Any, n: int) -> Any:
    """The bag of each of n positions: how many offsets are not beyond it, less one."""
    ones = offsets.ones_like().to(dt.int64)
    marks = sums_at(ones, offsets, 0, (n + 1,), scatter_kernel.NOTHING)
    return (cumsum(marks, 0) - 1).narrow(0, 0, n)


@composite("gather", namespace="nn.functional", method=False, samples=_bag_samples, reference=_np_bag)
def embedding_bag(input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None,
                  norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean",
                  sparse: bool = False, per_sample_weights: Any = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Any:
    """Sums, means or maxima (by ``mode``) of bags of rows of ``weight`` (V, E): (B, E); 0 for empty bags.

    Args:
        input: indices (B, N) of bags of N each, or (N) with ``offsets`` (B), where bags begin.
        include_last_offset: the last offset is the end of the last bag.
        per_sample_weights: of ``input``'s shape: factors of the rows, in mode "sum".
        padding_idx: a row that counts for nothing.
        max_norm, norm_type, scale_grad_by_freq: as for ``embedding``.

    Raises:
        ValueError: arguments that don't fit.  NotImplementedError: sparse gradients.
        IndexError: an index outside [0, V), at the next synchronisation.
    """
    if weight.dtype is dt.int64 and input.dtype.is_floating_point:
        warnings.warn("Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag("
                      "weight, input, ...)` is deprecated, and should now be `embedding_bag(input, weight, "
                      "...)`.", stacklevel=2)
        weight, input = input, weight
    _check_bags(input, weight, offsets, mode, sparse, scale_grad_by_freq, per_sample_weights)
    check_index("embedding_bag", input)
    skip = _checked_padding(padding_idx, weight.shape[0])
    bags = input.shape[0] if input.ndim == 2 else _starts(input, offsets, include_last_offset)
    flat = reshape(input, (-1,))
    if max_norm is not None:
        _renormalise(weight, flat, float(max_norm), float(norm_type))
    width = weight.shape[1]
    n = flat.shape[0]
    if not n or not bags:
        return sum_(weight.narrow(0, 0, 0), 0).expand(bags, width) * 1
    rows = _rows("embedding_bag", flat, weight, skip, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * reshape(per_sample_weights, (-1, 1))
    kept = None if padding_idx is None else unsqueeze(ne(flat, skip), 1)
    lowest = float("-inf") if mode == "max" else 0.0
    rows = rows if kept is None else choose(kept, rows, lowest)
    present = (flat.ones_like() if kept is None else reshape(kept, (-1,))).to(dt.float32)
    if input.ndim == 2:
        grid = reshape(rows, (bags, -1, width))
        counts = sum_(reshape(present, (bags, -1)), 1, True)
        found = amax(grid, 1) if mode == "max" else sum_(grid, 1)
    else:
        # What follows the last offset is one bag more, where that is the end.
        groups = offsets.shape[0]
        found, counts = _combined(rows, present, _bag_of_each(offsets, n), groups, mode, lowest)
        if groups > bags:
            found, counts = found.narrow(0, 0, bags), counts.narrow(0, 0, bags)
    if mode == "sum":
        return found
    if mode == "max":
        return choose(eq(counts, 0), 0.0, found)
    return found / choose(eq(counts, 0), 1.0, counts).to(found.dtype)


def _combined(rows: Any, present: Any, bag: Any, bags: int, mode: str, lowest: float) -> tuple[Any, Any]:
    """Rows combined by bag, and how many of each bag count."""
    skip = scatter_kernel.NOTHING
    counts = unsqueeze(sums_at(present, bag, 0, (bags,), skip), 1)
    shape = tuple(rows.shape)
    if mode != "max":
        return sums_at(rows, spread_index(bag, 0, shape), 0, (bags, shape[1]), skip), counts
    start = expand(rows.detach().narrow(0, 0, 1) * 0 + lowest, (bags, shape[1])).clone()
    return scatter_reduce(start, 0, expand(unsqueeze(bag, 1), shape), rows, "amax", include_self=False), counts


def _check_bags(input: Any, weight: Any, offsets: Any, mode: str, sparse: bool, by_frequency: bool,
                shares: Any) -> None:
    if shares is not None and tuple(shares.shape) != tuple(input.shape):
        raise ValueError(f"embedding_bag: If per_sample_weights ({shares.shape}) is not None, then it must "
                         f"have the same shape as the input ({input.shape})")
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if not weight.dtype.is_floating_point:
        raise RuntimeError("Expected tensor for argument #1 'weight' to have one of the following scalar "
                           f"types: Half, BFloat16, Float, Double; but got {weight.dtype} instead (while checking "
                           "arguments for embedding_bag)")
    if input.ndim == 2 and offsets is not None:
        raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                         f"of fixed length sequences. However, found offsets of type {type(offsets)}")
    if input.ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and by_frequency:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    _refuse_sparse("embedding_bag", weight, sparse)
    if shares is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is "
                                  f"only supported for mode='sum' (got mode='{mode}'). Please open a feature "
                                  "request on GitHub.")
