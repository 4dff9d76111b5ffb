"""Limits on gradients."""
from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

from ...autograd.mode import no_grad
from ...ops.join import stack
from ...ops.reduction import vector_norm
from ...ops.update_rules import scale_step
from ...tensor import Tensor
from ...tensor.creation import zeros


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p.grad for p in given if p.grad is not None]


@no_grad()
def get_total_norm(tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0,
                   error_if_nonfinite: bool = False, foreach: bool | None = None) -> Any:
    """The norm of all elements together, a 0-d tensor (on the first tensor's device).

    Raises:
        RuntimeError: the norm is not finite, if ``error_if_nonfinite``.
    """
    given = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not given:
        return zeros(())
    order = float(norm_type)
    device = given[0].device
    norms = [vector_norm(g.detach(), order).to(device) for g in given]
    total = vector_norm(stack(norms), order) if len(norms) > 1 else norms[0]
    if error_if_nonfinite and not math.isfinite(float(total)):
        raise RuntimeError(f"The total norm of order {norm_type} for gradients from `parameters` is "
                           "non-finite, so it cannot be clipped. To disable this error and scale the "
                           "gradients by the non-finite norm anyway, set `error_if_nonfinite=False`")
    return total


@no_grad()
def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = False, foreach: bool | None = None) -> Any:
    """Scale the gradients so that their norm together is at most ``max_norm``.

    Nothing waits for the device: the factor is computed there.

    Returns:
        the norm before, a 0-d tensor.

    Raises:
        RuntimeError: the norm is not finite, if ``error_if_nonfinite``.
    """
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(_gradients(given), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, total)
    return total


@no_grad()
def clip_grads_with_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Any,
                          foreach: bool | None = None) -> None:
    """Scale the gradients by ``max_norm / (total_norm + 1e-6)``, where that is below 1; many per launch."""
    by_device: dict[Any, list[Any]] = {}
    for g in _gradients(parameters):
        by_device.setdefault(g.device, []).append(g)
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for device, grads in by_device.items():
        scale_step((grads,), (factor.to(device),))


def clip_grad_norm(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
                   error_if_nonfinite: bool = False, foreach: bool | None = None) -> Any:
    """``clip_grad_norm_`` under its former name."""
    warnings.warn("`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
                  "`torch.nn.utils.clip_grad_norm_`.", FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float,
                     foreach: bool | None = None) -> None:
    """Limit every element of the gradients to ±``clip_value``."""
    for g in _gradients(parameters):
        g.clamp_(-float(clip_value), float(clip_value))
