"""Weight normalisation by a hook, PyTorch's former way; new code takes ``parametrizations.weight_norm``."""
from __future__ import annotations

from typing import Any

from ..modules.module import Module
from ..parameter import Parameter
from .parametrizations import norm_except


class WeightNorm:
    """Sets ``name`` from ``name_g`` (lengths) and ``name_v`` (directions) before each forward."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        """The weight that lengths and directions make."""
        v = getattr(module, f"{self.name}_v")
        return v * (getattr(module, f"{self.name}_g") / norm_except(v, self.dim))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train a weight's lengths along ``dim`` and its directions apart (Salimans & Kingma 2016).

    Raises:
        RuntimeError: the weight is normalised already.
    """
    if any(isinstance(h.function, WeightNorm) and h.function.name == name
           for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    function = WeightNorm(name, dim)
    weight: Any = module._parameters.pop(name)
    module.register_parameter(f"{name}_g", Parameter(norm_except(weight.detach(), function.dim)))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, function.compute_weight(module))
    module.register_forward_pre_hook(function)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight an ordinary parameter again.

    Raises:
        ValueError: it is not normalised.
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook.function, WeightNorm) and hook.function.name == name:
            weight = hook.function.compute_weight(module).detach()
            module.__dict__.pop(name, None)
            for part in ("g", "v"):
                del module._parameters[f"{name}_{part}"]
            del module._forward_pre_hooks[key]
            setattr(module, name, Parameter(weight))
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
