"""Connectionist temporal classification."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..kernels import ctc as kernel
from .declare import new_results, plain_bind, planner
from .loss import functional_loss, np_reduce, reduce_loss, reduction_meant
from .rowwise import dense, require_float
from .view import reshape, unsqueeze


def _once_only(ctx: Any, g: Any) -> Any:
    raise RuntimeError("derivative for aten::_ctc_loss_backward is not implemented")


ctc_backward = planner("_ctc_loss_backward", plain_bind, new_results(kernel.backward), family="ctc",
                       vjp=_once_only, public=False)


def _vjp(ctx: Any, g: Any, g_alpha: Any = None) -> tuple[Any, ...]:
    x, targets, spans = ctx.operands
    losses, alpha = ctx.outputs[0].detach(), ctx.outputs[1].detach()
    return ctc_backward(x, targets, spans, dense(g.to(x.dtype)), losses, alpha, **ctx.attrs), None, None


ctc_forward = planner("_ctc_loss", plain_bind, new_results(kernel.forward), family="ctc", vjp=_vjp,
                      saves=(0, 1, 2), saves_out=(0, 1), public=False)


def _lengths(given: Any) -> list[int]:
    if isinstance(given, (tuple, list)):
        return [int(n) for n in given]
    if given.dtype.is_inexact:
        raise RuntimeError("lengths must be integral")
    return reshape(given, (-1,)).tolist()


def _refuse(what: str) -> None:
    raise RuntimeError(f"{what} (while checking arguments for ctc_loss_allocate_outputs)")


def _spans(targets: Any, times: list[int], counts: list[int], limit: int) -> list[list[int]]:
    """Where labels begin, how many times, how many labels: of each sequence.

    Raises:
        RuntimeError: lengths that don't fit.
    """
    for n in times:
        if n < 0:
            _refuse(f"Expected input_lengths to have value at least 0, but got value {n}")
        if n > limit:
            _refuse(f"Expected input_lengths to have value at most {limit}, but got value {n}")
    for n in counts:
        if n < 0:
            _refuse(f"Expected target_lengths to have value at least 0, but got value {n}")
    if targets.ndim == 1:
        starts = [sum(counts[:i]) for i in range(len(counts))]
        if targets.shape[0] != sum(counts):
            _refuse(f"Expected tensor to have size {sum(counts)} at dimension 0, but got size "
                    f"{targets.shape[0]} for argument #2 'targets'")
    else:
        most = targets.shape[1]
        starts = [i * most for i in range(len(counts))]
        if targets.shape[0] != len(counts):
            _refuse(f"Expected tensor to have size {len(counts)} at dimension 0, but got size "
                    f"{targets.shape[0]} for argument #2 'targets'")
        if counts and most < max(counts):
            _refuse(f"Expected tensor to have size at least {max(counts)} at dimension 1, but got size {most} "
                    "for argument #2 'targets'")
    return [starts, times, counts]


def _np_log_sum(*values: float) -> float:
    return float(np.logaddexp.reduce(np.array(values)))


def np_ctc(x: Any, targets: Any, input_lengths: Sequence[int], target_lengths: Sequence[int], blank: int = 0,
           reduction: str = "mean", zero_infinity: bool = False) -> Any:
    """``ctc_loss`` in NumPy."""
    losses = []
    for n, (length, count) in enumerate(zip(input_lengths, target_lengths)):
        start = int(np.sum(target_lengths[:n]))
        labels = targets[n, :count] if targets.ndim == 2 else targets[start:start + count]
        states = [blank]
        for c in labels:
            states += [int(c), blank]
        row = [x[0, n, c] if s < 2 else -np.inf for s, c in enumerate(states)]
        for t in range(1, length):
            row = [_np_log_sum(row[s], row[s - 1] if s else -np.inf, row[s - 2] if (
                s > 1 and c != blank and c != states[s - 2]) else -np.inf) + x[t, n, c]
                for s, c in enumerate(states)]
        loss = -_np_log_sum(*row[-2:])
        losses.append(0.0 if zero_infinity and loss == np.inf else loss)
    found = np.array(losses)
    return np.mean(found / np.maximum(target_lengths, 1)) if reduction == "mean" else np_reduce(found, reduction)


def _samples() -> Any:
    x = np.sin(np.arange(60.0) ** 1.3).reshape(5, 3, 4)
    x = x - np.log(np.exp(x).sum(-1, keepdims=True))
    yield (x, np.array([[1, 2], [3, 3], [1, 0]]), (5, 4, 3), (2, 2, 1)), {}
    yield (x, np.array([1, 2, 3, 3, 1]), (5, 4, 3), (2, 2, 1)), {"reduction": "none"}
    yield (x, np.array([1, 2, 3, 3, 3]), (5, 2, 3), (2, 2, 1)), {"reduction": "sum", "zero_infinity": True}


@functional_loss(samples=_samples, reference=np_ctc)
def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: str = "mean", zero_infinity: bool = False) -> Any:
    """Minus the log-probability of label sequences, summed over their alignments (Graves et al. 2006).

    The gradient is that of log-probabilities which stay normalised (as after ``log_softmax``), like
    PyTorch's.  Lengths that are tensors wait for the device.

    Args:
        log_probs: (T, N, C), or (T, C) of one sequence.
        targets: labels (N, S) padded at their ends, or of all sequences one after the other.
        input_lengths, target_lengths: times and labels of each sequence.
        reduction: "mean" divides by the numbers of labels, then averages.
        zero_infinity: count sequences that no alignment fits as 0.

    Raises:
        RuntimeError: lengths that don't fit.
        IndexError: a label outside [0, C), at the next synchronisation.
    """
    chosen = reduction_meant(reduction)
    require_float("ctc_loss", log_probs.dtype)
    single = log_probs.ndim == 2
    x = unsqueeze(log_probs, 1) if single else log_probs
    if x.ndim != 3:
        raise RuntimeError(f"ctc_loss: log_probs should be 2-d or 3-d, but got {log_probs.ndim}-d")
    limit, batch, classes = x.shape
    if single and targets.ndim == 1:
        targets = unsqueeze(targets, 0)
    times, counts = _lengths(input_lengths), _lengths(target_lengths)
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if len(times) != batch:
        raise RuntimeError("input_lengths must be of size batch_size")
    if len(counts) != batch:
        raise RuntimeError("target_lengths must be of size batch_size")
    spans = x.new_tensor(_spans(targets, times, counts, limit), dtype=dt.int64)
    labels = dense(reshape(targets.to(dt.int64), (-1,)))
    losses = ctc_forward(dense(x), labels, spans, width=2 * max(counts, default=0) + 1, blank=blank,
                         zero_infinity=bool(zero_infinity))[0].to(x.dtype)
    if chosen == "mean":
        return reduce_loss(losses / x.new_tensor([max(n, 1) for n in counts], dtype=x.dtype), "mean")
    if single:
        losses = reshape(losses, ())
    return reduce_loss(losses, chosen)
