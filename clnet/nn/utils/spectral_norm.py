"""Spectral normalisation by a hook, PyTorch's former way; new code takes ``parametrizations.spectral_norm``."""
from __future__ import annotations

from typing import Any

from ...autograd.mode import no_grad
from ...tensor.random import randn
from .. import functional as F
from ..modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module
from ..parameter import Parameter


class SpectralNorm:
    """Sets ``name`` to ``name_orig`` over its largest singular value before each forward."""

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        if n_power_iterations <= 0:
            raise ValueError("Expected n_power_iterations to be positive, but got n_power_iterations="
                             f"{n_power_iterations}")
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def reshape_weight_to_matrix(self, weight: Any) -> Any:
        """The weight as a matrix whose rows are the slices along ``dim``."""
        order = (self.dim, *(d for d in range(weight.ndim) if d != self.dim))
        return weight.permute(order).reshape(weight.shape[self.dim], -1)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Any:
        """The scaled weight; power iterations improve the singular vectors in place."""
        weight: Any = getattr(module, f"{self.name}_orig")
        u: Any = getattr(module, f"{self.name}_u")
        v: Any = getattr(module, f"{self.name}_v")
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.t() @ u, dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix @ v, dim=0, eps=self.eps))
            u, v = u.clone(), v.clone()
        return weight / (u * (matrix @ v)).sum()

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """Keep a weight's largest singular value at 1 (Miyato et al. 2018).

    Raises:
        RuntimeError: the weight is normalised already.
    """
    if any(isinstance(h.function, SpectralNorm) and h.function.name == name
           for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))
    function = SpectralNorm(name, n_power_iterations, dim, eps)
    weight: Any = module._parameters.pop(name)
    made: dict[str, Any] = {"dtype": weight.dtype, "device": weight.device}
    with no_grad():
        sides = [F.normalize(randn(n, **made), dim=0, eps=eps)
                 for n in function.reshape_weight_to_matrix(weight).shape]
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    for side, vector in zip("uv", sides):
        module.register_buffer(f"{name}_{side}", vector)
    module.register_forward_pre_hook(function)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the scaled weight an ordinary parameter.

    Raises:
        ValueError: it is not normalised.
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook.function, SpectralNorm) and hook.function.name == name:
            with no_grad():
                weight = hook.function.compute_weight(module, False)
            module.__dict__.pop(name, None)
            del module._parameters[f"{name}_orig"]
            for side in "uv":
                del module._buffers[f"{name}_{side}"]
            del module._forward_pre_hooks[key]
            setattr(module, name, Parameter(weight.detach()))
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
