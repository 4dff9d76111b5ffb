"""A run's whole state in one file, so that a run that was killed goes on as if it had not been."""
from __future__ import annotations

import glob
import os
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..core import tuned
from ..core.generator import Generator
from ..core.generator import default as default_generator
from ..data.loader import DataLoader
from .serialization import load, save

_FORMAT = 1


class Checkpoint:
    """Saves and restores what a training run consists of, and the state of random numbers.

    >>> import tempfile
    >>> import clnet
    >>> from clnet import nn
    >>> from clnet.io import Checkpoint
    >>> model = nn.Linear(2, 1)
    >>> optimizer = clnet.optim.SGD(model.parameters(), lr=0.1)
    >>> checkpoint = Checkpoint(tempfile.mkdtemp() + "/run.pt", model=model, optimizer=optimizer)
    >>> checkpoint.load()
    >>> checkpoint.save(epoch=2)
    >>> checkpoint.load()
    {'epoch': 2}

    Give it everything that changes while training: model, optimizer, scheduler, scaler, and the
    DataLoader, by any names. It may be saved after any batch: the loader goes on with the next
    one. ``clnet``'s, Python's and NumPy's default generators, and those of loaders, are kept too.

    A file is replaced whole or not at all, whenever the process ends. It holds data only, which
    ``clnet.load`` and PyTorch read. One process writes to a path at a time.

    Args:
        path: the file.
        objects: what has ``state_dict`` and ``load_state_dict``, or is a ``clnet.Generator``.

    Raises:
        TypeError: an object has no state that can be saved and loaded.
    """

    def __init__(self, path: str | os.PathLike[str], **objects: Any) -> None:
        self.path = Path(path)
        for name, value in objects.items():
            if not isinstance(value, Generator) and not all(
                    callable(getattr(value, method, None)) for method in ("state_dict", "load_state_dict")):
                raise TypeError(f"Checkpoint: {name} is a {type(value).__name__}, which has no state_dict() and "
                                "load_state_dict(); give plain values to save()")
        self.objects = objects

    def save(self, **progress: Any) -> None:
        """Write everything, and plain values or tensors of one's own that ``load`` is to return."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        save({"checkpoint": _FORMAT,
              "objects": {name: _state(value) for name, value in self.objects.items()},
              "generators": {name: list(g.snapshot()) for name, g in self._generators().items()},
              "random": _random_state(), "tuning": tuned.database().digest, "progress": progress}, self.path)

    def load(self, map_location: Any = None) -> dict[str, Any] | None:
        """Restore everything; returns what was given to ``save``, or None where there is no file.

        Files that killed processes left half-written beside it are removed.

        Raises:
            RuntimeError: the file is damaged or no checkpoint of this class, or it holds other objects
                than those given.
        """
        for left in glob.glob(f"{glob.escape(str(self.path.parent / f'.{self.path.name}'))}.????????.tmp"):
            os.unlink(left)
        if not self.path.exists():
            return None
        content = load(self.path, map_location)
        if not isinstance(content, dict) or content.get("checkpoint") != _FORMAT:
            raise RuntimeError(f"{self.path} was not written by Checkpoint.save")
        saved = content["objects"]
        if saved.keys() != self.objects.keys():
            raise RuntimeError(f"{self.path} holds {sorted(saved)} in place of {sorted(self.objects)}")
        for name, value in self.objects.items():
            if not isinstance(value, Generator):
                value.load_state_dict(saved[name])
        for name, generator in self._generators().items():
            if name in content["generators"]:
                generator.restore(tuple(content["generators"][name]))
        _restore_random(content["random"])
        digest = tuned.database().digest
        if content.get("tuning", digest) != digest:
            warnings.warn(f"{self.path} was written with another tuning database (digest {content['tuning']}, here "
                          f"{digest}): plans of kernels may differ, so the run goes on, but not bit for bit as it "
                          "would have; `clnet tune --export` and `--import` carry a database over",
                          RuntimeWarning, stacklevel=2)
        progress: dict[str, Any] = content["progress"]
        return progress

    def _generators(self) -> dict[str, Generator]:
        """The generators that the objects draw from, beside the default one."""
        found = {}
        for name, value in self.objects.items():
            generator = value if isinstance(value, Generator) else (
                value.generator if isinstance(value, DataLoader) else None)
            if generator is not None and generator is not default_generator:
                found[name] = generator
        return found


def _state(value: Any) -> Any:
    return None if isinstance(value, Generator) else value.state_dict()


def _random_state() -> dict[str, Any]:
    name, words, *rest = np.random.get_state(legacy=True)
    return {"clnet": list(default_generator.snapshot()), "python": random.getstate(),
            "numpy": [name, [int(w) for w in words], *rest]}


def _restore_random(state: dict[str, Any]) -> None:
    default_generator.restore(tuple(state["clnet"]))
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    name, key, *rest = state["numpy"]
    np.random.set_state((name, np.array(key, np.uint32), *rest))
