"""The libraries that are compared: making tensors, waiting for results, reading them."""
from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from tools.benchmark.case import Case, Operand

NAMES = ("torch", "numpy", "tinygrad", "clnet")


def installed() -> list[str]:
    """Names of the libraries that this Python has."""
    return [name for name in NAMES if find_spec(name) is not None]


def threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Library:
    """One library, imported. ``place`` is PyTorch's device: "cpu", or "cuda" to compare on a GPU."""

    name: str
    module: Any
    wait: Callable[[], None]
    place: str = "cpu"

    @classmethod
    def load(cls, name: str, place: str = "cpu") -> Library:
        """Import it, with its threads on every processor."""
        module = importlib.import_module(name)
        if name == "clnet":
            return cls(name, module, module.synchronize)
        if name == "torch":
            module.set_num_threads(threads())
            return cls(name, module, (lambda: None) if place == "cpu" else module.cuda.synchronize, place)
        if name == "tinygrad":
            return cls(name, module, lambda: module.Device[module.Device.DEFAULT].synchronize())
        return cls(name, module, lambda: None)

    def about(self) -> dict[str, Any]:
        """What it is and where it computes."""
        found: dict[str, Any] = {"library": self.name, "version": getattr(self.module, "__version__", "")}
        if self.name == "clnet":
            caps = self.module.device().caps
            found |= {"device": caps.name, "platform": caps.platform, "driver": caps.driver_version}
        elif self.name == "torch":
            found["device"] = self.place if self.place == "cpu" else self.module.cuda.get_device_name()
        elif self.name == "tinygrad":
            found["device"] = self.module.Device.DEFAULT
        return found

    def tensor(self, data: np.ndarray, operand: Operand) -> Any:
        """The numbers in the operand's dtype, as the library holds them."""
        if self.name == "numpy":
            return data.astype(operand.dtype)
        if self.name == "tinygrad":
            dtype = getattr(self.module.dtypes, operand.dtype)
            return self.module.Tensor(data).cast(dtype).contiguous().realize()
        tensor = self.module.tensor(data).to(getattr(self.module, operand.dtype))
        if self.place != "cpu":
            tensor = tensor.to(self.place)
        return tensor.requires_grad_() if operand.requires_grad else tensor

    def call(self, case: Case) -> tuple[Callable[[], Any], list[Any]] | None:
        """A call of the case on fresh tensors, and those that get gradients; None if it has none."""
        function = case.function(self.name)
        if function is None or (case.cotangent is not None and self.name in ("numpy", "tinygrad")):
            return None
        random = np.random.default_rng(0)
        tensors = [self.tensor(_numbers(random, operand), operand) for operand in case.operands]
        leaves = [t for t, operand in zip(tensors, case.operands) if operand.requires_grad]
        if self.name == "tinygrad":
            # What its users time: the kernels captured at the second call, then replayed.
            return self.module.TinyJit(lambda: function(self.module, *tensors).realize()), leaves
        if case.cotangent is None:
            return (lambda: function(self.module, *tensors)), leaves
        against = None
        if case.cotangent:
            operand = Operand(case.cotangent)
            against = self.tensor(_numbers(random, operand), operand)

        def differentiate() -> Any:
            result = function(self.module, *tensors)
            result.backward(against)
            return result

        return differentiate, leaves

    def array(self, tensor: Any) -> np.ndarray:
        """The values as NumPy holds them, 16-bit floats as float32."""
        if self.name == "numpy":
            return np.asarray(tensor)
        if self.name == "tinygrad":
            return tensor.float().numpy() if "float" in str(tensor.dtype) else tensor.numpy()
        tensor = tensor.detach()
        return (tensor.float() if tensor.dtype.is_floating_point else tensor).cpu().numpy()


def _numbers(random: np.random.Generator, operand: Operand) -> np.ndarray:
    if operand.high is not None:
        return random.integers(0, operand.high, operand.shape)
    return random.standard_normal(operand.shape, dtype=np.float32)
