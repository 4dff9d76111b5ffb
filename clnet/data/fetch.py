"""Samples taken from a dataset and made into a batch."""
from __future__ import annotations

import abc
import itertools
from collections.abc import Callable
from typing import Any

from .collate import default_collate
from .dataset import Dataset, IterableDataset


class Fetcher(abc.ABC):
    """Makes one batch after the other."""

    @abc.abstractmethod
    def fetch(self, indices: Any) -> Any:
        """The next batch. Raises StopIteration where an iterable dataset ends."""


class IndexFetcher(Fetcher):
    """From a dataset with access by index."""

    def __init__(self, dataset: Any, collate_fn: Callable[[Any], Any], batched: bool) -> None:
        self.dataset, self.collate_fn, self.batched = dataset, collate_fn, batched

    def fetch(self, indices: Any) -> Any:
        dataset = self.dataset
        if not self.batched:
            return self.collate_fn(dataset[indices])
        if self.collate_fn is default_collate and isinstance(dataset, Dataset):
            made = dataset.__getbatch__(indices)
            if made is not None:
                return made
        several = getattr(dataset, "__getitems__", None)
        return self.collate_fn(several(indices) if several else [dataset[i] for i in indices])


class StreamFetcher(Fetcher):
    """From a dataset that only gives its samples in order."""

    def __init__(self, dataset: Any, collate_fn: Callable[[Any], Any], batch_size: int | None,
                 drop_last: bool) -> None:
        self.samples, self.collate_fn = iter(dataset), collate_fn
        self.batch_size, self.drop_last = batch_size, drop_last

    def fetch(self, indices: Any) -> Any:
        if self.batch_size is None:
            return self.collate_fn(next(self.samples))
        batch = list(itertools.islice(self.samples, self.batch_size))
        if not batch or self.drop_last and len(batch) < self.batch_size:
            raise StopIteration
        return self.collate_fn(batch)


def make_fetcher(dataset: Any, collate_fn: Callable[[Any], Any], batched: bool, batch_size: int | None,
                 drop_last: bool) -> Fetcher:
    """The fetcher for a kind of dataset."""
    if isinstance(dataset, IterableDataset):
        return StreamFetcher(dataset, collate_fn, batch_size, drop_last)
    return IndexFetcher(dataset, collate_fn, batched)
