"""Builds kernels, from source or from the disk cache."""

from __future__ import annotations

import atexit
import hashlib
import importlib.metadata
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clnet.core.caps import POCL, DeviceCaps
from clnet.core.config import Settings
from clnet.core.errors import BuildError
from clnet.core.program import KernelSource
from clnet.device.diskcache import DiskCache
from clnet.device.driver import cl, raw
from clnet.device.fork import GUARD
from clnet.device.launch import Kernel, LaunchQueue

EXIT_SECONDS = 40.0
"""Time that a process may spend at its end on storing PoCL's binaries."""


class Deferred:
    """A program whose binary is to be stored once it has been used."""

    __slots__ = ("about", "handle", "key", "launched")

    def __init__(self, key: str, handle: Any, about: dict[str, object]) -> None:
        self.key = key
        self.handle = handle
        self.about = about
        self.launched = False

    def note_launch(self) -> None:
        """A kernel of the program has been launched for the first time."""
        self.launched = True


class BuildStats:
    """How many kernels were built, how, and in what time."""

    def __init__(self) -> None:
        self.from_source = 0
        self.from_disk = 0
        self.seconds = 0.0

    def as_dict(self) -> dict[str, float]:
        """The counts under their public names."""
        return {
            "kernels_from_source": self.from_source,
            "kernels_from_disk": self.from_disk,
            "seconds": self.seconds,
        }


