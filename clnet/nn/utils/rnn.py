"""Sequences of different lengths: padded, packed step by step, and back."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core import dtypes as dt
from ...ops.join import cat, stack
from ...ops.recurrent import packed, unpacked
from ...tensor import Tensor
from ...tensor.creation import tensor


class _PackedFields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_PackedFields):
    """Rows of a batch of sequences, step after step, the longest sequence first.

    Attributes:
        data: (sum of lengths, ...).
        batch_sizes: int64, how many sequences reach each step.
        sorted_indices: the order in which the sequences were put; None if they were sorted already.
        unsorted_indices: the inverse of that order.
    """

    __slots__ = ()

    def __new__(cls, data: Tensor, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
                unsorted_indices: Tensor | None = None) -> PackedSequence:
        if batch_sizes is None:
            raise ValueError("PackedSequence: batch_sizes is needed")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With ``data`` moved or converted."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self) -> PackedSequence:
        """With ``data`` on the default device."""
        return self.to("cpu")

    def double(self) -> PackedSequence:
        """With ``data`` in float64."""
        return self.to(dt.float64)

    def float(self) -> PackedSequence:
        """With ``data`` in float32."""
        return self.to(dt.float32)

    def half(self) -> PackedSequence:
        """With ``data`` in float16."""
        return self.to(dt.float16)

    @property
    def is_cuda(self) -> bool:
        """Whether ``data`` is on a CUDA device."""
        return bool(self.data.is_cuda)

    def is_pinned(self) -> bool:
        """Whether ``data`` is in pinned memory."""
        return bool(self.data.is_pinned())


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes ``permutation``."""
    if permutation is None:
        return None
    return permutation.argsort()


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Packs padded sequences.

    Args:
        input: (T, N, ...), or (N, T, ...) if ``batch_first``.
        lengths: of each sequence, a tensor or list.
        enforce_sorted: the lengths must fall; otherwise the sequences are sorted by length.

    Raises:
        RuntimeError: a length that is not positive or larger than T, or lengths out of order.
    """
    counts = np.asarray(lengths.numpy() if isinstance(lengths, Tensor) else lengths, dtype="int64")
    if batch_first:
        input = input.transpose(0, 1)
    if counts.ndim != 1 or counts.size != input.shape[1]:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {counts.size} (batch_size="
                           f"{input.shape[1]})")
    if counts.size == 0 or counts.min() <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' "
                           "that is <= 0")
    order = None
    if enforce_sorted:
        if (np.diff(counts) > 0).any():
            raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
                               "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence "
                               "to sidestep this requirement if you do not need ONNX exportability.")
    else:
        places = np.argsort(-counts, kind="stable")
        order, counts = tensor(places.astype("int64"), device=input.device), counts[places]
        input = input.index_select(1, order)
    if counts[0] > input.shape[0]:
        raise RuntimeError(f"Expected lengths of at most {input.shape[0]}, the size of the time dimension, got "
                           f"{counts[0]}")
    sizes = tensor((counts > np.arange(counts[0])[:, None]).sum(1).astype("int64"))
    return PackedSequence(packed(input.narrow(0, 0, int(counts[0])), sizes), sizes, order)


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Padded sequences (T, N, ...), or (N, T, ...) if ``batch_first``, and their lengths.

    Raises:
        ValueError: ``total_length`` is smaller than the longest length.
    """
    data, sizes = sequence.data, sequence.batch_sizes
    longest = sizes.shape[0]
    padded, lengths = unpacked(data, sizes, padding_value)
    if total_length is not None:
        if total_length < longest:
            raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but "
                             f"got total_length={total_length} and max sequence length being {longest}")
        if total_length > longest:
            shape = (total_length - longest, *padded.shape[1:])
            padded = cat((padded, padded.new_full(shape, padding_value)))
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return padded.transpose(0, 1) if batch_first else padded, lengths


def pad_sequence(sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Sequences (L, ...) as one tensor (T, N, ...), or (N, T, ...) if ``batch_first``.

    Raises:
        RuntimeError: ``padding_side`` is neither "right" nor "left", or there are no sequences.
    """
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"padding_side should be one of left or right, got {padding_side!r}")
    items = list(sequences)
    if not items:
        raise RuntimeError("received an empty list of sequences")
    longest = max(x.shape[0] for x in items)
    padded = []
    for x in items:
        filler = x.new_full((longest - x.shape[0], *x.shape[1:]), padding_value)
        parts = (x, filler) if padding_side == "right" else (filler, x)
        padded.append(cat(parts) if filler.shape[0] else x)
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor, each cut to its length."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:int(n)] for row, n in zip(rows, lengths.tolist())]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs sequences (L, ...) of different lengths."""
    lengths = [x.shape[0] for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed one."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
