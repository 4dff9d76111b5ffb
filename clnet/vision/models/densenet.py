"""DenseNet (Huang et al. 2016, "Densely connected convolutional networks")."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ... import nn
from ...autograd.checkpoint import checkpoint
from ...ops.join import cat
from ...tensor import Tensor
from .weights import refuse_weights


class _DenseLayer(nn.Module):
    """1x1 and 3x3 convolutions of everything so far."""

    def __init__(self, channels: int, growth_rate: int, bn_size: int, drop_rate: float,
                 memory_efficient: bool) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(channels, bn_size * growth_rate, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, 3, padding=1, bias=False)
        self.drop_rate, self.memory_efficient = float(drop_rate), memory_efficient

    def _narrowed(self, *inputs: Tensor) -> Tensor:
        return self.conv1(self.relu1(self.norm1(cat(inputs, 1))))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        if self.memory_efficient and any(t.requires_grad for t in inputs):
            narrow = checkpoint(self._narrowed, *inputs, use_reentrant=False)
        else:
            narrow = self._narrowed(*inputs)
        made = self.conv2(self.relu2(self.norm2(narrow)))
        return nn.functional.dropout(made, self.drop_rate, self.training) if self.drop_rate else made


class _DenseBlock(nn.ModuleDict):
    """Layers that each see all before."""

    def __init__(self, count: int, channels: int, bn_size: int, growth_rate: int, drop_rate: float,
                 memory_efficient: bool) -> None:
        super().__init__({f"denselayer{i + 1}": _DenseLayer(channels + i * growth_rate, growth_rate, bn_size,
                                                           drop_rate, memory_efficient) for i in range(count)})

    def forward(self, x: Tensor) -> Tensor:
        found = [x]
        for layer in self.values():
            found.append(layer(found))
        return cat(found, 1)


def _transition(channels: int, out: int) -> nn.Sequential:
    """Half the size, and fewer channels."""
    return nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(channels), relu=nn.ReLU(inplace=True),
                                     conv=nn.Conv2d(channels, out, 1, bias=False), pool=nn.AvgPool2d(2, 2)))


class DenseNet(nn.Module):
    """Images (N, 3, H, W) to scores (N, num_classes).

    Args:
        growth_rate: channels that each layer adds.  block_config: layers in each block.
        num_init_features: channels before the first block.  bn_size: width of bottlenecks in growth rates.
        drop_rate: after every layer.  memory_efficient: compute concatenations again in the backward pass.
    """

    def __init__(self, growth_rate: int = 32, block_config: Sequence[int] = (6, 12, 24, 16),
                 num_init_features: int = 64, bn_size: int = 4, drop_rate: float = 0, num_classes: int = 1000,
                 memory_efficient: bool = False) -> None:
        super().__init__()
        channels = num_init_features
        parts: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(3, channels, 7, 2, 3, bias=False), "norm0": nn.BatchNorm2d(channels),
            "relu0": nn.ReLU(inplace=True), "pool0": nn.MaxPool2d(3, 2, 1)}
        for i, count in enumerate(block_config, 1):
            parts[f"denseblock{i}"] = _DenseBlock(count, channels, bn_size, growth_rate, drop_rate, memory_efficient)
            channels += count * growth_rate
            if i != len(block_config):
                parts[f"transition{i}"] = _transition(channels, channels // 2)
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(OrderedDict(parts))
        self.classifier = nn.Linear(channels, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
            elif isinstance(m, nn.Linear) and m.bias is not None:
                nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        found = nn.functional.relu(self.features(x))
        return self.classifier(nn.functional.adaptive_avg_pool2d(found, (1, 1)).flatten(1))


def _densenet(name: str, growth_rate: int, block_config: Sequence[int], num_init_features: int, weights: Any,
              settings: dict[str, Any]) -> DenseNet:
    refuse_weights(name, weights, settings)
    return DenseNet(growth_rate, block_config, num_init_features, **settings)


def densenet121(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """121 layers, 8.0 million parameters."""
    return _densenet("densenet121", 32, (6, 12, 24, 16), 64, weights, kwargs)


def densenet161(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """161 layers, 28.7 million parameters."""
    return _densenet("densenet161", 48, (6, 12, 36, 24), 96, weights, kwargs)


def densenet169(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """169 layers, 14.1 million parameters."""
    return _densenet("densenet169", 32, (6, 12, 32, 32), 64, weights, kwargs)


def densenet201(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """201 layers, 20.0 million parameters."""
    return _densenet("densenet201", 32, (6, 12, 48, 32), 64, weights, kwargs)
