"""A folder of compiled programs, safe for concurrent processes.

Each entry is one file: a magic line, a JSON header line that says what it is, and the payload,
under a SHA-256 of all of it. Files appear whole by renaming. An entry that does not check out
is deleted and reported as absent, so that it is built again. When the folder has outgrown its
limit, the entries read longest ago are deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import warnings
from pathlib import Path

_MAGIC = b"clnet program 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size
# The folder is measured at a process's first write and then once in so many: it may hold
# thousands of files. Trimming leaves this part of the limit.
_WRITES_PER_CHECK = 64
_KEPT = 0.75


class DiskCache:
    """Programs by key. Failures to write are reported once, as a warning, and cost only time."""

    def __init__(self, folder: Path, enabled: bool = True, limit: int = 1 << 31) -> None:
        """`limit` is in bytes."""
        self.folder = folder
        self.enabled = enabled
        self.limit = limit
        self._writes = 0
        self._warned = False

    @staticmethod
    def key(*parts: str) -> str:
        """Key of a program from everything its binary depends on."""
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def path(self, key: str) -> Path:
        """Where the entry of `key` is or would be."""
        return self.folder / key[:2] / f"{key}.clbin"

    def holds(self, key: str) -> bool:
        """Whether there is an entry, checked or not."""
        return self.path(key).exists()

    def load(self, key: str) -> bytes | None:
        """The payload stored under `key`; None when absent or damaged."""
        if not self.enabled:
            return None
        try:
            data = self.path(key).read_bytes()
        except OSError:
            return None
        payload = _unpack(data, key)
        if payload is None:
            self.discard(key)
        else:
            with contextlib.suppress(OSError):  # a folder that others own may be read only
                os.utime(self.path(key))
        return payload

    def store(self, key: str, payload: bytes, about: dict[str, object]) -> None:
        """Store `payload`; `about` is for people who look at the file."""
        if not self.enabled:
            return
        header = json.dumps({"key": key, "bytes": len(payload)} | about).encode() + b"\n"
        digest = hashlib.sha256(header + payload).digest()
        path = self.path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            temporary = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.writelines((_MAGIC, digest, header, payload))
                temporary.replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
        except OSError as error:
            self._warn(error)
        if self._writes % _WRITES_PER_CHECK == 0:
            self._trim()
        self._writes += 1

    def _trim(self) -> None:
        """Delete the entries used longest ago, if all together exceed the limit."""
        entries = []
        for path in self.folder.glob("*/*.clbin"):
            with contextlib.suppress(OSError):  # another process may have deleted it
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self.limit:
            return
        for _, size, path in sorted(entries):
            if total <= _KEPT * self.limit:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size

    def discard(self, key: str) -> None:
        """Forget an entry."""
        with contextlib.suppress(OSError):
            self.path(key).unlink()

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"compiled kernels cannot be kept in {self.folder} ({error}); they are compiled "
                "again in every process. Set CLNET_CACHE_DIR to a writable folder with space",
                RuntimeWarning, stacklevel=2)


def _unpack(data: bytes, key: str) -> bytes | None:
    start = len(_MAGIC) + _DIGEST_BYTES
    body = data[start:]
    if not data.startswith(_MAGIC) or hashlib.sha256(body).digest() != data[len(_MAGIC):start]:
        return None
    header, _, payload = body.partition(b"\n")
    try:
        about = json.loads(header)
    except ValueError:
        return None
    if about.get("key") != key or about.get("bytes") != len(payload):
        return None
    return payload
