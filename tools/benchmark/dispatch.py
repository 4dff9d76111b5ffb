"""Calls on tensors so small that their time is the library's own: Python, autograd and the launch."""
from __future__ import annotations

from typing import Any

from tools.benchmark.case import Case, floats


def dispatches(sizes: str) -> list[Case]:
    """The cases; "tiny" has those that need few kernels."""
    return _few() if sizes == "tiny" else [*_few(), *_more()]


def _few() -> list[Case]:
    vector = (floats(64), floats(64))
    return [
        Case("add of 64", "dispatch", vector, lambda _, x, y: x + y, lambda _, x, y: x + y,
             lambda _, x, y: x + y, calls=200),
        Case("add of 64, waiting for each", "dispatch", vector, lambda _, x, y: x + y,
             lambda _, x, y: x + y, lambda _, x, y: x + y),
        Case("view of 64", "dispatch", (floats(64),), lambda _, x: x.view(8, 8),
             lambda _, x: x.reshape(8, 8), calls=200),
    ]


def _more() -> list[Case]:
    return [
        Case("add of 64 in place", "dispatch", (floats(64), floats(64)),
             lambda _, x, y: x.add_(y, alpha=1e-6), calls=200),
        Case("mul of 64 by a number", "dispatch", (floats(64),), lambda _, x: x * 0.5,
             lambda np, x: x * np.float32(0.5), lambda _, x: x * 0.5, calls=200),
        Case("mul and sum of 64 with backward", "dispatch", (floats(64, requires_grad=True), floats(64)),
             lambda _, x, y: (x * y).sum(), cotangent=(), calls=50),
        Case("matmul of 8", "dispatch", (floats(8, 8), floats(8, 8)), lambda _, x, y: x @ y,
             lambda _, x, y: x @ y, lambda _, x, y: x @ y, calls=200),
        Case("two layers of 8 with backward", "dispatch",
             (floats(8, 8), floats(8, 8, requires_grad=True), floats(8, 8, requires_grad=True)), _layers,
             cotangent=(), calls=20),
    ]


def _layers(lib: Any, x: Any, first: Any, second: Any) -> Any:
    linear = lib.nn.functional.linear
    return linear(linear(x, first).relu(), second).sum()
