"""Nested containers of arguments: tuples, lists, dicts and named tuples."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], Callable[[Any], Any]]:
    """(leaves, function that puts an iterator's values in the leaves' places)."""
    if is_leaf is not None and is_leaf(tree):
        return [tree], next
    if isinstance(tree, dict):
        parts = [flatten(v, is_leaf) for v in tree.values()]
        keys, kind = list(tree), type(tree)
        return _joined(parts, lambda values: kind(zip(keys, values)))
    if isinstance(tree, tuple) and getattr(tree, "_fields", None) is not None:
        named = type(tree)
        return _joined([flatten(v, is_leaf) for v in tree], lambda values: named(*values))
    if isinstance(tree, (tuple, list)):
        return _joined([flatten(v, is_leaf) for v in tree], type(tree))
    return [tree], next


def _joined(parts: list[Any], make: Callable[[Any], Any]) -> tuple[list[Any], Callable[[Any], Any]]:
    return [leaf for leaves, _ in parts for leaf in leaves], lambda values: make([build(values) for _, build in parts])


def rebuild(build: Callable[[Any], Any], leaves: Any) -> Any:
    """The container with other leaves."""
    return build(iter(leaves))


def broadcast(prefix: Any, tree: Any) -> list[Any] | None:
    """One entry of ``prefix`` for every leaf of ``tree``; an entry above a container counts for all
    in it. None where the two do not match."""
    if not isinstance(prefix, (tuple, list, dict)):
        return [prefix] * len(flatten(tree)[0])
    if isinstance(prefix, dict):
        if not isinstance(tree, dict) or set(prefix) != set(tree):
            return None
        pairs = [(prefix[k], tree[k]) for k in tree]
    else:
        if not isinstance(tree, (tuple, list)) or len(prefix) != len(tree):
            return None
        pairs = list(zip(prefix, tree))
    found: list[Any] = []
    for p, t in pairs:
        got = broadcast(p, t)
        if got is None:
            return None
        found += got
    return found
