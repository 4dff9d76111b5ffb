"""Folders of files, one subfolder per class."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..pillow import image_module
from .vision import Transform, VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a name ends so, in letters of any case."""
    return filename.lower().endswith(extensions)


def pil_loader(path: str | Path) -> Any:
    """The picture in a file, in colour.

    Raises:
        ModuleNotFoundError: Pillow is not installed.
    """
    with image_module("reading pictures").open(path) as picture:
        return picture.convert("RGB")


default_loader = pil_loader


def _samples(folder: Path, valid: Callable[[str], bool]) -> Iterator[str]:
    for inner, _, names in sorted(os.walk(folder, followlinks=True)):
        for name in sorted(names):
            path = os.path.join(inner, name)
            if valid(path):
                yield path


def make_dataset(directory: str | Path, class_to_idx: dict[str, int], extensions: str | tuple[str, ...] | None = None,
                 is_valid_file: Callable[[str], bool] | None = None,
                 allow_empty: bool = False) -> list[tuple[str, int]]:
    """(path, class) of every file under the classes' folders, in order.

    Raises:
        ValueError: both or neither of ``extensions`` and ``is_valid_file``.
        FileNotFoundError: a class has no file.
    """
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    valid = is_valid_file or (lambda path: has_file_allowed_extension(path, extensions or ()))
    found: list[tuple[str, int]] = []
    for name in sorted(class_to_idx):
        paths = list(_samples(Path(directory).expanduser() / name, valid))
        if not paths and not allow_empty:
            kinds = f" Supported extensions are: {', '.join(extensions)}" if isinstance(extensions, tuple) else ""
            raise FileNotFoundError(f"Found no valid file for the classes {name}.{kinds}")
        found += [(path, class_to_idx[name]) for path in paths]
    return found


class DatasetFolder(VisionDataset):
    """Files in ``root/class/.../file``: (what ``loader`` makes of the file, class) pairs.

    Args:
        loader: from a path to a sample.
        extensions, is_valid_file: which files count; one of the two.
        allow_empty: whether classes without files are.

    Attributes:
        classes: sorted names.  class_to_idx: their numbers.  samples: (path, class) pairs.  targets: classes.

    Raises:
        FileNotFoundError: no classes, or one without files.
    """

    def __init__(self, root: str | Path, loader: Callable[[str], Any],
                 extensions: str | tuple[str, ...] | None = None, transform: Transform | None = None,
                 target_transform: Transform | None = None, is_valid_file: Callable[[str], bool] | None = None,
                 allow_empty: bool = False) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes, self.class_to_idx = self.find_classes(root)
        self.loader, self.extensions = loader, extensions
        self.samples = make_dataset(root, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [target for _, target in self.samples]

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """The names of the subfolders in order, and their numbers."""
        names = sorted(entry.name for entry in os.scandir(Path(directory).expanduser()) if entry.is_dir())
        if not names:
            raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
        return names, {name: i for i, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self.transformed(self.loader(path), target)


class ImageFolder(DatasetFolder):
    """Pictures in ``root/class/.../picture.png`` (needs Pillow): (picture, class) pairs.

    Attributes:
        imgs: the same as ``samples``.
    """

    def __init__(self, root: str | Path, transform: Transform | None = None,
                 target_transform: Transform | None = None, loader: Callable[[str], Any] = default_loader,
                 is_valid_file: Callable[[str], bool] | None = None, allow_empty: bool = False) -> None:
        super().__init__(root, loader, IMG_EXTENSIONS if is_valid_file is None else None, transform,
                         target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
