"""Transforms of images: Pillow's, or tensors of shape (..., channels, height, width)."""
from . import functional
from .color import ColorJitter, Grayscale, RandomGrayscale
from .composition import Compose, Lambda, RandomApply, RandomChoice, RandomOrder
from .conversion import ConvertImageDtype, Normalize, PILToTensor, ToPILImage, ToTensor
from .cropping import CenterCrop, FiveCrop, Pad, RandomCrop, RandomResizedCrop, Resize
from .flipping import RandomErasing, RandomHorizontalFlip, RandomRotation, RandomVerticalFlip
from .interpolation import InterpolationMode

__all__ = ["CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "FiveCrop", "Grayscale", "InterpolationMode",
           "Lambda", "Normalize", "PILToTensor", "Pad", "RandomApply", "RandomChoice", "RandomCrop", "RandomErasing",
           "RandomGrayscale", "RandomHorizontalFlip", "RandomOrder", "RandomResizedCrop", "RandomRotation",
           "RandomVerticalFlip", "Resize", "ToPILImage", "ToTensor", "functional"]