class Builder:
    """Builds the programs of one device. Thread-safe."""

    def __init__(
        self, context: Any, device: Any, caps: DeviceCaps, target: LaunchQueue,
        settings: Settings,
    ) -> None:
        self._context = context
        self._device = device
        self._caps = caps
        self._target = target
        self._settings = settings
        self._options = f"-cl-std={caps.c_standard}"
        # NVIDIA's driver keeps its own cache, of what it makes from the PTX that it calls a
        # binary; another one would add nothing.
        self._cache = DiskCache(
            settings.cache_dir / "programs",
            enabled=not settings.no_disk_cache and "nvidia" not in caps.platform.lower(),
            limit=settings.cache_limit)
        self._identity = (
            caps.platform, device.platform.version, caps.name, caps.driver_version,
            device.version, _clnet_version())
        # PoCL compiles for a work-group size at the first launch, and its binaries hold only
        # what has been compiled. Taking one costs it another compilation of every kernel, so
        # that is left for the end of the process.
        self._defers = caps.platform == POCL
        self._deferred: list[Deferred] = []
        self._kernels: weakref.WeakSet[Kernel] = weakref.WeakSet()
        self._lock = threading.RLock()
        self.stats = BuildStats()
        if self._defers and self._cache.enabled:
            atexit.register(_store_at_exit, weakref.ref(self))

    def build(self, sources: Sequence[KernelSource], prelude: str = "") -> list[Kernel]:
        """One program of all `sources`, after `prelude`; their kernels in order.

        Raises BuildError with the compiler's log and the file that the source was saved in.
        """
        GUARD.refuse_in_child()
        if not sources:
            return []
        text = "\n".join([prelude, *(source.source for source in sources)])
        key = DiskCache.key(text, self._options, *self._identity)
        with self._lock:
            started = time.perf_counter()
            deferred = None
            program = self._load(key)
            if program is not None:
                self.stats.from_disk += len(sources)
            else:
                program = self._compile(text, sources)
                self.stats.from_source += len(sources)
                deferred = self._keep(key, program, sources)
            kernels = [self._kernel(program, source, text, deferred) for source in sources]
            elapsed = time.perf_counter() - started
            self.stats.seconds += elapsed
            self._kernels.update(kernels)
        if self._settings.verbose:
            names = ", ".join(source.entry for source in sources)
            print(f"clnet: built {names} in {elapsed * 1e3:.1f} ms", file=sys.stderr)
        return kernels

    def _load(self, key: str) -> Any | None:
        binary = self._cache.load(key)
        if binary is None:
            return None
        try:
            program = raw._Program(self._context, [self._device], [binary])
            program._build(self._options.encode(), [self._device])
        except cl.Error:
            # The driver has changed in a way that its version does not tell.
            self._cache.discard(key)
            return None
        return program

    def _compile(self, text: str, sources: Sequence[KernelSource]) -> Any:
        try:
            program = raw._Program(self._context, text)
            # The raw build: pyopencl's wrapper turns every compiler note into a warning.
            program._build(self._options.encode(), [self._device])
        except cl.Error as error:
            raise self._failure(str(error), _log(program), text, sources) from None
        return program

    def _kernel(
        self, program: Any, source: KernelSource, text: str, deferred: Deferred | None
    ) -> Kernel:
        try:
            handle = cl.Kernel(program, source.entry)
            if deferred is None:
                return Kernel(handle, source, self._target)
            return Kernel(handle, source, self._target, deferred.note_launch)
        except (cl.Error, TypeError) as error:
            raise self._failure(str(error), _log(program), text, [source]) from None

    def _keep(
        self, key: str, program: Any, sources: Sequence[KernelSource]
    ) -> Deferred | None:
        if not self._cache.enabled:
            return None
        about: dict[str, object] = {
            "kernels": [source.entry for source in sources],
            "platform": self._identity[0],
            "device": self._identity[2],
            "driver": self._identity[3],
            "clnet": self._identity[-1],
            "options": self._options,
        }
        if self._defers:
            deferred = Deferred(key, program, about)
            self._deferred.append(deferred)
            return deferred
        self._store(key, program, about)
        return None

    def _store(self, key: str, program: Any, about: dict[str, object]) -> None:
        if self._cache.holds(key):  # another process was faster
            return
        try:
            binary = program.get_info(cl.program_info.BINARIES)[0]
        except cl.Error:
            return
        if binary:
            self._cache.store(key, binary, about)

    def store_deferred(self, seconds: float) -> None:
        """Store the binaries of programs that have been used, for up to `seconds`.

        The queue must have been finished.
        """
        deadline = time.monotonic() + seconds
        with self._lock:
            remaining = []
            for deferred in self._deferred:
                if not deferred.launched or time.monotonic() > deadline:
                    remaining.append(deferred)
                else:
                    self._store(deferred.key, deferred.handle, deferred.about)
            self._deferred = remaining

    def finish(self) -> None:
        """Wait until everything launched so far has run."""
        self._target.finish()

    def handles(self) -> Iterable[object]:
        """OpenCL handles to keep alive in forked children."""
        yield from (kernel.handle for kernel in self._kernels)
        yield from (deferred.handle for deferred in self._deferred)

    def disable(self) -> None:
        """Refuse launches, in a forked child."""
        for kernel in self._kernels:
            kernel.disable()

    def _failure(
        self, error: str, log: str, text: str, sources: Sequence[KernelSource]
    ) -> BuildError:
        names = ", ".join(source.entry for source in sources)
        return BuildError(
            f"{names} did not build on {self._caps.name} ({self._caps.platform}) with "
            f"{self._options}: {error}\n{log}\nThe source was saved as "
            f"{self._save(text, sources[0].entry)}")

    def _save(self, text: str, entry: str) -> str:
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        name = f"{entry}-{digest}.cl"
        for folder in (self._settings.cache_dir / "failed", Path(tempfile.gettempdir())):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
            except OSError:
                continue
            return str(folder / name)
        return "(nowhere: no folder is writable)"


def _log(program: Any) -> str:
    return "\n".join(log.strip() for _, log in program._get_build_logs() if log)


def _store_at_exit(reference: weakref.ref[Builder]) -> None:
    builder = reference()
    if builder is None or GUARD.in_child:
        return
    builder.finish()
    builder.store_deferred(EXIT_SECONDS)


def _clnet_version() -> str:
    try:
        return importlib.metadata.version("clnet")
    except importlib.metadata.PackageNotFoundError:
        return "uninstalled"
