"""Layers that join a projection with a loss over many classes."""
from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...core import dtypes as dt
from ...core.dtypes import DType
from ...ops.join import cat
from ...tensor import Tensor
from ...tensor.creation import zeros
from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .loss import _Loss
from .module import Module

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch splits the work of ``linear_cross_entropy`` to save memory; nothing here depends on it."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: DType | None = None


class LinearCrossEntropyLoss(_Loss):
    """The cross entropy of ``input @ weight.T`` (+ bias): a linear layer whose scores nobody else reads.

    Args:
        in_features: of the input (N, in_features).  num_classes: of the target.
        out_features: further dimensions of scores and target.
        weight: of the classes.  options: changes nothing.

    Raises:
        RuntimeError: a weight of another shape than (num_classes,), or a smoothing outside [0, 1].
    """

    weight: Tensor | None
    linear: Linear

    def __init__(self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (),
                 bias: bool = False, device: Any = None, dtype: DType | None = None, reduction: str = "mean",
                 weight: Tensor | None = None, ignore_index: int | None = None, label_smoothing: float = 0.0,
                 options: Any = None) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(reduction=reduction)
        self.num_classes, self.out_features = num_classes, tuple(out_features)
        self.ignore_index, self.label_smoothing, self.options = ignore_index, label_smoothing, options
        self.register_buffer("weight", weight)
        self.linear = Linear(in_features, math.prod(out_features, start=num_classes), bias=bias, device=device,
                             dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input, self.linear.weight.reshape(*shape, self.linear.in_features), target,
            linear_bias=None if bias is None else bias.reshape(shape), weight=self.weight,
            reduction=self.reduction, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing,
            options=self.options)

    def extra_repr(self) -> str:
        return (f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
                f"out_features={self.out_features}, bias={self.linear.bias is not None}, reduction={self.reduction}, "
                f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}, options={self.options}")


class AdaptiveLogSoftmaxWithLoss(Module):
    """A softmax over classes ordered by frequency; rare ones lie in clusters (Grave et al. 2017).

    Args:
        cutoffs: where clusters begin, ascending, below ``n_classes``.
        div_value: each cluster's projection is narrower than the one before by this factor.

    Raises:
        ValueError: cutoffs that are no ascending integers of [1, n_classes - 1].
    """

    def __init__(self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0,
                 head_bias: bool = False, device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        bounds = list(cutoffs)
        if not bounds:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (bounds != sorted(bounds) or min(bounds) <= 0 or max(bounds) > n_classes - 1
                or len(set(bounds)) != len(bounds) or any(int(c) != c for c in bounds)):
            raise ValueError("cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                             "order, where each value is between 1 and n_classes-1")
        self.in_features, self.n_classes, self.div_value = in_features, n_classes, div_value
        self.cutoffs, self.head_bias = [*bounds, n_classes], head_bias
        self.shortlist_size = bounds[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // div_value ** (i + 1))
            self.tail.append(Sequential(
                Linear(in_features, width, bias=False, **made),
                Linear(width, self.cutoffs[i + 1] - self.cutoffs[i], bias=False, **made)))

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        self.head.reset_parameters()
        for pair in self.tail:
            for layer in pair:
                layer.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """(log-probabilities of the targets (N), their mean with the sign changed).

        Raises:
            RuntimeError: sizes that differ.  IndexError: targets outside [0, n_classes).
        """
        x, classes = (input, target) if target.ndim else (
            input.unsqueeze(0), target.unsqueeze(0))
        if target.ndim > 1 or input.ndim != target.ndim + 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported" if target.ndim > 1
                               else f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, "
                                    f"but found input with {input.ndim}D")
        if x.shape[0] != classes.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        low, high = int(classes.min()), int(classes.max())
        if low < 0 or high >= self.n_classes:
            raise RuntimeError(f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                               f"[{low}, {high}] were found. ")
        picked = self.log_prob(x).gather(1, classes.unsqueeze(1)).squeeze(1)
        output = picked if target.ndim else picked.squeeze(0)
        return _ASMoutput(output, -output.mean())

    def log_prob(self, input: Tensor) -> Any:
        """Log-probabilities of all classes (N, n_classes)."""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head.narrow(1, 0, self.shortlist_size)]
        for i, pair in enumerate(self.tail):
            inside = F.log_softmax(pair(input), dim=1)
            parts.append(inside + head.narrow(1, self.shortlist_size + i, 1))
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Any:
        """The most probable classes (N)."""
        if not input.shape[0]:
            return zeros(0, dtype=dt.int64, device=input.device)
        return self.log_prob(input).argmax(1)
