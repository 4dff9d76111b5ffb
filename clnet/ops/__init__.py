"""The operators, one record each; importing the families registers them."""
from . import arithmetic, comparison, creation, reduction, view

__all__ = ["arithmetic", "comparison", "creation", "reduction", "view"]
