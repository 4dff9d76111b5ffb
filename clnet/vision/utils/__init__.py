"""Pictures of tensors."""
from .grid import make_grid, save_image

__all__ = ["make_grid", "save_image"]
