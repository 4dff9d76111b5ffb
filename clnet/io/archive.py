"""PyTorch's checkpoint archive: an uncompressed zip of a pickle and one record per storage."""
from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from typing import IO, Any

# Records start at multiples of this, so that readers can map them into memory.
ALIGNMENT = 64
_LOCAL_HEADER = 30
_ZIP64_EXTRA = 20
_ZIP64_LIMIT = (1 << 31) - 1
# What the zipfile module raises on contents that it cannot make sense of.
_DAMAGE = (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError, RuntimeError, struct.error,
           zlib.error)


class CheckpointError(RuntimeError):
    """A checkpoint that is damaged, incomplete or of another format."""


class ArchiveWriter:
    """Writes records below one folder of a zip file."""

    def __init__(self, file: IO[bytes], folder: str) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._folder = folder

    def write(self, name: str, data: Any) -> None:
        """Add a record; ``data`` is any buffer of bytes."""
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        # A fixed time: equal contents make equal files.
        info = zipfile.ZipInfo(f"{self._folder}/{name}", (1980, 1, 1, 0, 0, 0))
        at = self._zip.fp.tell() + _LOCAL_HEADER + len(info.filename.encode())  # type: ignore[union-attr]
        if len(view) * 1.05 > _ZIP64_LIMIT:
            at += _ZIP64_EXTRA
        # Padding is an extra field of its own: two bytes of name, two of length.
        padding = -(at + 4) % ALIGNMENT
        info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
        self._zip.writestr(info, view)

    def close(self) -> None:
        """Write the directory that makes the archive complete."""
        self._zip.close()


class ArchiveReader:
    """Reads the records of a checkpoint.

    Raises:
        CheckpointError: no zip file, or one without a checkpoint's records.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise CheckpointError(_explain(file, name, error)) from None
        found = [n for n in self._zip.namelist() if n == "data.pkl" or n.endswith("/data.pkl")]
        if len(found) != 1:
            raise CheckpointError(f"{name}: the archive is no checkpoint: it has {len(found)} records named "
                                  "data.pkl")
        self._folder = found[0][:-len("data.pkl")]
        if f"{self._folder}constants.pkl" in self._zip.namelist():
            raise CheckpointError(f"{name}: this is a TorchScript program, not a checkpoint; save the "
                                  "module's state_dict() from PyTorch instead")

    def read(self, name: str) -> bytes:
        """A record's contents, checked.

        Raises:
            CheckpointError: it is missing or damaged.
        """
        try:
            return self._zip.read(f"{self._folder}{name}")
        except KeyError:
            raise CheckpointError(f"{self.name}: the archive lacks the record {name!r}: the file is "
                                  "incomplete") from None
        except _DAMAGE as error:
            raise CheckpointError(f"{self.name}: record {name!r} is damaged: {error}") from None

    def swapped(self) -> bool:
        """Whether storages were written in the other byte order."""
        if f"{self._folder}byteorder" not in self._zip.namelist():
            return sys.byteorder != "little"
        return self.read("byteorder").decode("ascii", "replace").strip() != sys.byteorder


def _explain(file: IO[bytes], name: str, error: Exception) -> str:
    """What is wrong with a file that is no zip archive."""
    file.seek(0)
    start = file.read(32)
    if not start:
        return f"{name}: the file is empty"
    if start.startswith(b"PK"):
        return (f"{name}: failed finding the zip archive's central directory ({error}): the file is "
                "truncated or corrupt")
    return f"{name}: not a checkpoint: neither a zip archive nor a name that ends in .safetensors"
