"""``torch.backends``: switches that PyTorch scripts set, and what they mean here.

Results are deterministic and matrix products full float32 by default, so the switches for cuDNN
and TF32 have nothing to change; they keep what they are set to.
"""
from __future__ import annotations

from types import SimpleNamespace

cudnn = SimpleNamespace(enabled=False, benchmark=False, deterministic=True, allow_tf32=False,
                        is_available=lambda: False, version=lambda: None)
cuda = SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False), is_built=lambda: True)
mps = SimpleNamespace(is_available=lambda: False, is_built=lambda: False)
opencl = SimpleNamespace(is_available=lambda: True, is_built=lambda: True)
