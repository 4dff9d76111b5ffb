"""``torchvision``: image datasets, transforms and models whose weights have torchvision's names."""
from . import datasets, models, transforms, utils

# The torchvision whose interface is followed.
__version__ = "0.28.0"
__all__ = ["datasets", "models", "transforms", "utils"]
