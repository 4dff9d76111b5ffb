"""``torch.multiprocessing``: Python's, with PyTorch's additions. Tensors travel as copies."""
from __future__ import annotations

import multiprocessing as _python
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from typing import Any

__all__ = [*_python.__all__, "get_all_sharing_strategies", "get_sharing_strategy",
           "set_sharing_strategy", "spawn"]


def get_all_sharing_strategies() -> set[str]:
    """The names that ``set_sharing_strategy`` takes."""
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """PyTorch's default."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted: tensors travel as copies.

    Raises:
        AssertionError: an unknown strategy.
    """
    assert new_strategy in get_all_sharing_strategies(), f"unknown strategy {new_strategy!r}"


def spawn(fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True,
          daemon: bool = False, start_method: str = "spawn") -> list[Any] | None:
    """Run ``fn(i, *args)`` in ``nprocs`` processes; waits for them, or gives them back with ``join=False``.

    Raises:
        RuntimeError: a process failed.
    """
    context: Any = _python.get_context(start_method)
    processes: list[Any] = [
        context.Process(target=fn, args=(i, *args), daemon=daemon)
        for i in range(nprocs)]
    for process in processes:
        process.start()
    if not join:
        return processes
    for process in processes:
        process.join()
    for i, process in enumerate(processes):
        if process.exitcode:
            raise RuntimeError(f"process {i} terminated with exit code {process.exitcode}")
    return None
