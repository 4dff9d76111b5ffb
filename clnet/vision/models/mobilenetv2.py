"""MobileNetV2 (Sandler et al. 2018, "Inverted residuals and linear bottlenecks")."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ...tensor import Tensor
from .weights import refuse_weights

Norm = Callable[[int], nn.Module]
# (expansion, channels, blocks, first stride) of each stage: table 2 of the paper.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def _rounded(channels: float, divisor: int) -> int:
    """The nearest multiple, never under 90% of what was asked."""
    found = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * channels else found


def _convolution(inp: int, out: int, kernel: int, stride: int, groups: int, norm_layer: Norm) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inp, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
                         norm_layer(out), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Wide inside, narrow at its ends: 1x1, depthwise 3x3 and 1x1 without activation."""

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Norm | None = None) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm_layer = norm_layer or nn.BatchNorm2d
        hidden = int(round(inp * expand_ratio))
        self.stride, self.use_res_connect = stride, stride == 1 and inp == oup
        layers: list[nn.Module] = [_convolution(inp, hidden, 1, 1, 1, norm_layer)] if expand_ratio != 1 else []
        layers += [_convolution(hidden, hidden, 3, stride, hidden, norm_layer),
                   nn.Conv2d(hidden, oup, 1, bias=False), norm_layer(oup)]
        self.conv = nn.Sequential(*layers)
        self.out_channels = oup

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """Images (N, 3, H, W) to scores (N, num_classes).

    Args:
        width_mult: factor of every width.  round_nearest: widths are multiples of it.
        inverted_residual_setting: (expansion, channels, blocks, first stride) of each stage.
        dropout: before the classifier.
    """

    def __init__(self, num_classes: int = 1000, width_mult: float = 1.0,
                 inverted_residual_setting: Sequence[Sequence[int]] | None = None, round_nearest: int = 8,
                 block: Any = None, norm_layer: Norm | None = None, dropout: float = 0.2) -> None:
        super().__init__()
        block, norm_layer = block or InvertedResidual, norm_layer or nn.BatchNorm2d
        channels = _rounded(32 * width_mult, round_nearest)
        self.last_channel = _rounded(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [_convolution(3, channels, 3, 2, 1, norm_layer)]
        for expansion, width, count, stride in inverted_residual_setting or _STAGES:
            out = _rounded(width * width_mult, round_nearest)
            for i in range(count):
                features.append(block(channels, out, stride if i == 0 else 1, expansion, norm_layer))
                channels = out
        features.append(_convolution(channels, self.last_channel, 1, 1, 1, norm_layer))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.last_channel, num_classes))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
            elif isinstance(m, nn.Linear) and m.bias is not None:
                nn.init.normal_(m.weight, 0, 0.01)
                nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1)).flatten(1))


def mobilenet_v2(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> MobileNetV2:
    """3.5 million parameters."""
    refuse_weights("mobilenet_v2", weights, kwargs)
    return MobileNetV2(**kwargs)
