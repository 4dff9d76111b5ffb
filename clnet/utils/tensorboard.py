"""``torch.utils.tensorboard``, by tensorboardX.

Raises:
    ModuleNotFoundError: tensorboardX is not installed.
"""
from __future__ import annotations

try:
    from tensorboardX import FileWriter, SummaryWriter
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("TensorBoard logs are written by tensorboardX, which is not installed: "
                              "pip install 'clnet[tensorboard]'", name=error.name) from None

__all__ = ["FileWriter", "SummaryWriter"]
