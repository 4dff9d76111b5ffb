"""VGG (Simonyan and Zisserman 2014, "Very deep convolutional networks for large-scale image recognition")."""
from __future__ import annotations

from typing import Any

from ... import nn
from ...tensor import Tensor
from .weights import refuse_weights

# Convolutions in each of the five stages, by the number of layers.
_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Images (N, 3, H, W) to scores (N, num_classes).

    Args:
        features: the convolutional part, which ends in 512 channels.
        init_weights: draw them as the paper's authors; else as the layers do.
        dropout: of the classifier.
    """

    def __init__(self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True,
                 dropout: float = 0.5) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(dropout), nn.Linear(4096, num_classes))
        for m in self.modules() if init_weights else ():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear) and m.bias is not None:
                nn.init.normal_(m.weight, 0, 0.01)
                nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _features(layers: int, batch_norm: bool) -> nn.Sequential:
    made: list[nn.Module] = []
    channels = 3
    for count, width in zip(_STAGES[layers], _WIDTHS):
        for _ in range(count):
            made.append(nn.Conv2d(channels, width, 3, padding=1))
            if batch_norm:
                made.append(nn.BatchNorm2d(width))
            made.append(nn.ReLU(inplace=True))
            channels = width
        made.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*made)


def _vgg(layers: int, batch_norm: bool, weights: Any, settings: dict[str, Any]) -> VGG:
    refuse_weights(f"vgg{layers}{'_bn' if batch_norm else ''}", weights, settings)
    return VGG(_features(layers, batch_norm), **settings)


def vgg11(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """11 layers."""
    return _vgg(11, False, weights, kwargs)


def vgg11_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """11 layers, with batch normalisation."""
    return _vgg(11, True, weights, kwargs)


def vgg13(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """13 layers."""
    return _vgg(13, False, weights, kwargs)


def vgg13_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """13 layers, with batch normalisation."""
    return _vgg(13, True, weights, kwargs)


def vgg16(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """16 layers."""
    return _vgg(16, False, weights, kwargs)


def vgg16_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """16 layers, with batch normalisation."""
    return _vgg(16, True, weights, kwargs)


def vgg19(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """19 layers."""
    return _vgg(19, False, weights, kwargs)


def vgg19_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """19 layers, with batch normalisation."""
    return _vgg(19, True, weights, kwargs)
