"""What has been tried, line by line, so that a search that was killed goes on where it was."""
from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.caps import DeviceCaps
from ..core.tuned import Value, user_file
from ..version import CLNET
from .space import Key, frozen

# A variant that was begun so often and never ended is taken for one that kills the process.
_LIVES = 2


class Journal:
    """The trials of one device, driver and version of clnet.

    Each line is a JSON record, written in one piece; a torn last line is skipped.  A record is
    written when a variant is begun and one when it is judged.
    """

    def __init__(self, path: Path | None, identity: str, resume: bool = True) -> None:
        """``path`` None keeps nothing on disk; without ``resume`` nothing that is there is read."""
        self.path = path
        self.identity = identity
        self._judged: dict[tuple[str, Any], dict[str, Any]] = {}
        self._begun: dict[tuple[str, Any], int] = {}
        if path is not None and resume:
            with contextlib.suppress(OSError):
                for line in path.read_bytes().split(b"\n"):
                    self._take(line)

    @staticmethod
    def of(caps: DeviceCaps, resume: bool = True) -> Journal:
        """The journal of a device in the user's cache folder."""
        return Journal(journal_file(), identity_of(caps), resume)

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            if record["identity"] != self.identity:
                return
            key = record["problem"], frozen({(f, p): v for f, p, v in record["values"]})
        except (ValueError, KeyError, TypeError):
            return
        if "status" in record:
            self._judged[key] = record
        else:
            self._begun[key] = self._begun.get(key, 0) + 1

    def known(self, problem: str, values: Mapping[Key, Value]) -> dict[str, Any] | None:
        """The record of a variant that was judged before, or that never came back."""
        key = problem, frozen(values)
        record = self._judged.get(key)
        if record is None and self._begun.get(key, 0) >= _LIVES:
            record = {"status": "failed", "detail": "the process ended while it was tried"}
        return record

    def begin(self, problem: str, values: Mapping[Key, Value]) -> None:
        """Note that a variant is about to be built and run."""
        self._append({"problem": problem, "values": _plain(values)})

    def judge(self, problem: str, values: Mapping[Key, Value], **result: Any) -> None:
        """Note what became of it."""
        record = {"problem": problem, "values": _plain(values)} | result
        self._judged[problem, frozen(values)] = record
        self._append(record)

    def _append(self, record: dict[str, Any]) -> None:
        if self.path is None:
            return
        line = json.dumps({"identity": self.identity} | record) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if os.fstat(handle).st_size:
                os.lseek(handle, -1, os.SEEK_END)
                if os.read(handle, 1) != b"\n":  # a line that was cut off ends here
                    line = "\n" + line
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def journal_file() -> Path:
    """The user's journal."""
    return user_file().with_name("journal.jsonl")


def _plain(values: Mapping[Key, Value]) -> list[list[Value]]:
    return [[f, p, v] for (f, p), v in sorted(values.items())]


def identity_of(caps: DeviceCaps) -> str:
    """What trials depend on beside the problem."""
    return "; ".join((caps.name, caps.platform, caps.driver_version, caps.device_type, caps.plan_class, CLNET))
