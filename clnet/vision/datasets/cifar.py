"""CIFAR-10 and CIFAR-100 from the pickles of their "python version", read without running them."""
from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import picture_or_array
from .vision import Transform, VisionDataset


def _encode(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


_RECONSTRUCT: Any = np.zeros(0).__reduce__()[0]
# What NumPy's arrays are pickled with, under the names of both its generations.
_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): np.dtype, ("numpy", "ndarray"): np.ndarray, ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")}}


class _ArrayUnpickler(pickle.Unpickler):
    """Builds plain values and arrays; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which has no place in a dataset")
        return _ALLOWED[module, name]


def read_batch(path: Path) -> dict[str, Any]:
    """The dictionary in one of the files.

    Raises:
        pickle.UnpicklingError: it holds something else than values and arrays.
    """
    found = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    if not isinstance(found, dict):
        raise pickle.UnpicklingError(f"{path} holds no dictionary")
    return found


class CIFAR10(VisionDataset):
    """32x32 colour images of ten classes: (image, class) pairs.

    Args:
        root: the folder above ``cifar-10-batches-py``, or that folder.
        train: the 50,000 training images or the 10,000 of the test.
        download: accepted, but nothing is downloaded.

    Attributes:
        data: NumPy, uint8 of shape (N, 32, 32, 3).  targets: list of N numbers.  classes: their names.

    Raises:
        RuntimeError: the files are not there.
    """

    base_folder = "cifar-10-batches-py"
    train_files: tuple[str, ...] = tuple(f"data_batch_{i}" for i in range(1, 6))
    test_files: tuple[str, ...] = ("test_batch",)
    meta_file, names_key, labels_key = "batches.meta", "label_names", "labels"

    def __init__(self, root: str | Path, train: bool = True, transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        files = self.train_files if train else self.test_files
        assert self.root is not None
        folders = (self.root / self.base_folder, self.root)
        folder = next((f for f in folders if all((f / name).is_file() for name in files)), None)
        if folder is None:
            advice = "; clnet does not download" if download else ""
            raise RuntimeError(f"Dataset not found: {folders[0]} lacks some of {', '.join(files)}{advice}")
        batches = [read_batch(folder / name) for name in files]
        pixels = np.concatenate([np.asarray(b["data"], np.uint8).reshape(-1, 3, 32, 32) for b in batches])
        self.data = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        self.targets = [int(label) for b in batches for label in b[self.labels_key]]
        meta = folder / self.meta_file
        self.classes = list(read_batch(meta)[self.names_key]) if meta.is_file() else []
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        return self.transformed(picture_or_array(self.data[index], self.transform), self.targets[index])


class CIFAR100(CIFAR10):
    """CIFAR-10's kin with a hundred classes, in ``cifar-100-python``."""

    base_folder = "cifar-100-python"
    train_files, test_files = ("train",), ("test",)
    meta_file, names_key, labels_key = "meta", "fine_label_names", "fine_labels"
