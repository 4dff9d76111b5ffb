"""What runs in a loader's worker process."""
from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from ..core.generator import default as default_generator
from ..device import leave_opencl
from .fetch import Fetcher, make_fetcher
from .transport import Sender

# Seconds between looks for the parent, which may have been killed.
_PARENT_CHECK = 2.0


@dataclass(frozen=True)
class WorkerInfo:
    """Where a dataset is being read: ``get_worker_info()``.

    Attributes:
        id: number of the worker, from 0.  num_workers: how many there are.
        seed: of this worker's random numbers.  dataset: this process's copy.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


class Current:
    """The worker that this process is."""

    info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """About the worker process that calls it; None in the main process."""
    return Current.info


class Deferred:
    """An object that is unpickled only when it is opened: after the worker has left OpenCL."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._data: bytes | None = None

    def __getstate__(self) -> Any:
        return bytes(ForkingPickler.dumps(self._value))

    def __setstate__(self, data: bytes) -> None:
        self._value, self._data = None, data

    def open(self) -> Any:
        """The object itself."""
        return self._value if self._data is None else pickle.loads(self._data)


@dataclass(frozen=True)
class Job:
    """What a worker needs to know to make batches."""

    dataset: Any
    collate_fn: Callable[[Any], Any]
    batched: bool
    batch_size: int | None
    drop_last: bool
    worker_init_fn: Callable[[int], None] | None


@dataclass(frozen=True)
class Failure:
    """An exception, on its way to the main process."""

    kind: type
    where: str
    text: str

    def reraise(self) -> None:
        """Raise an exception of the same class with the worker's traceback in its message."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        try:
            error = self.kind(message)
        except Exception:  # a class with its own signature
            raise RuntimeError(message) from None
        raise error


EXHAUSTED = "exhausted"


def seed_everything(*key: int) -> None:
    """Seed clnet's, Python's and NumPy's random numbers by a key of non-negative integers."""
    words = np.random.SeedSequence(key).generate_state(4)
    default_generator.manual_seed(int(words[0]) << 31 | int(words[1]))
    random.seed(int(words[2]))
    np.random.seed(int(words[3]))


def main(deferred: Deferred, link: Connection, number: int, count: int, base_seed: int,
         inherited: list[Connection]) -> None:
    """A worker's life: requests come through ``link`` until the main process says stop.

    Requests are ("fetch", batch number, indices or None), ("release", block name), ("restart",
    base seed) and ("stop",); answers (batch number, parcel, Failure or EXHAUSTED).
    """
    leave_opencl()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process sees to it
    for other in inherited:
        other.close()
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    sender = Sender()
    threading.Thread(target=_receive, args=(link, requests, os.getppid()), daemon=True).start()
    fetcher: Fetcher | None = None
    broken: Failure | None = None
    job: Job | None = None
    try:
        job = deferred.open()
        Current.info = WorkerInfo(number, count, base_seed + number, job.dataset)
        seed_everything(base_seed, number, 0)
        if job.worker_init_fn is not None:
            job.worker_init_fn(number)
    except Exception as error:
        broken = failure(error, number)
    while True:
        request = requests.get()
        if request[0] == "stop":
            break
        if request[0] == "release":
            sender.release(request[1])
        elif request[0] == "restart":
            base_seed, fetcher = request[1], None
            if job is not None:
                Current.info = WorkerInfo(number, count, base_seed + number, job.dataset)
        else:
            _, batch, indices = request
            try:
                if broken is not None:
                    answer: Any = broken
                else:
                    assert job is not None
                    # By batch, so that it does not matter which worker makes it, nor where a run began.
                    if job.worker_init_fn is None:
                        seed_everything(base_seed, batch)
                    if fetcher is None:
                        fetcher = make_fetcher(job.dataset, job.collate_fn, job.batched, job.batch_size,
                                               job.drop_last)
                    answer = sender.pack(fetcher.fetch(indices))
            except StopIteration:
                answer = EXHAUSTED
            except Exception as error:
                answer = failure(error, number)
            link.send((batch, answer))
    sender.close()
    link.close()


def failure(error: Exception, number: int) -> Failure:
    """An exception made fit for the way; of a class that cannot be pickled, as RuntimeError."""
    kind: type = type(error)
    try:
        pickle.dumps(kind)
    except Exception:
        kind = RuntimeError
    return Failure(kind, f"in DataLoader worker process {number}", traceback.format_exc())


def _receive(link: Connection, requests: Any, parent: int) -> None:
    """Take requests off the link at once, so that the main process never waits to send one."""
    while True:
        try:
            while not link.poll(_PARENT_CHECK):
                if os.getppid() != parent:
                    os._exit(1)
            requests.put(link.recv())
        except (EOFError, OSError):
            requests.put(("stop",))
            return
