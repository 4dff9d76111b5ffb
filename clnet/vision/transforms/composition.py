"""Transforms of transforms."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...nn import Module, ModuleList
from .chance import draw

Transform = Callable[[Any], Any]


class Compose:
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {t}" for t in self.transforms), ")"])


class Lambda:
    """Any function as a transform.

    Raises:
        TypeError: not a function.
    """

    def __init__(self, lambd: Transform) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"


class RandomApply(Module):
    """All of the transforms with probability ``p``, else none."""

    def __init__(self, transforms: Sequence[Transform] | ModuleList, p: float = 0.5) -> None:
        super().__init__()
        self.transforms, self.p = transforms, p

    def forward(self, img: Any) -> Any:
        if draw().random() < self.p:
            for t in self.transforms:
                img = t(img)
        return img


class RandomChoice:
    """One of the transforms, with probabilities ``p`` (by default equal ones)."""

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        self.transforms, self.p = transforms, p

    def __call__(self, img: Any) -> Any:
        weights = None if self.p is None else [w / sum(self.p) for w in self.p]
        return self.transforms[int(draw().choice(len(self.transforms), p=weights))](img)


class RandomOrder:
    """All of the transforms in random order."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for i in draw().permutation(len(self.transforms)):
            img = self.transforms[i](img)
        return img
