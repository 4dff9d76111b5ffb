"""A loader's worker processes, seen from the main process."""
from __future__ import annotations

import multiprocessing
import time
import weakref
from collections.abc import Iterator
from multiprocessing import connection, resource_tracker
from typing import Any

from .transport import unpack
from .worker import EXHAUSTED, Deferred, Failure, Job, main

# Seconds that workers have to end by themselves.
_PATIENCE = 5.0


class WorkerPool:
    """Worker processes and the links to them.

    Raises:
        RuntimeError: a worker died, or an answer took longer than ``timeout`` seconds (0: any time).
    """

    def __init__(self, job: Job, count: int, context: Any, timeout: float, base_seed: int) -> None:
        if context is None or isinstance(context, str):
            context = multiprocessing.get_context(context)
        # One tracker for all processes: it hears of every block's creation and end.
        resource_tracker.ensure_running()
        self.timeout = timeout
        self.links: list[Any] = []
        self.processes: list[Any] = []
        forks = context.get_start_method() == "fork"
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=main, daemon=True, name=f"loader-{number}",
                args=(Deferred(job), theirs, number, count, base_seed, [*self.links, ours] if forks else []))
            process.start()
            theirs.close()
            self.links.append(ours)
            self.processes.append(process)
        self._finalizer = weakref.finalize(self, _end, self.links, self.processes)

    def send(self, worker: int, request: tuple[Any, ...]) -> None:
        """Hand a request over. Raises RuntimeError if the worker is dead."""
        try:
            self.links[worker].send(request)
        except OSError:
            self._raise_if_dead()
            raise

    def receive(self) -> tuple[int, int, Any]:
        """(worker, batch number, answer) of the next answer."""
        deadline = time.monotonic() + self.timeout if self.timeout else None
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            ready = connection.wait([*self.links, *(p.sentinel for p in self.processes)], left)
            for number, link in enumerate(self.links):
                if link in ready:
                    try:
                        batch, answer = link.recv()
                    except (EOFError, OSError):
                        continue  # the process is about to be found dead
                    return number, batch, answer
            self._raise_if_dead()
            if deadline is not None and time.monotonic() >= deadline:
                raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")

    def _raise_if_dead(self) -> None:
        dead = [p for p in self.processes if not p.is_alive()]
        if dead:
            pids = ", ".join(f"{p.pid} (exit code {p.exitcode})" for p in dead)
            self.shut_down()
            raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly. A worker that was "
                               "killed may have run out of memory: try fewer workers or smaller batches")

    def shut_down(self) -> None:
        """End the workers."""
        self._finalizer()


def _end(links: list[Any], processes: list[Any]) -> None:
    for link in links:
        try:
            link.send(("stop",))
        except OSError:
            pass
    deadline = time.monotonic() + _PATIENCE
    for link, process in zip(links, processes):
        # What still comes must be taken, or the worker would wait to get rid of it.
        while process.is_alive() and time.monotonic() < deadline:
            ready = connection.wait([link, process.sentinel], max(deadline - time.monotonic(), 0))
            if link in ready:
                try:
                    link.recv()
                except (EOFError, OSError):
                    process.join(max(deadline - time.monotonic(), 0))
        if process.is_alive():
            process.terminate()
        process.join()
        link.close()


class WorkerIterator:
    """One pass over the batches that a pool makes.

    Args:
        requests: what to fetch, batch by batch: indices, or None over and over for a stream.
        first: number of the first batch.  ahead: batches requested of each worker in advance.
        in_order: answers are given in the order of the requests.
    """

    def __init__(self, pool: WorkerPool, requests: Iterator[Any], first: int, ahead: int, in_order: bool,
                 keep: bool) -> None:
        self._pool, self._requests, self._keep = pool, requests, keep
        self._next, self._given = first, first
        self._in_order = in_order
        self._waiting: dict[int, int] = {}  # batch number -> worker
        self._answers: dict[int, tuple[int, Any]] = {}
        self._active = list(range(len(pool.links)))
        self._turn = 0
        for _ in range(ahead * len(pool.links)):
            self._request()

    def __iter__(self) -> WorkerIterator:
        return self

    def _request(self) -> None:
        if not self._active:
            return
        try:
            indices = next(self._requests)
        except StopIteration:
            return
        worker = self._active[self._turn % len(self._active)]
        self._turn += 1
        self._waiting[self._next] = worker
        self._pool.send(worker, ("fetch", self._next, indices))
        self._next += 1

    def __next__(self) -> Any:
        while True:
            found = self._find()
            if found is not None:
                worker, answer = found
                if answer == EXHAUSTED:
                    if worker in self._active:
                        self._active.remove(worker)
                    self._request()
                    continue
                self._request()
                if isinstance(answer, Failure):
                    answer.reraise()
                made = unpack(answer)
                if answer[1] is not None:
                    self._pool.send(worker, ("release", answer[1]))
                return made
            if not self._waiting:
                if not self._keep:
                    self._pool.shut_down()
                raise StopIteration
            worker, batch, answer = self._pool.receive()
            if self._waiting.pop(batch, None) is not None:
                self._answers[batch] = (worker, answer)

    def _find(self) -> Any:
        if not self._in_order and self._answers:
            return self._answers.pop(next(iter(self._answers)))
        found = self._answers.pop(self._given, None)
        if found is not None:
            self._given += 1
        return found

    def drain(self) -> None:
        """Take what was requested and not yet given, so that the pool can serve another pass."""
        while self._waiting:
            _, batch, answer = self._pool.receive()
            worker = self._waiting.pop(batch, None)
            if worker is not None and isinstance(answer, tuple) and answer[1] is not None:
                self._pool.send(worker, ("release", answer[1]))
        for worker, answer in self._answers.values():
            if isinstance(answer, tuple) and answer[1] is not None:
                self._pool.send(worker, ("release", answer[1]))
        self._answers.clear()
