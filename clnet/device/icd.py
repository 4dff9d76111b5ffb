"""Lets the OpenCL loader find the runtimes that it would miss.

The loader reads a folder of `.icd` files, one library path each. Intel's CPU runtime installs
as a Python wheel whose own `.icd` file lies outside that folder, so clnet keeps a folder in its
cache with the system's files and that library, and points the loader at it for the moment in
which it reads the folder. A user who has set OCL_ICD_VENDORS is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from clnet.core.config import Settings

_SYSTEM_VENDORS = Path("/etc/OpenCL/vendors")
_LOADER_VARIABLE = "OCL_ICD_VENDORS"


def _system_icds(folder: Path) -> dict[str, str]:
    found = {}
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("*.icd")):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[path.name] = path.read_text().strip()
    return found


def _wheel_libraries(prefix: Path) -> dict[str, str]:
    library = prefix / "lib" / "libintelocl.so"
    return {"clnet-intel-cpu.icd": str(library)} if library.exists() else {}


def wanted_icds(
    settings: Settings, prefix: Path, system: Path = _SYSTEM_VENDORS
) -> dict[str, str]:
    """File name to library path of every runtime to offer, each library once."""
    wanted: dict[str, str] = {}
    candidates = _system_icds(system) | _wheel_libraries(prefix)
    for position, library in enumerate(settings.icd_extra):
        candidates[f"clnet-extra-{position}.icd"] = library
    seen = set()
    for name, library in candidates.items():
        # The same library listed twice would show each of its platforms twice.
        identity = os.path.realpath(library) if Path(library).is_absolute() else library
        if library and identity not in seen:
            seen.add(identity)
            wanted[name] = library
    return wanted


def write_vendors(wanted: dict[str, str], parent: Path) -> Path:
    """A folder under `parent` that holds exactly `wanted`.

    Its name is a digest of its content, so processes with different installations do not
    disturb one another. It is filled under another name and renamed, so nobody sees it half
    written. Raises OSError when `parent` cannot be written.
    """
    text = "".join(f"{name}\n{library}\n" for name, library in sorted(wanted.items()))
    folder = parent / ("vendors-" + hashlib.sha256(text.encode()).hexdigest()[:16])
    if _holds(folder, wanted):
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendors-", dir=parent) as staging:
        filled = Path(staging) / "filled"
        filled.mkdir()
        for name, library in wanted.items():
            (filled / name).write_text(library + "\n")
        try:
            filled.rename(folder)
        except OSError:
            # Another process was first, or the folder was damaged: make good what differs.
            folder.mkdir(exist_ok=True)
            for name in wanted:
                (filled / name).replace(folder / name)
            for path in folder.iterdir():
                if path.name not in wanted:
                    path.unlink(missing_ok=True)
    return folder


def _holds(folder: Path, wanted: dict[str, str]) -> bool:
    try:
        present = {path.name: path.read_text().strip() for path in folder.iterdir()}
    except (OSError, UnicodeDecodeError):
        return False
    return present == wanted


@contextlib.contextmanager
def loader_environment(settings: Settings) -> Iterator[None]:
    """Within it, the OpenCL loader's first query sees every runtime.

    Afterwards the environment is as before: a child process may have another prefix.
    """
    if settings.ocl_icd_vendors or sys.platform != "linux":
        yield
        return
    wanted = wanted_icds(settings, Path(sys.prefix))
    with contextlib.ExitStack() as cleanup:
        try:
            folder = write_vendors(wanted, settings.cache_dir)
        except OSError:
            # A read-only or full cache disk must not cost the user the device.
            temporary = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="clnet-icd-"))
            folder = write_vendors(wanted, Path(temporary))
        os.environ[_LOADER_VARIABLE] = str(folder)
        cleanup.callback(os.environ.pop, _LOADER_VARIABLE, None)
        yield
