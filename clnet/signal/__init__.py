"""Signal processing under PyTorch's path ``torch.signal``."""
from . import windows
