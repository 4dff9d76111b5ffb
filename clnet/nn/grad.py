"""Gradients of convolutions under PyTorch's names (``torch.nn.grad``)."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.engine import grad
from ..autograd.mode import enable_grad, is_grad_enabled
from ..tensor import Tensor
from . import functional as F


def _gradient(name: str, of_input: bool) -> Callable[..., Tensor]:
    convolution: Callable[..., Tensor] = getattr(F, name)

    def call(first: Any, second: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
             groups: int = 1) -> Tensor:
        size, given = (first, second) if of_input else (second, first)
        keep = is_grad_enabled()
        with enable_grad():
            wanted = given.new_empty(size).requires_grad_()
            operands = (wanted, given) if of_input else (given, wanted)
            out = convolution(*operands, None, stride, padding, dilation, groups)
            return grad(out, wanted, grad_output, create_graph=keep)[0]

    def by_input(input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1) -> Tensor:
        return call(input_size, weight, grad_output, stride, padding, dilation, groups)

    def by_weight(input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
                  dilation: Any = 1, groups: int = 1) -> Tensor:
        return call(input, weight_size, grad_output, stride, padding, dilation, groups)

    chosen = by_input if of_input else by_weight
    what = "input" if of_input else "weight"
    chosen.__name__ = chosen.__qualname__ = f"{name}_{what}"
    chosen.__doc__ = f"The gradient of ``{name}`` for its {what} of the given size."
    return chosen


conv1d_input, conv2d_input, conv3d_input = (_gradient(f"conv{n}d", True) for n in (1, 2, 3))
conv1d_weight, conv2d_weight, conv3d_weight = (_gradient(f"conv{n}d", False) for n in (1, 2, 3))
