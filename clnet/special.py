"""Special functions under PyTorch's path ``torch.special``."""
from .tensor import exported

globals().update(exported("special"))
