"""PyTorch's functions on nested containers (``torch.utils._pytree``)."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .trees import flatten, rebuild


@dataclass(frozen=True)
class TreeSpec:
    """How the leaves of a container are nested."""

    num_leaves: int
    build: Callable[[Any], Any]

    def unflatten(self, leaves: Any) -> Any:
        """The container with these leaves; ValueError if their number differs."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to "
                             f"a pytree that holds {self.num_leaves} items")
        return rebuild(self.build, leaves)


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves, and what `tree_unflatten` rebuilds the container from."""
    leaves, build = flatten(tree, is_leaf)
    return leaves, TreeSpec(len(leaves), build)


def tree_unflatten(leaves: Any, treespec: TreeSpec) -> Any:
    """The container with other leaves."""
    return treespec.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves in order."""
    return flatten(tree, is_leaf)[0]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """The container with ``func`` of every leaf, and of the leaves at its place in ``rests``."""
    leaves, spec = tree_flatten(tree, is_leaf)
    return spec.unflatten(map(func, leaves, *(tree_leaves(rest, is_leaf) for rest in rests)))


def tree_map_only(type_or_types: Any, func: Callable[[Any], Any], tree: Any,
                  is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """`tree_map` on the leaves of the given types; the others stay."""
    return tree_map(lambda x: func(x) if isinstance(x, type_or_types) else x, tree, is_leaf=is_leaf)
