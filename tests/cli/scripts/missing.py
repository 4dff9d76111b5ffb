"""Asks politely first, then for what is not there."""
import torch

assert not hasattr(torch, "frobnicate")
try:
    import torch.frobnication  # noqa: F401
except ImportError:
    print("without frobnication")
torch.frobnicate(torch.ones(2))
