"""Running averages of a model's weights (Izmailov et al. 2018)."""
from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..autograd.mode import no_grad
from ..core import dtypes as dt
from ..ops.update_rules import lerp_step
from ..tensor import Tensor
from ..tensor.creation import tensor
from .modules.batchnorm import _BatchNorm
from .modules.module import Module


def _towards(averages: Sequence[Any], currents: Sequence[Any], share: Any) -> None:
    """Move averages by ``share`` of the way; whole numbers take their values rounded towards zero."""
    floats = [(a, c) for a, c in zip(averages, currents) if a.dtype.is_floating_point]
    if floats:
        lerp_step(tuple(zip(*floats)), (share,))
    for a, c in zip(averages, currents):
        if not a.dtype.is_floating_point:
            a.copy_(a + (c - a) * share)


def _checked_decay(decay: float) -> float:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")
    return decay


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """Exponential averages of many parameters, in few launches."""
    share = 1 - _checked_decay(decay)

    @no_grad()
    def update(averages: Sequence[Tensor], currents: Sequence[Tensor], count: Any) -> None:
        _towards(averages, currents, share)
    return update


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """Plain averages of many parameters, in few launches."""
    @no_grad()
    def update(averages: Sequence[Tensor], currents: Sequence[Tensor], count: Any) -> None:
        _towards(averages, currents, 1.0 / (float(count) + 1))
    return update


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Any]:
    """The exponential average of one parameter."""
    _checked_decay(decay)

    @no_grad()
    def update(average: Any, current: Any, count: Any) -> Any:
        return decay * average + (1 - decay) * current
    return update


def get_swa_avg_fn() -> Callable[..., Any]:
    """The plain average of one parameter."""
    @no_grad()
    def update(average: Any, current: Any, count: Any) -> Any:
        return average + (current - average) / (count + 1)
    return update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's over time.

    Call ``update_parameters(model)`` whenever the average should take its current values in.

    Args:
        avg_fn: (average, current, how many before) -> new average; by default the plain mean.
        multi_avg_fn: the same on lists, in place.  Only one of the two may be given.
        use_buffers: average the buffers too; otherwise they are copied.
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Callable[..., Any] | None = None,
                 multi_avg_fn: Callable[..., None] | None = None, use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=dt.int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's current values into the averages."""
        def averaged(m: Any) -> list[Any]:
            found = itertools.chain(m.parameters(), m.buffers()) if self.use_buffers else m.parameters()
            return [t.detach() for t in found]

        with no_grad():
            averages = averaged(self.module)
            currents = [c.to(a.device) for a, c in zip(averages, averaged(model))]
            count: Any = self.n_averaged
            if int(count) == 0:
                for a, c in zip(averages, currents):
                    a.copy_(c)
            elif self.avg_fn is not None:
                for a, c in zip(averages, currents):
                    a.copy_(self.avg_fn(a, c, count.to(a.device)))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(averages, currents, count)
            if not self.use_buffers:
                for kept, current in zip(self.module.buffers(), model.buffers()):
                    kept.detach().copy_(current.detach().to(kept.device))
            count += 1


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of a model's batch normalisations anew, over all of ``loader``."""
    momenta: dict[Any, Any] = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    with no_grad():
        for given in loader:
            x = given[0] if isinstance(given, (list, tuple)) else given
            model(x if device is None else x.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(training)
