"""Models whose training step is compared, written once in PyTorch's interface."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Workload:
    """A model's builder, and the shapes of its batches: ``images`` or, with ``vocabulary``, tokens."""

    name: str
    build: Callable[[Any], Any]
    inputs: tuple[int, ...]
    labels: tuple[int, ...]
    classes: int
    vocabulary: int | None = None

    def batches(self, lib: Any, count: int) -> Iterator[tuple[Any, Any]]:
        """Random inputs and labels, the same at every run."""
        rng = np.random.default_rng(0)
        for _ in range(count):
            x = (rng.standard_normal(self.inputs).astype("float32") if self.vocabulary is None
                 else rng.integers(0, self.vocabulary, self.inputs))
            yield lib.tensor(x), lib.tensor(rng.integers(0, self.classes, self.labels))


def workloads(sizes: str) -> list[Workload]:
    """The workloads; "tiny" has one that a test trains."""
    if sizes == "tiny":
        return [Workload("perceptron", lambda lib: _perceptron(lib, 8, 8), (4, 8), (4,), 10)]
    return [
        Workload("mlp", lambda lib: _perceptron(lib, 784, 512), (128, 784), (128,), 10),
        Workload("cnn", _convolutional, (64, 1, 28, 28), (64,), 10),
        Workload("resnet18", _residual, (32, 3, 32, 32), (32,), 10),
        Workload("gpt", _transformer, (8, 128), (8 * 128,), 256, 256),
        Workload("lstm", _recurrent, (32, 50, 64), (32,), 10),
    ]


def training_step(lib: Any, model: Any) -> Callable[[Any, Any], float]:
    """One step of AdamW on the cross-entropy; returns the loss as a number."""
    optimizer = lib.optim.AdamW(model.parameters(), lr=1e-3)

    def step(x: Any, y: Any) -> float:
        optimizer.zero_grad()
        loss = lib.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _perceptron(lib: Any, inputs: int, width: int) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                         nn.Linear(width, 10))


def _convolutional(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Linear(128, 10))


def _residual(lib: Any) -> Any:
    """ResNet-18 for images of 32x32: He et al. 2016, without the first pooling."""
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
            self.shortcut = nn.Identity() if (inputs, stride) == (outputs, 1) else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            return (self.body(x) + self.shortcut(x)).relu()

    layers, inputs = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for outputs in (64, 128, 256, 512):
        layers += [Block(inputs, outputs, 1 if inputs == outputs else 2), Block(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def _transformer(lib: Any) -> Any:
    """Six layers of width 384 with 6 heads, normalized before each part, over 128 of 256 tokens."""
    nn, width, heads, length, tokens = lib.nn, 384, 6, 128, 256

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.qkv = nn.LayerNorm(width), nn.Linear(width, 3 * width)
            self.project = nn.Linear(width, width)
            self.feed = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(),
                                      nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            parts = self.qkv(self.norm(x)).unflatten(2, (3, heads, width // heads)).permute(2, 0, 3, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(*parts.unbind(0), is_causal=True)
            x = x + self.project(mixed.transpose(1, 2).flatten(2))
            return x + self.feed(x)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = nn.Embedding(tokens, width), nn.Embedding(length, width)
            self.layers = nn.Sequential(*[Layer() for _ in range(6)], nn.LayerNorm(width),
                                        nn.Linear(width, tokens))

        def forward(self, index: Any) -> Any:
            x = self.token(index) + self.position(lib.arange(index.shape[1]))
            return self.layers(x).flatten(0, 1)

    return Model()


def _recurrent(lib: Any) -> Any:
    nn = lib.nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(64, 256, batch_first=True), nn.Linear(256, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return Model()
