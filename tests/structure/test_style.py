"""Files stay short, and what is public is described."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

import pytest

from tests.structure.sources import ROOT, modules

MOST_LINES = 500
FOLDERS = ("clnet", "tests", "tools", "examples")


def _files() -> Iterator[str]:
    for folder, pattern in itertools.product(FOLDERS, ("*.py", "*.mako")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            yield path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", list(_files()))
def test_files_are_short(file):
    assert len((ROOT / file).read_text().splitlines()) <= MOST_LINES


def _public(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """(qualified name, definition) of public functions, classes and methods."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                        yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.file)
def test_public_definitions_are_described(module):
    """Functions and classes have a docstring; signatures, methods' too, are annotated."""
    problems = []
    for name, node in _public(module.tree):
        where = f"{module.file}:{node.lineno}: {name}"
        if "." not in name and ast.get_docstring(node) is None:
            problems.append(f"{where} has no docstring")
        if isinstance(node, ast.FunctionDef):
            problems += [f"{where} does not annotate {a}" for a in _unannotated(node)]
    assert not problems, "\n".join(problems)


def _unannotated(node: ast.FunctionDef) -> Iterator[str]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    for argument in every:
        if argument.annotation is None and argument.arg not in ("self", "cls"):
            yield argument.arg
    if node.returns is None:
        yield "its result"
