"""Discrete Fourier transforms under PyTorch's path ``torch.fft``."""
from .tensor import exported
from .tensor.frequencies import fftfreq, rfftfreq

globals().update(exported("fft"))
__all__ = ["fftfreq", "rfftfreq"]
