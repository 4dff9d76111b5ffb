"""Many images in one, and images in files."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...ops.comparison import clamp
from ...ops.join import cat, stack
from ...tensor import Tensor
from ...tensor.creation import full
from ..pillow import image_module


def _scaled(image: Any, bounds: tuple[float, float] | None) -> Any:
    low, high = bounds or (float(image.min()), float(image.max()))
    return (clamp(image, low, high) - low) / max(high - low, 1e-5)


def make_grid(tensor: Tensor | Sequence[Tensor], nrow: int = 8, padding: int = 2, normalize: bool = False,
              value_range: tuple[float, float] | None = None, scale_each: bool = False,
              pad_value: float = 0.0) -> Tensor:
    """A batch of images side by side.

    Args:
        tensor: (B, C, H, W), or a sequence of (C, H, W); also one image (C, H, W) or (H, W).
        nrow: images in a row.  padding: pixels between them, of the value ``pad_value``.
        normalize: shift and scale to 0..1 from ``value_range``, by default from the values' range,
            for each image by itself with ``scale_each``.

    Returns:
        (C, rows, columns); images of one channel become three equal ones.
    """
    batch: Any = tensor if isinstance(tensor, Tensor) else stack(list(tensor), 0)
    while batch.ndim < 4:
        batch = batch.unsqueeze(0)
    if batch.shape[1] == 1:
        batch = cat((batch, batch, batch), 1)
    if normalize:
        batch = stack([_scaled(t, value_range) for t in batch.unbind(0)], 0) if scale_each else (
            _scaled(batch, value_range))
    count, channels, height, width = batch.shape
    if count == 1:
        return batch.squeeze(0)
    columns = min(nrow, count)
    rows = -(-count // columns)
    height, width = height + padding, width + padding
    grid = full((channels, height * rows + padding, width * columns + padding), pad_value, dtype=batch.dtype,
                device=batch.device)
    for k in range(count):
        top, left = k // columns * height + padding, k % columns * width + padding
        grid[:, top:top + height - padding, left:left + width - padding] = batch[k]
    return grid


def save_image(tensor: Tensor | Sequence[Tensor], fp: str | Path | IO[bytes], format: str | None = None,
               **kwargs: Any) -> None:
    """Write an image of values 0..1, or a grid of them, to a file; ``kwargs`` are ``make_grid``'s.

    Raises:
        ModuleNotFoundError: Pillow is not installed.
    """
    grid = make_grid(tensor, **kwargs).detach()
    pixels = (grid.float() * 255 + 0.5).clamp(0, 255).permute(1, 2, 0).cpu().numpy().astype(np.uint8)
    image_module("saving pictures").fromarray(pixels).save(fp, format=format)
