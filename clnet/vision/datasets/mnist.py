"""MNIST and its kin: images and labels in idx files (format: http://yann.lecun.com/exdb/mnist)."""
from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from ...tensor import Tensor
from ...tensor.interchange import from_numpy
from ..arrays import picture_or_array
from .vision import Transform, VisionDataset, folder_of

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: Path) -> np.ndarray:
    """The array in an idx file, compressed by gzip or not.

    Raises:
        ValueError: not an idx file, or cut short.
    """
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise ValueError(f"{path} is not an idx file")
    ndim, dtype = data[3], np.dtype(_TYPES[data[2]])
    start = 4 + 4 * ndim
    shape = tuple(int(n) for n in np.frombuffer(data, ">i4", ndim, 4)) if len(data) >= start else ()
    if len(shape) != ndim or min(shape, default=1) < 0 or len(data) != start + int(np.prod(shape)) * dtype.itemsize:
        raise ValueError(f"{path} is cut short or damaged: {len(data)} bytes for the shape {shape}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


class MNIST(VisionDataset):
    """Handwritten digits: (28x28 grey image, digit) pairs.

    Args:
        root: the folder with the idx files (``train-images-idx3-ubyte``, also ``.gz``), or the one above
            ``MNIST/raw``, where torchvision puts them.
        train: the 60,000 training images or the 10,000 of the test.
        download: accepted, but nothing is downloaded.

    Attributes:
        data: uint8 of shape (N, 28, 28).  targets: int64 of shape (N,).

    Raises:
        RuntimeError: the files are not there.
    """

    classes = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
               "8 - eight", "9 - nine"]

    def __init__(self, root: str | Path, train: bool = True, transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        stem = "train" if train else "t10k"
        folder = folder_of(self.root, (f"{type(self).__name__}/raw", "raw", ""), f"{stem}-images-idx3-ubyte", download)
        images, labels = (self._read(folder, f"{stem}-{name}") for name in ("images-idx3-ubyte", "labels-idx1-ubyte"))
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(f"{folder}: images of shape {images.shape} and labels of shape {labels.shape}")
        self._images, self._labels = images, labels.astype(np.int64)

    @staticmethod
    def _read(folder: Path, name: str) -> np.ndarray:
        plain = folder / name
        return read_idx(plain if plain.is_file() else folder / f"{name}.gz")

    @property
    def data(self) -> Tensor:
        """Every image."""
        return from_numpy(self._images)

    @property
    def targets(self) -> Tensor:
        """Every label."""
        return from_numpy(self._labels)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class's name."""
        return {name: i for i, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image = picture_or_array(self._images[index], self.transform)
        return self.transformed(image, int(self._labels[index]))


class FashionMNIST(MNIST):
    """Zalando's clothes in MNIST's format."""

    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
               "Ankle boot"]


class KMNIST(MNIST):
    """Cursive Japanese in MNIST's format."""

    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
