"""Batch normalisations in evaluation mode, merged into the layers before them."""
from __future__ import annotations

import copy
from typing import Any

from ..modules.module import Module
from ..parameter import Parameter


def _scaled(weight: Any, bias: Any, mean: Any, var: Any, eps: float, gain: Any, shift: Any,
            dim: int) -> tuple[Parameter, Parameter]:
    scale = (var + eps).rsqrt()
    scale = scale if gain is None else scale * gain
    centred = -mean if bias is None else bias - mean
    fused = centred * scale if shift is None else centred * scale + shift
    shape = [-1 if d == dim else 1 for d in range(weight.ndim)]
    return (Parameter((weight * scale.reshape(shape)).detach().to(weight.dtype), weight.requires_grad),
            Parameter(fused.detach().to(weight.dtype), weight.requires_grad if bias is None else bias.requires_grad))


def fuse_conv_bn_weights(conv_w: Any, conv_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any,
                         transpose: bool = False) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution that a batch normalisation follows, of both together."""
    return _scaled(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, int(transpose))


def fuse_linear_bn_weights(linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any,
                           bn_b: Any) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer that a batch normalisation follows, of both together."""
    return _scaled(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fused(layer: Any, bn: Any, transpose: bool) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("The batch normalisation has no running statistics")
    found = copy.deepcopy(layer)
    found.weight, found.bias = _scaled(found.weight, found.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight,
                                       bn.bias, int(transpose))
    return found


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Module:
    """A convolution that does what ``conv`` and ``bn`` do one after the other, both in evaluation mode."""
    return _fused(conv, bn, transpose)


def fuse_linear_bn_eval(linear: Module, bn: Module) -> Module:
    """A linear layer that does what ``linear`` and ``bn`` do one after the other, both in evaluation mode."""
    return _fused(linear, bn, False)
