"""Batches of a dataset, one after the other."""
from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..core.generator import Generator
from ..core.generator import default as default_generator
from ..kernels.random import words
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .fetch import make_fetcher
from .pool import WorkerIterator, WorkerPool
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .worker import Job


class DataLoader:
    """Iterates over a dataset in batches, made in this process or by workers.

    Workers use no OpenCL: they compute with NumPy, and hand over through shared memory. What they
    draw at random depends on the seed and the batch, not on the worker (unless ``worker_init_fn``
    is given, which then has the say).

    >>> import clnet
    >>> from clnet.utils.data import DataLoader, TensorDataset
    >>> [y.tolist() for x, y in DataLoader(TensorDataset(clnet.zeros(3, 2), clnet.arange(3)), batch_size=2)]
    [[0, 1], [2]]

    Args:
        dataset: with ``__getitem__`` and ``__len__``, or an IterableDataset.
        batch_size: samples per batch; None gives samples as they are.
        shuffle: a new random order in each pass, drawn from ``generator``.
        sampler, batch_sampler: orders of one's own.
        collate_fn: makes a batch of a list of samples.
        drop_last: leave out a last batch that is not full.
        num_workers: processes that make the batches; 0: this one.
        prefetch_factor: batches that each worker makes in advance, 2 by default.
        persistent_workers: keep the workers from one pass to the next.
        multiprocessing_context: "fork", "spawn", "forkserver" or a context; by default Python's.
        worker_init_fn: called in each worker with its number.
        timeout: seconds to wait for a batch; 0: as long as it takes.
        in_order: give batches in the order of the sampler, however long one takes.
        pin_memory: accepted; host memory needs no pinning here.

    Raises:
        ValueError: options that exclude each other.  RuntimeError, while iterating: a worker died
            or timed out; what a worker raised comes as the same class, with its traceback.
    """

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
                 sampler: Iterable[Any] | None = None, batch_sampler: Iterable[list[Any]] | None = None,
                 num_workers: int = 0, collate_fn: Callable[[Any], Any] | None = None,
                 pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
                 worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
                 generator: Any = None, *, prefetch_factor: int | None = None,
                 persistent_workers: bool = False, pin_memory_device: str = "",
                 in_order: bool = True) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset, self.num_workers, self.timeout = dataset, num_workers, timeout
        self.pin_memory, self.pin_memory_device, self.in_order = pin_memory, pin_memory_device, in_order
        self.prefetch_factor, self.persistent_workers = prefetch_factor, persistent_workers
        self.worker_init_fn, self.generator = worker_init_fn, generator
        if multiprocessing_context is not None and not num_workers:
            raise ValueError("multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                             "but got num_workers=0")
        self.multiprocessing_context = multiprocessing_context
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            if shuffle:
                raise ValueError("DataLoader with IterableDataset: expected unspecified shuffle option, but "
                                 f"got shuffle={shuffle}")
            if sampler is not None or batch_sampler is not None:
                raise ValueError("DataLoader with IterableDataset: expected unspecified sampler option")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, "
                                 "sampler, and drop_last")
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with "
                             "drop_last")
        if sampler is None and not self._iterable:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler: Any = sampler
        self.batch_sampler: Any = batch_sampler
        self.batch_size, self.drop_last = batch_size, drop_last
        if collate_fn is None:
            batched = batch_size is not None or batch_sampler is not None
            collate_fn = default_collate if batched else default_convert
        self.collate_fn = collate_fn
        self._pool: WorkerPool | None = None
        self._latest: WorkerIterator | None = None
        self._pass: Any = None
        self._resumed: Any = None

    def __iter__(self) -> Iterator[Any]:
        """A new pass; after ``load_state_dict`` the rest of the one that was interrupted."""
        source = self.generator if self.generator is not None else default_generator
        resumed, self._resumed = self._resumed, None
        if resumed is None:
            # Drawn without workers too: their number shall not change the order.
            self._pass = {"generator": source.snapshot(), "base_seed": _seed_from(source), "given": 0}
            return self._count(self._start(0))
        # The order is drawn again from where it was drawn first, without a trace in the generator.
        self._pass = dict(resumed)
        present = source.snapshot()
        source.restore(tuple(resumed["generator"]))
        _seed_from(source)
        requests = self._requests()
        if not self._iterable:
            with contextlib.suppress(TypeError):  # a sampler without length may have no end
                requests = iter(list(itertools.islice(requests, len(self))))
        source.restore(present)
        return self._count(self._start(resumed["given"], requests))

    def _requests(self) -> Iterator[Any]:
        """Indices of one batch after the other; the first are drawn at once, and with them the order."""
        if self._iterable:
            return itertools.repeat(None)
        drawn = iter(self.sampler if self.batch_sampler is None else self.batch_sampler)
        return itertools.chain(list(itertools.islice(drawn, 1)), drawn)

    def _start(self, first: int, requests: Iterator[Any] | None = None) -> Iterator[Any]:
        """Batches from number ``first`` on."""
        requests = self._requests() if requests is None else requests
        if self.num_workers:
            return self._start_workers(first, requests)
        made = self._made(requests if self._iterable else itertools.islice(requests, first, None))
        return itertools.islice(made, first, None) if self._iterable else made

    def _made(self, requests: Iterator[Any]) -> Iterator[Any]:
        """The batches of these requests, made in this process."""
        fetcher = make_fetcher(self.dataset, self.collate_fn, self.batch_sampler is not None, self.batch_size,
                               self.drop_last)
        for indices in requests:
            try:
                batch = fetcher.fetch(indices)
            except StopIteration:
                if self._iterable:
                    return
                raise
            yield batch

    def _start_workers(self, first: int, requests: Iterator[Any]) -> Iterator[Any]:
        pool, base_seed = self._pool, self._pass["base_seed"]
        if pool is None:
            job = Job(self.dataset, self.collate_fn, self.batch_sampler is not None, self.batch_size,
                      self.drop_last, self.worker_init_fn)
            pool = WorkerPool(job, self.num_workers, self.multiprocessing_context, self.timeout, base_seed)
            if self.persistent_workers:
                self._pool = pool
        else:
            if self._latest is not None:
                self._latest.drain()
            for number in range(self.num_workers):
                pool.send(number, ("restart", base_seed))
        skipped = 0 if self._iterable else first
        batches = WorkerIterator(pool, itertools.islice(requests, skipped, None), skipped,
                                 self.prefetch_factor or 2, self.in_order, self.persistent_workers)
        if self.persistent_workers:
            self._latest = batches
        return itertools.islice(batches, first, None) if self._iterable else batches

    def _count(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches, counted for ``state_dict``."""
        mine = self._pass
        for batch in batches:
            mine["given"] += 1
            yield batch
        mine["ended"] = True

    def state_dict(self) -> dict[str, Any]:
        """Where the present pass stands: between passes nothing, else its order and how far it came.

        Plain values: they may be saved with ``clnet.save``. The random generator's own state is
        not among them.
        """
        if self._pass is None or self._pass.get("ended"):
            return {"pass": None}
        return {"pass": dict(self._pass)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next pass be the rest of the one that ``state_dict`` described.

        The samples already given are not loaded again, except those of an iterable dataset, which
        has no other way forward.
        """
        self._resumed = state["pass"]

    def __len__(self) -> int:
        if self._iterable:
            count = len(self.dataset)
            if self.batch_size is None:
                return count
            return count // self.batch_size if self.drop_last else math.ceil(count / self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable "
                         "multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option could only be specified in multiprocessing.let num_workers "
                         "> 0 to enable multiprocessing, otherwise set prefetch_factor to None.")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError("prefetch_factor option should be positive")
    if num_workers == 0 and persistent:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _seed_from(source: Generator) -> int:
    """A seed for workers, drawn from a generator."""
    return int(words(*source.draw(), 1, 64)[0] >> 2)
