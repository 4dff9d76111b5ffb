"""The package's source files, parsed once for the tests of its structure."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """One file of clnet."""

    path: Path
    name: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The layer it belongs to: the name after "clnet" ("" for clnet itself)."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    @property
    def file(self) -> str:
        return self.path.relative_to(ROOT / "clnet").as_posix()


@dataclass(frozen=True)
class Import:
    """One imported module, and whether a function imports it."""

    target: str
    line: int
    inside_function: bool


@functools.cache
def modules() -> tuple[Module, ...]:
    found = []
    for path in sorted((ROOT / "clnet").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(path, name, ast.parse(path.read_text(), str(path))))
    return tuple(found)


def imports(module: Module) -> Iterator[Import]:
    """Everything that a module imports, with relative names resolved."""
    known = {m.name for m in modules()}
    package = module.name.split(".")
    if module.path.name != "__init__.py":
        package = package[:-1]
    for node, inside in _walk(module.tree, False):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, inside)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{stem}.{alias.name}"
                yield Import(inner if inner in known else stem, node.lineno, inside)


def _walk(node: ast.AST, inside: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, inside
        function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _walk(child, inside or function)
