"""Batch normalisation (Ioffe & Szegedy 2015)."""
from __future__ import annotations

from typing import Any

from ...core import dtypes as dt
from ...core.dtypes import DType
from ...tensor import Tensor
from ...tensor.creation import ones, tensor, zeros
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module


class _NormBase(Module):
    """Parameters per channel, and running statistics."""

    _version = 2
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
                 affine: bool = True, track_running_stats: bool = True, device: Any = None,
                 dtype: DType | None = None, *, bias: bool = True) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        if affine:
            self.weight = Parameter(ones(num_features, **made))
        else:
            self.register_parameter("weight", None)
        if affine and bias:
            self.bias = Parameter(zeros(num_features, **made))
        else:
            self.register_parameter("bias", None)
        self.register_buffer("running_mean", zeros(num_features, **made) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, **made) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(
            0, dtype=dt.int64, device=device) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen."""
        for kept, start in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if kept is not None:
                kept.fill_(start)

    def reset_parameters(self) -> None:
        """Set everything to its initial value."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        # Before version 2 the number of batches was not saved.
        key = prefix + "num_batches_tracked"
        if (local_metadata.get("version") or 1) < 2 and self.track_running_stats and key not in state_dict:
            state_dict[key] = tensor(0, dtype=dt.int64) if self.num_batches_tracked is None else (
                self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    """Normalises each channel over the batch while training, by running averages in evaluation.

    ``momentum`` is the weight of the newest batch; None takes the plain average of all batches.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Raise ValueError unless the input has a right number of dimensions."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        factor = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                factor = 1.0 / float(self.num_batches_tracked)
        by_batch = self.training or self.running_mean is None
        keep = not self.training or self.track_running_stats
        return F.batch_norm(input, self.running_mean if keep else None, self.running_var if keep else None,
                            self.weight, self.bias, by_batch, factor, self.eps)


def _require_rank(input: Tensor, *ranks: int) -> None:
    if input.ndim not in ranks:
        wanted = " or ".join(f"{r}D" for r in ranks)
        raise ValueError(f"expected {wanted} input (got {input.ndim}D input)")


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L)."""

    def _check_input_dim(self, input: Tensor) -> None:
        _require_rank(input, 2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W)."""

    def _check_input_dim(self, input: Tensor) -> None:
        _require_rank(input, 4)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W)."""

    def _check_input_dim(self, input: Tensor) -> None:
        _require_rank(input, 5)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation over all processes' batches: on one device ``BatchNorm`` of any rank."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
                 affine: bool = True, track_running_stats: bool = True, process_group: Any = None,
                 device: Any = None, dtype: DType | None = None, *, bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module with every ``BatchNorm`` layer replaced by one of these, on the same tensors."""
        found: Any = module
        if isinstance(module, _BatchNorm):
            found = cls(module.num_features, module.eps, module.momentum, module.affine,
                        module.track_running_stats, process_group, bias=module.bias is not None)
            for name, value in (*module._parameters.items(), *module._buffers.items()):
                setattr(found, name, value)
            found.training = module.training
        for name, child in module.named_children():
            found.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return found


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Make every batch norm below a module take its statistics from the batch alone; returns ``root``."""
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
