"""Linear algebra under PyTorch's path ``torch.linalg``."""
from .core.errors import LinAlgError as LinAlgError
from .tensor import exported

globals().update(exported("linalg"))
matmul = exported()["matmul"]
