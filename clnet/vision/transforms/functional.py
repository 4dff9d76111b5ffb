"""What the transforms do, as functions of an image and its parameters.

Images are Pillow's, or tensors of shape (..., channels, height, width).
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...core.dtypes import DType
from ...nn import functional as nnf
from ...ops.join import flip
from ...tensor import Tensor
from ...tensor.creation import tensor as make
from ...tensor.interchange import from_numpy
from ..pillow import image_module, is_picture
from .interpolation import PILLOW, InterpolationMode, mode_of

_WIDE = {"I": np.int32, "I;16": np.int16, "F": np.float32}


def _checked(img: Any) -> Any:
    if not isinstance(img, Tensor) and not is_picture(img):
        raise TypeError(f"img should be a Pillow image or a tensor, not {type(img).__name__}; datasets hand arrays "
                        "to transforms where Pillow is not installed: put ToTensor() first, or "
                        "pip install 'clnet[vision]'")
    return img


def get_image_size(img: Any) -> list[int]:
    """[width, height]."""
    return [img.shape[-1], img.shape[-2]] if isinstance(_checked(img), Tensor) else list(img.size)


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]."""
    width, height = get_image_size(img)
    if isinstance(img, Tensor):
        return [1 if img.ndim == 2 else img.shape[-3], height, width]
    return [len(img.getbands()), height, width]


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((pixels[:, :, None] if pixels.ndim == 2 else pixels).transpose(2, 0, 1))


def _pixels(pic: Any) -> np.ndarray:
    """(C, H, W) of a picture or of an array (H, W) or (H, W, C).

    Raises:
        TypeError: neither.  ValueError: an array of other rank.
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        return _channels_first(pic)
    if not is_picture(pic):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    found = np.array(pic, _WIDE.get(pic.mode, np.uint8), copy=True)
    return _channels_first(found * np.uint8(255) if pic.mode == "1" else found)


def to_tensor(pic: Any) -> Tensor:
    """A picture, or an array (H, W) or (H, W, C), as a tensor (C, H, W); bytes become 0..1 in float32."""
    found = _pixels(pic)
    if found.dtype == np.uint8:
        found = np.divide(found, 255, dtype=dt.get_default_dtype().storage)
    return from_numpy(found)


def pil_to_tensor(pic: Any) -> Tensor:
    """A picture as a tensor (C, H, W) of its own type."""
    if not is_picture(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return from_numpy(_pixels(pic))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a picture.

    Floating-point tensors hold 0..1, as ``to_tensor`` makes them.

    Raises:
        ValueError: rank or number of channels.  ModuleNotFoundError: Pillow is not installed.
    """
    module = image_module("ToPILImage")
    if isinstance(pic, Tensor):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pixels = pic.detach().cpu().numpy() if pic.dtype is not dt.bfloat16 else pic.detach().float().cpu().numpy()
        pixels = pixels[None] if pixels.ndim == 2 else pixels
        if np.issubdtype(pixels.dtype, np.floating) and mode != "F":
            pixels = (pixels * 255).astype(np.uint8)
        pixels = pixels.transpose(1, 2, 0)
    elif isinstance(pic, np.ndarray):
        pixels = pic[:, :, None] if pic.ndim == 2 else pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    channels = pixels.shape[2] if pixels.ndim == 3 else 0
    if not 1 <= channels <= 4:
        raise ValueError(f"pic should have 1 to 4 channels. Got shape {pixels.shape}")
    found = module.fromarray(np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels))
    return found if mode is None or mode == found.mode else found.convert(mode)


