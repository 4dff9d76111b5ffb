"""Keeps OpenCL out of forked children.

A child made by fork has copies of the OpenCL handles but none of the runtime's threads: any
call may hang. Before the fork the queues are finished, so that the child finds in host memory
what was computed; its handler marks the process, and pins every handle so that no finaliser
releases one.
"""

from __future__ import annotations

import ctypes
import os
import sys
import weakref
from collections.abc import Iterable
from typing import Protocol

from clnet.core.errors import DeviceError


class Holder(Protocol):
    """Something that owns OpenCL handles."""

    def handles(self) -> Iterable[object]:
        """Every handle owned at this moment."""

    def settle(self) -> None:
        """Finish everything launched; failures stay for the next synchronisation."""

    def disable(self) -> None:
        """Make every fast path take the slow one, which calls `refuse_in_child`."""


def skip_library_finalisers() -> None:
    """End this process, when it exits, before the C libraries' finalisers run.

    Those of OpenCL runtimes wait for their worker threads, which a child does not have. Handlers
    registered last run first, and `_exit` takes the status as `on_exit` hands it over. Only
    Linux's C library (glibc) has `on_exit`.
    """
    library = ctypes.CDLL(None)
    try:
        library.on_exit(library._exit, None)
    except AttributeError:
        pass


class ForkGuard:
    """What a process knows about forks: whether it is a child, and whose handles to pin."""

    def __init__(self) -> None:
        self.in_child = False
        self._holders: weakref.WeakSet[Holder] = weakref.WeakSet()

    def protect(self, holder: Holder) -> None:
        """Pin `holder`'s handles in children of this process."""
        self._holders.add(holder)

    def before_fork(self) -> None:
        """Runs in the parent, right before a fork."""
        if not self.in_child:
            for holder in self._holders:
                holder.settle()

    def enter_child(self) -> None:
        """Runs in a child, right after the fork."""
        self.in_child = True
        if self._holders:
            skip_library_finalisers()
        for holder in self._holders:
            for handle in holder.handles():
                # One reference that nobody drops: the handle outlives the interpreter.
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))
            holder.disable()

    def refuse_in_child(self) -> None:
        """Raise DeviceError in a forked child."""
        if self.in_child:
            raise DeviceError(
                "OpenCL cannot be used in a forked child process; start workers with the "
                "'spawn' method, or give them host data only")


GUARD = ForkGuard()
if sys.platform != "win32":  # which has no fork
    os.register_at_fork(before=GUARD.before_fork, after_in_child=GUARD.enter_child)


def in_forked_child() -> bool:
    """Whether this process was forked from one that had loaded clnet."""
    return GUARD.in_child
