"""``torch.backends``: switches that PyTorch scripts set, and what they mean here.

Results are deterministic and matrix products full float32 by default, so the switches for cuDNN
and TF32 have nothing to change; they keep what they are set to.
"""
from . import cpu, cuda, cudnn, mkl, mkldnn, mps, opencl, openmp