def convert_image_dtype(image: Any, dtype: DType = dt.float32) -> Tensor:
    """The image in another type, its values scaled: integers span their range, floats 0..1."""
    if image.dtype is dtype:
        return image
    if image.dtype.is_floating_point:
        if dtype.is_floating_point:
            return image.to(dtype)
        return (image * (_largest(dtype) + 1 - 1e-3)).to(dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / _largest(image.dtype)
    have, want = _largest(image.dtype), _largest(dtype)
    if have > want:
        return image.div((have + 1) // (want + 1), rounding_mode="floor").to(dtype)
    return image.to(dtype) * ((want + 1) // (have + 1))


def _largest(dtype: DType) -> int:
    return 1 if dtype is dt.bool_ else int(np.iinfo(dtype.storage).max)


def normalize(tensor: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """``(tensor - mean) / std``, a mean and a deviation for each channel.

    Raises:
        TypeError: not a floating-point tensor.  ValueError: a deviation of 0, or too few dimensions.
        RuntimeError: more means than channels.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(f"Expected tensor to be a tensor image of size (..., C, H, W). Got {tuple(tensor.shape)}")
    if not all(np.atleast_1d(std)):
        raise ValueError("std evaluated to zero, leading to division by zero.")
    shift: Any
    scale: Any
    shift, scale = (make(np.asarray(v, np.float64).reshape(-1, 1, 1), dtype=tensor.dtype, device=tensor.device)
                    for v in (mean, std))
    return (tensor if inplace else tensor.clone()).sub_(shift).div_(scale)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A window; what lies outside the image is zero."""
    if not isinstance(_checked(img), Tensor):
        return img.crop((left, top, left + width, top + height))
    w, h = get_image_size(img)
    outside = [max(-left, 0), max(left + width - w, 0), max(-top, 0), max(top + height - h, 0)]
    if any(outside):
        img = nnf.pad(img, outside)
        top, left = max(top, 0), max(left, 0)
    return img[..., top:top + height, left:left + width]


def _pair(size: Any) -> tuple[int, int]:
    numbers = [size] if isinstance(size, int) else list(size)
    return numbers[0], numbers[-1]


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle; an image that is too small gets zeros around it."""
    height, width = _pair(output_size)
    w, h = get_image_size(img)
    if width > w or height > h:
        left, top = (max(width - w, 0) // 2, max(height - h, 0) // 2)
        img = pad(img, [left, top, max(width - w + 1, 0) // 2, max(height - h + 1, 0) // 2])
        w, h = get_image_size(img)
    return crop(img, int(round((h - height) / 2.0)), int(round((w - width) / 2.0)), height, width)


def _target(w: int, h: int, size: Any, max_size: int | None) -> tuple[int, int]:
    """(width, height) after a resize: one number is the shorter side's."""
    numbers = [size] if isinstance(size, int) else list(size)
    if len(numbers) == 2:
        return numbers[1], numbers[0]
    short, long = min(w, h), max(w, h)
    new_short, new_long = numbers[0], int(numbers[0] * long / short)
    if max_size is not None:
        if max_size <= numbers[0]:
            raise ValueError(f"max_size = {max_size} must be strictly greater than the requested size for the "
                             f"smaller edge size = {size}")
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if w <= h else (new_long, new_short)


def resize(img: Any, size: Any, interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None,
           antialias: bool | None = True) -> Any:
    """The image at another size: (height, width), or one number for the shorter side.

    Args:
        max_size: the most that the longer side may get.
        antialias: smooth tensors that shrink; pictures always are.
    """
    mode = mode_of(interpolation)
    w, h = get_image_size(img)
    width, height = _target(w, h, size, max_size)
    if (width, height) == (w, h):
        return img
    if not isinstance(img, Tensor):
        return img.resize((width, height), PILLOW[mode])
    smooth = mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)
    batch = img.reshape((-1, *img.shape[-3:])) if img.ndim != 4 else img
    values = batch if batch.is_floating_point() else batch.float()
    done = nnf.interpolate(values, (height, width), mode=mode.value, align_corners=False if smooth else None,
                           antialias=bool(antialias) and smooth)
    if not batch.is_floating_point():
        done = done.round().clamp(0, _largest(img.dtype)).to(img.dtype)
    return done.reshape((*img.shape[:-2], height, width))


def resized_crop(img: Any, top: int, left: int, height: int, width: int, size: Any,
                 interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True) -> Any:
    """A window at another size."""
    return resize(crop(img, top, left, height, width), list(_pair(size)), interpolation, antialias=antialias)


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Pixels around the image.

    Args:
        padding: one number; (left and right, top and bottom); or (left, top, right, bottom).
        fill: the value for "constant".  padding_mode: or "edge", "reflect", "symmetric".
    """
    numbers = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = numbers * (4 // len(numbers))
    if not isinstance(_checked(img), Tensor):
        return _pad_picture(img, (left, top, right, bottom), fill, padding_mode)
    if padding_mode == "constant":
        return nnf.pad(img, [left, right, top, bottom], value=fill)
    if padding_mode == "symmetric":
        return _symmetric(img, left, top, right, bottom)
    modes = {"edge": "replicate", "reflect": "reflect"}
    values = img if img.is_floating_point() else img.float()
    return nnf.pad(values, [left, right, top, bottom], mode=modes[padding_mode]).to(img.dtype)


def _symmetric(img: Tensor, left: int, top: int, right: int, bottom: int) -> Tensor:
    w, h = get_image_size(img)
    rows, columns = (from_numpy(np.pad(np.arange(n), ends, mode="symmetric")).to(img.device)
                     for n, ends in ((h, (top, bottom)), (w, (left, right))))
    return img.index_select(-2, rows).index_select(-1, columns)


def _pad_picture(img: Any, sides: tuple[int, int, int, int], fill: Any, mode: Any) -> Any:
    left, top, right, bottom = sides
    module = image_module("Pad")
    if mode == "constant":
        w, h = img.size
        value = tuple(fill) if isinstance(fill, (list, tuple)) else (fill,) * len(img.getbands())
        made = module.new(img.mode, (w + left + right, h + top + bottom), value[0] if len(value) == 1 else value)
        made.paste(img, (left, top))
        return made
    pixels = np.asarray(img)
    ends = ((top, bottom), (left, right), (0, 0))[:pixels.ndim]
    return module.fromarray(np.pad(pixels, ends, mode=mode))


def hflip(img: Any) -> Any:
    """Left and right exchanged."""
    if isinstance(_checked(img), Tensor):
        return flip(img, [-1])
    return img.transpose(image_module("a flip").Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    """Top and bottom exchanged."""
    if isinstance(_checked(img), Tensor):
        return flip(img, [-2])
    return img.transpose(image_module("a flip").Transpose.FLIP_TOP_BOTTOM)


def rotate(img: Any, angle: float, interpolation: Any = InterpolationMode.NEAREST, expand: bool = False,
           center: Sequence[float] | None = None, fill: Any = 0) -> Any:
    """The image turned counter-clockwise by degrees about its middle or ``center`` (x, y)."""
    mode = mode_of(interpolation)
    if not isinstance(_checked(img), Tensor):
        value = tuple(fill) if isinstance(fill, (list, tuple)) else (fill,) * len(img.getbands())
        return img.rotate(angle, PILLOW[mode], expand, center,
                          fillcolor=value[0] if len(value) == 1 else value)
    if expand or center is not None or fill:
        raise NotImplementedError("rotate of a tensor: expand, center and fill are for pictures")
    w, h = get_image_size(img)
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    theta = make([[[cos, -sin * h / w, 0.0], [sin * w / h, cos, 0.0]]], device=img.device)
    batch = img.reshape((1, -1, h, w)).float()
    grid = nnf.affine_grid(theta, list(batch.shape), align_corners=False)
    done = nnf.grid_sample(batch, grid, mode=mode.value, padding_mode="zeros", align_corners=False)
    return (done if img.is_floating_point() else done.round()).reshape(img.shape).to(img.dtype)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """The window of ``h`` rows and ``w`` columns at row ``i`` and column ``j`` set to ``v``."""
    done = img if inplace else img.clone()
    done[..., i:i + h, j:j + w] = v
    return done
