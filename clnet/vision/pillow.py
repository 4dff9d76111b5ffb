"""Pillow, which is needed only for pictures: folders of images, ``ToPILImage``, saving."""
from __future__ import annotations

from typing import Any

_image: Any
try:
    from PIL import Image as _image
except ModuleNotFoundError:
    _image = None

INSTALLED = _image is not None


def image_module(purpose: str) -> Any:
    """The module ``PIL.Image``.

    Raises:
        ModuleNotFoundError: Pillow is not installed.
    """
    if _image is None:
        raise ModuleNotFoundError(f"{purpose} needs Pillow, which is not installed: pip install 'clnet[vision]'",
                                  name="PIL")
    return _image


def is_picture(value: Any) -> bool:
    """Whether a value is a Pillow image."""
    return _image is not None and isinstance(value, _image.Image)
