"""Runs a PyTorch script as ``python script.py`` would, with clnet in PyTorch's place."""
from __future__ import annotations

import importlib
import linecache
import re
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from .finder import as_torch

_PACKAGE = Path(__file__).resolve().parent.parent


def run(script: str, arguments: Sequence[str] = (), as_module: bool = False) -> int:
    """Run a script, or with ``as_module`` a module by its name, as the main program.

    Returns the exit status: 0, or 1 after an exception. If that is about something that clnet does
    not have, its name and the line that asked for it are printed in place of a traceback.
    ``SystemExit`` passes through.
    """
    as_torch()
    sys.argv = [script, *arguments]
    # Processes that Python starts anew get the path, not the finder.
    stand_in = str(_PACKAGE / "dropin" / "stand_in")
    try:
        if as_module:
            sys.path[:0] = [str(Path.cwd()), stand_in]
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            sys.path[:0] = [str(Path(script).resolve().parent), stand_in]
            _execute(script)
    except Exception as error:
        _report(error)
        return 1
    return 0


def _execute(script: str) -> None:
    """The script's text in a fresh ``__main__``."""
    try:
        text = Path(script).read_bytes()
    except OSError as error:
        print(f"clnet run: can't open {script!r}: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    main = ModuleType("__main__")
    main.__file__ = script
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    exec(compile(text, script, "exec"), main.__dict__)


def _report(error: Exception) -> None:
    frames = list(traceback.walk_tb(error.__traceback__))
    outside = [position for position, (frame, _) in enumerate(frames) if not _ours(frame)]
    name = _missing(error)
    if name is not None and outside and all(
            frame.f_code.co_name in ("__getattr__", "find_spec") or not _in_package(frame)
            for frame, _ in frames[outside[-1] + 1:]):
        frame, line = frames[outside[-1]]
        file = frame.f_code.co_filename
        print(f"clnet run: {name} is missing from clnet\n  {file}, line {line}: "
              f"{linecache.getline(file, line).strip()}", file=sys.stderr)
        return
    trace = error.__traceback__
    while trace is not None and _ours(trace.tb_frame):
        trace = trace.tb_next
    error.__traceback__ = trace or error.__traceback__
    sys.excepthook(type(error), error, error.__traceback__)


def _in_package(frame: FrameType) -> bool:
    return Path(frame.f_code.co_filename).is_relative_to(_PACKAGE)


def _ours(frame: FrameType) -> bool:
    """Whether clnet or the import system runs in the frame, not the user's program."""
    file = frame.f_code.co_filename
    return file.startswith("<frozen") or file == importlib.__file__ or file == runpy.__file__ or _in_package(frame)


def _missing(error: Exception) -> str | None:
    """PyTorch's name of what an exception says is not there; None if it is about something else."""
    if isinstance(error, ModuleNotFoundError):
        root = (error.name or "").partition(".")[0]
        return f"the module {error.name}" if root in ("torch", "torchvision") else None
    if isinstance(error, ImportError):
        found = re.match(r"cannot import name '(\w+)' from '(clnet[\w.]*)'", str(error))
        return _public(found[2], found[1]) if found else None
    if isinstance(error, AttributeError) and error.name:
        return _attribute(error.obj, error.name)
    return None


def _attribute(obj: Any, name: str) -> str | None:
    if isinstance(obj, ModuleType):
        return _public(obj.__name__, name) if obj.__name__.partition(".")[0] == "clnet" else None
    kind = obj if isinstance(obj, type) else type(obj)
    if kind.__module__.partition(".")[0] != "clnet":
        return None
    parts = kind.__module__.split(".")
    home = ".".join(parts[:2]) if len(parts) > 1 and parts[1] in ("nn", "optim", "cuda", "vision") else "clnet"
    return _public(f"{home}.{kind.__qualname__}", name)


def _public(module: str, name: str) -> str:
    """clnet's dotted name under PyTorch's root."""
    for own, root in (("clnet.vision", "torchvision"), ("clnet", "torch")):
        if module == own or module.startswith(own + "."):
            return f"{root}{module[len(own):]}.{name}"
    return f"{module}.{name}"
