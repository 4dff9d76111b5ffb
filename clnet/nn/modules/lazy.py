"""Layers that learn the size of their input from the first one."""
from __future__ import annotations

from typing import Any

from ...autograd.mode import no_grad
from ...core import dtypes as dt
from ...core.dtypes import DType
from ...tensor import Tensor
from ...tensor.creation import tensor
from ..parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, _NormBase
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .linear import Linear
from .module import Module


class LazyModuleMixin(Module):
    """Base of these layers: the first call initialises the parameters and makes the layer ordinary.

    A subclass defines ``initialize_parameters(*args)``, which sees the input, and ``cls_to_become``.
    """

    cls_to_become: type | None = None

    def _wait(self) -> None:
        """Register what acts at the first call and on loading; called at the end of ``__init__``."""
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)
        self._load_hook = self._register_load_state_dict_pre_hook(self._materialise_for)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes and initial values, from the first input."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether any parameter or buffer still waits for its shape."""
        return any(is_lazy(t) for t in (*self._parameters.values(), *self._buffers.values()))

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _materialise_for(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Take the shapes of a dictionary that is about to be loaded."""
        for name, t in (*self._parameters.items(), *self._buffers.items()):
            given = state_dict.get(prefix + name)
            if given is not None and is_lazy(t) and not is_lazy(given):
                with no_grad():
                    t.materialize(given.shape)


class LazyLinear(LazyModuleMixin, Linear):
    """``Linear`` whose ``in_features`` is the last size of its first input."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None,
                 dtype: DType | None = None) -> None:
        Module.__init__(self)
        self.in_features, self.out_features = 0, out_features
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = UninitializedParameter(**made)
        self.register_parameter("bias", UninitializedParameter(**made) if bias else None)
        self._wait()

    def reset_parameters(self) -> None:
        """Draw new initial values, once there are any."""
        if not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the input's last size as ``in_features``."""
        self.in_features = self.in_features or input.shape[-1]
        if self.has_uninitialized_params():
            with no_grad():
                self.weight.materialize((self.out_features, self.in_features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
            self.reset_parameters()


class _LazyNorm(LazyModuleMixin, _NormBase):
    """A normalisation whose number of channels is its first input's."""

    channel_dim = 1

    def __init__(self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: DType | None = None, *,
                 bias: bool = True) -> None:
        Module.__init__(self)
        self.num_features, self.eps, self.momentum = 0, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.register_parameter("weight", UninitializedParameter(**made) if affine else None)
        self.register_parameter("bias", UninitializedParameter(**made) if affine and bias else None)
        self.register_buffer("running_mean", UninitializedBuffer(**made) if track_running_stats else None)
        self.register_buffer("running_var", UninitializedBuffer(**made) if track_running_stats else None)
        self.register_buffer("num_batches_tracked",
                             tensor(0, dtype=dt.int64, device=device) if track_running_stats else None)
        self._wait()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the input's number of channels as ``num_features``."""
        self.num_features = self.num_features or input.shape[self.channel_dim]
        if self.has_uninitialized_params():
            with no_grad():
                for t in (*self._parameters.values(), *self._buffers.values()):
                    if is_lazy(t):
                        t.materialize((self.num_features,))
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """``BatchNorm1d`` of as many channels as its first input has."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """``BatchNorm2d`` of as many channels as its first input has."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """``BatchNorm3d`` of as many channels as its first input has."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """``InstanceNorm1d`` of as many channels as its first input (N, C, L) has."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """``InstanceNorm2d`` of as many channels as its first input (N, C, H, W) has."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """``InstanceNorm3d`` of as many channels as its first input (N, C, D, H, W) has."""

    cls_to_become = InstanceNorm3d
