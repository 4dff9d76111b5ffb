"""Samples of datasets that hold arrays: pictures for scripts, arrays where nothing needs pictures.

With Pillow, samples are its images, as torchvision's. Without it they stay arrays of shape (height,
width, channels), which ``ToTensor`` takes too, so that MNIST and CIFAR need no Pillow.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from . import pillow


def picture_or_array(pixels: np.ndarray, transform: Any = None) -> Any:
    """The sample that a dataset hands to its transform.

    Raises:
        ModuleNotFoundError: without a transform it would be a picture, and Pillow is not installed.
    """
    if transform is not None and not pillow.INSTALLED:
        return pixels
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return pillow.image_module("a sample without a transform").fromarray(pixels)
