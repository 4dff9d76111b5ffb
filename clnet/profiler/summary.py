"""What a model consists of: each module's output shapes, parameters and operations."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..autograd.mode import no_grad
from ..core import dispatch
from ..core.events import HUB
from ..core.generator import default as generator
from ..tensor import Tensor
from ..tensor.random import randn
from .averages import aligned
from .flops import flops


@dataclass
class ModuleRow:
    """One module.

    Attributes:
        path: its name in the model; depth: how many modules it lies within.
        output_shape: of the last call: a tuple, a list of them, or None.
        params: numbers in the parameters of its own; total_params: with the modules within.
        flops: of products, convolutions, attention and recurrence, with the modules within.
    """

    path: str
    kind: str
    depth: int
    params: int
    trainable: int
    total_params: int
    output_shape: Any = None
    flops: int = 0
    calls: int = 0


class Summary:
    """The rows of ``summary``; ``str`` shows them as a table."""

    def __init__(self, rows: list[ModuleRow], total_params: int, trainable_params: int, nbytes: int) -> None:
        self.rows = rows
        self.total_params, self.trainable_params, self.parameter_bytes = total_params, trainable_params, nbytes
        self.total_flops = rows[0].flops

    def __iter__(self) -> Iterator[ModuleRow]:
        return iter(self.rows)

    def __getitem__(self, path: str) -> ModuleRow:
        """The row of a module by its path."""
        for row in self.rows:
            if row.path == path:
                return row
        raise KeyError(path)

    def table(self, depth: int | None = None) -> str:
        """The rows down to a depth, as text."""
        lines = [["Module", "Output shape", "Parameters", "FLOPs"]]
        for row in self.rows:
            if depth is None or row.depth <= depth:
                name = row.path.rpartition(".")[2]
                label = "  " * row.depth + (f"{name}: {row.kind}" if name else row.kind)
                shape = "--" if row.output_shape is None else str(row.output_shape)
                own = row.total_params if depth is not None and row.depth == depth or row.depth == 0 else row.params
                lines.append([label, shape, f"{own:,}" if own else "--", f"{row.flops:,}" if row.flops else "--"])
        return (f"{aligned(lines)}\nParameters: {self.total_params:,} ({self.trainable_params:,} trainable, "
                f"{self.parameter_bytes / 1e6:.2f} MB)\nFLOPs of one forward: {self.total_flops:,}")

    def __str__(self) -> str:
        return self.table()


class _Counter:
    """Counts operations as the base interpreter, and follows the modules' calls."""

    def __init__(self, rows: dict[int, ModuleRow]) -> None:
        self._rows = rows
        self._open: list[ModuleRow] = []
        self.below: Any = None

    def run(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any = None) -> Any:
        count = flops(op, operands, attrs)
        if count:
            # A module that calls another of its own kind twice over counts once.
            for row in {id(row): row for row in self._open}.values():
                row.flops += count
        return self.below.run(op, operands, attrs, out)

    def module_begins(self, module: Any) -> None:
        row = self._rows.get(id(module))
        if row is not None:
            row.calls += 1
            self._open.append(row)

    def module_ends(self, module: Any, output: Any) -> None:
        row = self._rows.get(id(module))
        if row is not None:
            self._open.pop()
            row.output_shape = _shapes(output)

    def node_begins(self, name: str, sequence: int) -> None:
        """Nothing is counted in backward."""

    def node_ends(self) -> None:
        """Nothing is counted in backward."""


def _shapes(output: Any) -> Any:
    if isinstance(output, Tensor):
        return tuple(output.shape)
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        found = [s for s in map(_shapes, output) if s is not None]
        return found or None
    return None


def summary(model: Any, input: Any, *args: Any, **kwargs: Any) -> Summary:
    """Call the model once, in evaluation mode and without gradients, and tell what it consists of.

    >>> from clnet import nn
    >>> from clnet.profiler import summary
    >>> about = summary(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (2, 4))
    >>> about.total_params, about.total_flops, about["0"].output_shape
    (15, 48, (2, 3))

    Args:
        model: a module.
        input: its argument, a tuple of arguments, or the shape of one (made of normal numbers, on the
            device of the first parameter).
        args, kwargs: further arguments of the call.
    """
    parameters = {id(p): p for p in model.parameters()}
    state = generator.snapshot()
    if isinstance(input, (tuple, list)) and all(type(n) is int for n in input):
        place = next(iter(parameters.values())).device if parameters else None
        input = (randn(*input, device=place),)
    given = (*input, *args) if isinstance(input, (tuple, list)) else (input, *args)
    rows: dict[int, ModuleRow] = {}
    for path, module in model.named_modules():
        own = list(module.parameters(recurse=False))
        rows[id(module)] = ModuleRow(
            path, type(module).__name__, path.count(".") + 1 if path else 0, _count(own),
            _count(p for p in own if p.requires_grad), _count(module.parameters()))
    counter = _Counter(rows)
    counter.below = dispatch.stack[0]
    modes = [(module, module.training) for module in model.modules()]
    unsubscribe = HUB.subscribe(calls=counter)
    dispatch.stack.install(counter)
    try:
        model.eval()
        with no_grad():
            model(*given, **kwargs)
    finally:
        dispatch.stack.install(counter.below)
        unsubscribe()
        for module, training in modes:
            module.training = training
        generator.restore(state)
    return Summary(list(rows.values()), _count(parameters.values()),
                   _count(p for p in parameters.values() if p.requires_grad),
                   sum(p.nbytes for p in parameters.values()))


def _count(parameters: Any) -> int:
    return sum(p.numel() for p in parameters)
