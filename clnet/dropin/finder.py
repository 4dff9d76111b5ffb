"""Imports of ``torch`` and ``torchvision``, answered with clnet's own modules.

``sys.modules`` gets the same module objects under both names; their own ``__name__`` and ``__spec__``
stay, so that what is pickled names clnet.
"""
from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_ROOTS = {"torch": "clnet", "torchvision": "clnet.vision"}
# Paths of PyTorch's whose contents lie elsewhere.
_MOVED = {
    "torch.amp.autocast_mode": "clnet.amp.autocast",
    "torch.autograd.grad_mode": "clnet.autograd.mode",
    "torch.autograd.gradcheck": "clnet.autograd.gradcheck",
    "torch.autograd.profiler": "clnet.profiler.legacy",
    "torch.autograd.variable": "clnet.tensor.variable",
    "torch.cuda.amp.autocast_mode": "clnet.cuda.amp",
    "torch.cuda.amp.grad_scaler": "clnet.cuda.amp",
    "torch.nn.modules.channelshuffle": "clnet.nn.modules",
    "torch.nn.modules.distance": "clnet.nn.modules",
    "torch.nn.modules.fold": "clnet.nn.modules",
    "torch.nn.modules.pixelshuffle": "clnet.nn.modules",
    "torch.nn.modules.utils": "clnet.nn.modules.tuples",
    "torch.nn.modules.upsampling": "clnet.nn.modules",
    "torch.nn.modules.activation": "clnet.nn.modules",
    "torch.nn.modules.loss": "clnet.nn.modules",
    "torch.nn.parallel.data_parallel": "clnet.nn.parallel",
    "torch.nn.parallel.distributed": "clnet.nn.parallel",
    "torch.nn.parallel.scatter_gather": "clnet.nn.parallel",
    "torch.optim.adamw": "clnet.optim",
    "torch.random": "clnet.tensor.random",
    "torch.serialization": "clnet.io",
    "torch.torch_version": "clnet.version",
    "torch.utils.data.dataloader": "clnet.data.loader",
    "torch.utils.data.dataset": "clnet.data.dataset",
    "torch.utils.data.distributed": "clnet.data.sampler",
    "torch.utils.data.sampler": "clnet.data.sampler",
    "torch.utils.dlpack": "clnet.tensor.interchange",
    "torch.utils.hooks": "clnet.autograd.node",
}
# clnet's own parts, which PyTorch has no such paths for.
_INTERNAL = {"cli", "codegen", "core", "data", "device", "dropin", "host", "io", "kernels", "ops", "switches",
             "templates", "tensor", "tune", "vision", "batching"}


class _Alias(importlib.abc.Loader):
    """Gives a module that is loaded already, as it is."""

    def __init__(self, target: str) -> None:
        self._target = target

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._target)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has put the alias's there


class Finder(importlib.abc.MetaPathFinder):
    """Finds every path under ``torch`` and ``torchvision``.

    Raises:
        ModuleNotFoundError: clnet has nothing under the path; the search ends here, because other
            finders would load clnet's files a second time under the wrong name.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: Any = None) -> importlib.machinery.ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if root not in _ROOTS:
            return None
        home = _home(fullname, root, rest)
        if home is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, _Alias(home), origin=home)


def _home(fullname: str, root: str, rest: str) -> str | None:
    """clnet's name of a path; None if there is none."""
    if fullname in _MOVED:
        return _MOVED[fullname]
    if root == "torch" and rest.partition(".")[0] in _INTERNAL:
        return None
    own = ".".join(filter(None, (_ROOTS[root], rest)))
    try:
        return own if importlib.util.find_spec(own) is not None else None
    except (ModuleNotFoundError, ValueError):
        return None


def as_torch() -> ModuleType:
    """From now on ``import torch`` and every path under it give clnet, and ``torchvision`` ``clnet.vision``.

    After ``torch = clnet.as_torch()``, ``from torch.utils.data import DataLoader`` gives
    ``clnet.utils.data.DataLoader``.

    Raises:
        RuntimeError: PyTorch itself was imported before.
    """
    own = importlib.import_module("clnet")
    if sys.modules.get("torch", own) is not own:
        raise RuntimeError("PyTorch is imported already: call clnet.as_torch() before anything imports torch")
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    sys.modules["torch"] = own
    return own
