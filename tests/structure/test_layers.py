"""Imports go downhill: docs/architecture.md has the table that is tested here."""

from __future__ import annotations

import ast

import pytest

from tests.structure.sources import Module, imports, modules

RANKS = {
    "core": 0, "version": 0, "device": 1, "codegen": 1, "host": 2, "kernels": 2, "ops": 3, "autograd": 4, "tensor": 5,
    "nn": 6, "optim": 6, "amp": 6, "batching": 6, "graph": 6, "data": 6, "tune": 6, "profiler": 6, "distributions": 6,
    "switches": 6, "compiler": 6,
    "distributed": 7, "io": 7, "vision": 7, "jit": 7, "onnx": 7, "serve": 8, "dropin": 8,
    "cli": 9, "__main__": 10, "": 10,
}
# Packages that offer what others hold under PyTorch's paths. They define nothing.
FACADES = {"utils", "linalg", "masked", "cuda", "backends", "random", "fft", "func", "signal", "special", "testing",
           "multiprocessing", "types", "accelerator", "cpu", "mps", "xpu"}
# The one module of its row that the others of the row may use.
SHARED = "clnet.nn.functional"
# Imports inside functions: what loads OpenCL waits until a device is asked for.
LAZY = {
    ("device/device.py", "clnet.device.catalog"),
    ("device/driver.py", "pyopencl"),
}
# These set what the OpenCL loader reads, and put it back.
ENVIRONMENT = {"core/config.py", "device/icd.py", "device/driver.py"}
FORBIDDEN_STEMS = {"utils", "util", "helpers", "helper", "misc", "common"}


def _id(module: Module) -> str:
    return module.file


every_module = pytest.mark.parametrize("module", modules(), ids=_id)


def _layer(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


@every_module
def test_imports_go_down(module):
    if module.package in FACADES:
        return
    rank = RANKS[module.package]
    for one in imports(module):
        if one.target.split(".")[0] != "clnet":
            continue
        layer = _layer(one.target)
        where = f"{module.file}:{one.line} imports {one.target}"
        if layer in FACADES:
            raise AssertionError(f"{where}, which only re-exports")
        allowed = layer == module.package or RANKS[layer] < rank
        if rank == RANKS["nn"]:
            allowed |= one.target.startswith(SHARED)
        if module.package in ("__main__", "cli"):
            allowed |= layer == ""  # the version
        assert allowed, f"{where}, which is not below it"
        if layer == "device":
            assert module.package == "device" or rank >= RANKS["tensor"], (
                f"{where}: below tensor/ nothing knows devices")


@every_module
def test_functions_do_not_import(module):
    found = {(module.file, one.target) for one in imports(module) if one.inside_function}
    assert found <= LAZY


@every_module
def test_foreign_packages_have_one_door(module):
    for one in imports(module):
        top = one.target.split(".")[0]
        assert top != "torch", f"{module.file}:{one.line}"
        if top == "pyopencl":
            assert module.package == "device", f"{module.file}:{one.line}"
        if top == "mako":
            assert module.package == "codegen", f"{module.file}:{one.line}"


@every_module
def test_only_the_settings_read_the_environment(module):
    if module.file in ENVIRONMENT:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr not in ("environ", "getenv", "environb", "putenv"), (
                f"{module.file}:{node.lineno}: settings are read in core/config.py")


@every_module
def test_nothing_is_probed_by_name(module):
    if module.package == "nn":  # modules carry what users put on them
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "hasattr", f"{module.file}:{node.lineno}: ask for a declared attribute"


@pytest.mark.parametrize("module", [m for m in modules() if m.path.name == "__init__.py"], ids=_id)
def test_packages_only_re_export(module):
    for node in module.tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)):
            continue
        if isinstance(node, ast.Expr) and (isinstance(node.value, ast.Constant) or _fills_globals(node.value)):
            continue
        if isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__"):
            continue
        raise AssertionError(f"{module.file}:{node.lineno}: a package's __init__ only re-exports")


def _fills_globals(value: ast.expr) -> bool:
    return ast.unparse(value).startswith("globals().update(")


@every_module
def test_names_say_what_is_inside(module):
    assert module.path.stem not in FORBIDDEN_STEMS
    assert module.package in RANKS or module.package in FACADES, f"{module.package} has no layer"
