"""Random images, for trying things out."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import picture_or_array
from .vision import Transform, VisionDataset


class FakeData(VisionDataset):
    """Noise with random labels, the same for the same index.

    Args:
        size: number of samples.  image_size: (channels, height, width).  num_classes: of labels.
        random_offset: added to the index that seeds a sample.
    """

    def __init__(self, size: int = 1000, image_size: tuple[int, int, int] = (3, 224, 224), num_classes: int = 10,
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 random_offset: int = 0) -> None:
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.size, self.image_size, self.num_classes = size, tuple(image_size), num_classes
        self.random_offset = random_offset

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= self.size:
            raise IndexError(f"{type(self).__name__} index out of range")
        numbers = np.random.default_rng(index + self.random_offset)
        channels, height, width = self.image_size
        pixels = numbers.integers(0, 256, (height, width, channels), dtype=np.uint8)
        return self.transformed(picture_or_array(pixels, self.transform), int(numbers.integers(self.num_classes)))
