"""Linear algebra under PyTorch's path ``torch.linalg``."""
from .tensor import exported

globals().update(exported("linalg"))
