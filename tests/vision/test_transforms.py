"""Transforms of pictures and of tensors."""
from __future__ import annotations

import colorsys

import numpy as np
import pytest

import clnet
from clnet.vision import transforms as T
from clnet.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image")
pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
picture = Image.fromarray(pixels)


def both(transform):
    """What it makes of a picture and of the same tensor, as arrays (H, W, C)."""
    tensor = transform(F.pil_to_tensor(picture))
    return np.asarray(transform(picture)), tensor.numpy().transpose(1, 2, 0)


def test_conversions():
    t = T.ToTensor()(picture)
    assert t.dtype is clnet.float32 and t.shape == (3, 6, 8)
    assert np.array_equal(np.asarray(T.ToPILImage()(t)), pixels)
    assert np.array_equal(np.asarray(T.ToPILImage()(pixels)), pixels)
    assert T.ToPILImage()(clnet.zeros(4, 5)).size == (5, 4)
    assert T.ToTensor()(pixels.astype(np.float64)).dtype is clnet.float64
    assert T.ToTensor()(picture.convert("1")).max().item() == 1
    back = T.ConvertImageDtype(clnet.uint8)(T.ConvertImageDtype(clnet.float32)(F.pil_to_tensor(picture)))
    assert np.array_equal(back.numpy().transpose(1, 2, 0), pixels)
    assert T.ConvertImageDtype(clnet.int32)(clnet.tensor([255], dtype=clnet.uint8)).item() == 255 << 23
    with pytest.raises(TypeError, match="PIL Image or ndarray"):
        T.ToTensor()([1, 2])
    with pytest.raises(ValueError, match="1 to 4 channels"):
        T.ToPILImage()(clnet.zeros(5, 2, 2))


def test_normalize():
    t = clnet.ones(2, 2, 2)
    done = T.Normalize((0.5, 1), (0.5, 2))(t)
    assert done[:, 0, 0].tolist() == [1, 0] and t.min().item() == 1
    with pytest.raises(ValueError, match="division by zero"):
        T.Normalize((0,), (0,))(t)
    with pytest.raises(TypeError, match="float tensor"):
        T.Normalize((0,), (1,))(t.int())


@pytest.mark.parametrize("transform, expected", [
    (T.CenterCrop((4, 2)), pixels[1:5, 3:5]),
    (T.CenterCrop(10), np.pad(pixels, ((2, 2), (1, 1), (0, 0)))),
    (T.Pad((1, 2)), np.pad(pixels, ((2, 2), (1, 1), (0, 0)))),
    (T.Pad(2, padding_mode="reflect"), np.pad(pixels, ((2, 2), (2, 2), (0, 0)), mode="reflect")),
    (T.Pad((1, 2, 3, 0), padding_mode="symmetric"), np.pad(pixels, ((2, 0), (1, 3), (0, 0)), mode="symmetric")),
    (T.Pad(1, padding_mode="edge"), np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")),
    (T.RandomHorizontalFlip(1), pixels[:, ::-1]), (T.RandomVerticalFlip(1.0), pixels[::-1]),
    (T.RandomHorizontalFlip(0), pixels), (T.Resize((6, 8)), pixels)], ids=str)
def test_geometry(transform, expected):
    for found in both(transform):
        assert np.array_equal(found, expected)


def test_resize():
    for found in both(T.Resize(3)):
        assert found.shape == (3, 4, 3)
    ours, theirs = both(T.Resize((3, 5)))
    assert np.abs(ours.astype(int) - theirs).max() <= 1  # Pillow rounds after each direction
    assert T.Resize(12, max_size=13)(picture).size == (13, 9)
    assert T.Resize(12, interpolation=T.InterpolationMode.NEAREST)(F.pil_to_tensor(picture)).shape == (3, 12, 16)


def test_random_windows():
    clnet.manual_seed(3)
    crops = [T.RandomCrop(4, padding=1)(picture) for _ in range(5)]
    clnet.manual_seed(3)
    assert [np.asarray(T.RandomCrop(4, padding=1)(picture)).tolist() for _ in range(5)] == [
        np.asarray(c).tolist() for c in crops]
    assert len({c.tobytes() for c in crops}) > 1
    t = F.pil_to_tensor(picture)
    assert T.RandomResizedCrop((2, 3))(t).shape == (3, 2, 3) and T.RandomResizedCrop(5)(picture).size == (5, 5)
    assert T.RandomCrop(9, pad_if_needed=True)(t).shape == (3, 9, 9)
    with pytest.raises(ValueError, match="larger than input"):
        T.RandomCrop(9)(picture)
    assert all(c.shape == (3, 2, 2) for c in T.FiveCrop(2)(t))
    done = T.RandomErasing(1, value=7)(clnet.zeros(3, 20, 20))
    assert 0 < done.sum().item() < 7 * 3 * 400 * 0.34
    assert np.array_equal(np.asarray(T.RandomRotation((180, 180))(picture)), pixels[::-1, ::-1])
    turned = F.rotate(t.float(), 180)
    assert np.allclose(turned.numpy().transpose(1, 2, 0), pixels[::-1, ::-1], atol=1e-3)


def test_compositions():
    steps = T.Compose([T.Lambda(lambda x: x + 1), T.RandomApply([T.Lambda(lambda x: 10 * x)], p=1),
                       T.RandomChoice([T.Lambda(lambda x: x + 5)]), T.RandomOrder([T.Lambda(lambda x: -x)])])
    assert steps(1) == -25 and "Compose(" in repr(steps)
    with pytest.raises(TypeError, match="callable"):
        T.Lambda(3)


def test_colors():
    t = T.ToTensor()(picture)
    red, green, blue = (t.numpy()[i, 2, 3] for i in range(3))
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    turned = T.functional.to_tensor(np.zeros((1, 1, 3)))
    from clnet.vision.transforms import color
    turned = color.adjust_hue(t, 0.3)
    assert np.allclose(turned[:, 2, 3].numpy(), colorsys.hsv_to_rgb(hue + 0.3, saturation, value), atol=1e-5)
    assert clnet.allclose(color.adjust_hue(t, 0.0), t, atol=1e-5)
    assert clnet.allclose(color.adjust_brightness(t, 0.5), t / 2) and color.adjust_brightness(t, 9).max().item() == 1
    grey = color.rgb_to_grayscale(t)
    assert np.allclose(grey[0, 2, 3].item(), 0.2989 * red + 0.587 * green + 0.114 * blue, atol=1e-6)
    assert clnet.allclose(color.adjust_saturation(t, 0), grey.expand(3, -1, -1))
    assert clnet.allclose(color.adjust_contrast(t, 0), grey.mean().expand(3, 6, 8))
    jitter = T.ColorJitter(0.4, 0.4, (0.5, 2), 0.1)
    assert jitter(picture).size == (8, 6) and jitter(t).shape == t.shape
    assert T.Grayscale(3)(t).shape == t.shape and T.RandomGrayscale(1)(picture).mode == "RGB"
    with pytest.raises(ValueError, match="hue values"):
        T.ColorJitter(hue=0.7)


def test_normalize_refuses_more_means_than_channels():
    with pytest.raises(RuntimeError):
        T.Normalize((0.5,) * 3, (0.5,) * 3)(clnet.ones(1, 2, 2))
