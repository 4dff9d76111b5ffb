"""Masked reductions and normalisations under PyTorch's path ``torch.masked``."""
from .tensor import exported

globals().update(exported("masked"))
