"""What image datasets have in common: a folder and transforms of samples and targets."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...data import Dataset

Transform = Callable[[Any], Any]


class VisionDataset(Dataset):
    """A dataset of (sample, target) pairs.

    Args:
        root: its folder.  transform, target_transform: applied to samples and to targets.
        transforms: applied to both at once, in place of the other two.

    Raises:
        ValueError: ``transforms`` together with one of the others.
    """

    def __init__(self, root: str | Path | None = None, transforms: Callable[[Any, Any], Any] | None = None,
                 transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.root = Path(root).expanduser() if root is not None else None
        self.transforms, self.transform, self.target_transform = transforms, transform, target_transform

    def transformed(self, sample: Any, target: Any) -> tuple[Any, Any]:
        """The pair after the transforms."""
        if self.transforms is not None:
            return self.transforms(sample, target)
        if self.transform is not None:
            sample = self.transform(sample)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return sample, target

    def __repr__(self) -> str:
        lines = [f"Dataset {type(self).__name__}", f"    Number of datapoints: {len(self)}"]  # type: ignore[arg-type]
        if self.root is not None:
            lines.append(f"    Root location: {self.root}")
        return "\n".join(lines)


def folder_of(root: Path | None, candidates: tuple[str, ...], wanted: str, download: bool) -> Path:
    """The first of the subfolders of ``root`` ("": itself) that has a file.

    Raises:
        RuntimeError: none has it.
    """
    assert root is not None
    for candidate in candidates:
        folder = root / candidate
        if any((folder / f"{wanted}{ending}").is_file() for ending in ("", ".gz")):
            return folder
    advice = "clnet does not download: put the files there yourself" if download else "put the files there"
    looked = ", ".join(str(root / c) for c in candidates)
    raise RuntimeError(f"Dataset not found: there is no {wanted} (or {wanted}.gz) in {looked}; {advice}")
