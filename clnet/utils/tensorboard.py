"""``torch.utils.tensorboard``, by tensorboardX.

Raises:
    ModuleNotFoundError: tensorboardX is not installed.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor

try:
    import tensorboardX
    from tensorboardX import FileWriter
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("TensorBoard logs are written by tensorboardX, which is not installed: "
                              "pip install 'clnet[tensorboard]'", name=error.name) from None

__all__ = ["FileWriter", "SummaryWriter"]


class SummaryWriter(tensorboardX.SummaryWriter):
    """tensorboardX's, which takes tensors as well where that takes arrays."""


def _array(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: _array(value) for key, value in x.items()}
    if isinstance(x, Tensor):
        x = x.detach().cpu()
        return (x.float() if x.is_floating_point() else x).numpy()
    return x


def _taking_tensors(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def add(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *map(_array, args), **_array(kwargs))
    return add


for _name, _method in vars(tensorboardX.SummaryWriter).items():
    if _name.startswith("add_") and not _name.endswith("graph"):
        setattr(SummaryWriter, _name, _taking_tensors(_method))
