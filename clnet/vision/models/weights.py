"""Weights of models: none are downloaded."""
from __future__ import annotations

from typing import Any


def refuse_weights(name: str, weights: Any, settings: dict[str, Any]) -> None:
    """Drop ``pretrained`` from a model's settings.

    Raises:
        ValueError: weights were asked for.
    """
    if weights is not None or settings.pop("pretrained", False):
        raise ValueError(f"{name}: clnet downloads no weights. Build the model with weights=None and load a file: "
                         "model.load_state_dict(clnet.load(path)); the names in torchvision's files fit")
