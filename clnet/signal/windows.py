"""Window functions under PyTorch's path ``torch.signal.windows``."""
from ..tensor import windows as _windows

globals().update({f.__name__: f for f in _windows.FUNCTIONS})
