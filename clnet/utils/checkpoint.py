"""``clnet.autograd.checkpoint`` under PyTorch's path."""
from ..autograd.checkpoint import checkpoint as checkpoint
from ..autograd.checkpoint import checkpoint_sequential as checkpoint_sequential
