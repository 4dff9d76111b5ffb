"""Keeps results in the user's database."""
from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from ..core import tuned
from ..core.caps import DeviceCaps
from ..core.tuned import Entry, Machine


def save_entries(entries: Iterable[Entry]) -> Path:
    """Put entries into the user's database in place of older ones; returns its path.

    Processes that run keep what they have read; the file is replaced whole.
    """
    path = tuned.user_file()
    _write(path, tuned.render(tuned.merge(tuned.read_user(), entries)))
    return path


def export_entries(path: Path) -> int:
    """Write the user's entries to a file; returns how many there are."""
    entries = tuned.read_user()
    _write(path, tuned.render(entries))
    return len(entries)


def import_entries(path: Path) -> int:
    """Take another file's entries into the user's database; returns how many there are.

    Raises:
        OSError, ValueError: it can't be read, or is no database.
    """
    entries = tuned.parse(path.read_text(encoding="utf-8"))
    save_entries(entries)
    return len(entries)


def outdated(caps: DeviceCaps) -> list[Entry]:
    """Entries of this very device that another driver was measured with."""
    machine = Machine.of(caps)
    return [e for e in tuned.merge(tuned.read_shipped(), tuned.read_user())
            if (e.machine.name, e.machine.platform, e.machine.plan_class)
            == (machine.name, machine.platform, machine.plan_class) and not e.trusted_on(machine)]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
