"""Normalisation of each sample's channels (Ulyanov et al. 2016)."""
from __future__ import annotations

import warnings
from typing import Any

from ...core.dtypes import DType
from ...tensor import Tensor
from .. import functional as F
from .batchnorm import _NormBase


class _InstanceNorm(_NormBase):
    """Normalises each channel of each sample; ``spatial`` is the number of dimensions behind channels."""

    spatial: int

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: DType | None = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        x: Any = input
        if x.ndim not in (self.spatial + 1, self.spatial + 2):
            raise ValueError(f"expected {self.spatial + 1}D or {self.spatial + 2}D input (got {x.ndim}D input)")
        at = x.ndim - self.spatial - 1
        if x.shape[at] != self.num_features:
            if self.affine:
                raise ValueError(f"expected input's size at dim={at} to match num_features "
                                 f"({self.num_features}), but got: {x.shape[at]}.")
            warnings.warn(f"input's size at dim={at} does not match num_features. You can silence this warning "
                          "by not passing in num_features, which is not used because affine=False", stacklevel=2)
        momentum = 0.0 if self.momentum is None else self.momentum
        y = F.instance_norm(x if at else x.unsqueeze(0), self.running_mean, self.running_var, self.weight, self.bias,
                            self.training or not self.track_running_stats, momentum, self.eps)
        return y if at else y.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L)."""

    spatial = 1


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W) or (C, H, W)."""

    spatial = 2


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W)."""

    spatial = 3
