"""Padding, resampling and unpooling beside PyTorch: layers, functions, gradients."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet import nn
from clnet.nn import functional as F

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
PLANES = RNG.normal(size=(2, 4, 5, 6)).astype("float32")
VOLUMES = RNG.normal(size=(1, 2, 3, 4, 5)).astype("float32")
LINES = RNG.normal(size=(2, 4, 7)).astype("float32")

LAYERS = {
    **{f"{kind}Pad{rank}d": (lambda n, kind=kind, rank=rank: getattr(n, f"{kind}Pad{rank}d")(
        *(((1, 2) * rank, 0.5) if kind == "Constant" else ((1, 2) * rank,))), data)
       for kind in ("Constant", "Zero", "Reflection", "Replication", "Circular")
       for rank, data in ((1, LINES), (2, PLANES), (3, VOLUMES))},
    "Conv2dReflect": (lambda n: n.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"), PLANES),
    "Conv2dCircularSame": (lambda n: n.Conv2d(4, 3, (2, 3), padding="same", padding_mode="circular"), PLANES),
    "Conv1dReplicate": (lambda n: n.Conv1d(4, 3, 3, padding=2, padding_mode="replicate"), LINES),
    "UpsampleNearest": (lambda n: n.Upsample(scale_factor=2), PLANES),
    "UpsampleBilinear": (lambda n: n.Upsample((3, 9), mode="bilinear", align_corners=True), PLANES),
    "UpsampleTrilinear": (lambda n: n.Upsample(scale_factor=1.5, mode="trilinear"), VOLUMES),
    "UpsamplingNearest2d": (lambda n: n.UpsamplingNearest2d(scale_factor=2), PLANES),
    "UpsamplingBilinear2d": (lambda n: n.UpsamplingBilinear2d((7, 7)), PLANES),
    "PixelShuffle": (lambda n: n.PixelShuffle(2), PLANES),
    "PixelUnshuffle": (lambda n: n.PixelUnshuffle(2), PLANES[:, :, :4]),
    "ChannelShuffle": (lambda n: n.ChannelShuffle(2), PLANES),
    "Unfold": (lambda n: n.Unfold((2, 3), padding=1, stride=2), PLANES),
    "Fold": (lambda n: n.Fold((3, 4), 2), RNG.normal(size=(2, 8, 6)).astype("float32")),
    "LPPool1d": (lambda n: n.LPPool1d(2, 3, stride=2), LINES),
    "LPPool2d": (lambda n: n.LPPool2d(3, 2, ceil_mode=True), np.abs(PLANES)),
    "LPPool3d": (lambda n: n.LPPool3d(2, 2), VOLUMES),
    "AdaptiveMaxPool3d": (lambda n: n.AdaptiveMaxPool3d(2), VOLUMES),
    "LazyConv1d": (lambda n: n.LazyConv1d(3, 2), LINES),
    "LazyConv2d": (lambda n: n.LazyConv2d(4, 3, groups=2, bias=False), PLANES),
    "LazyConvTranspose2d": (lambda n: n.LazyConvTranspose2d(3, 2, stride=2, output_padding=1), PLANES),
}


def compare(a, b, make):
    """Outputs and input gradients of the same call on both."""
    xs = [t.detach().requires_grad_() for t in (torch.tensor(a), clnet.tensor(a))]
    y, z = (make(lib, x) for lib, x in zip((torch, clnet), xs))
    np.testing.assert_allclose(z.detach().numpy(), y.detach().numpy(), rtol=1e-4, atol=1e-5)
    weights = RNG.normal(size=tuple(y.shape)).astype("float32")
    (y * torch.tensor(weights)).sum().backward()
    (z * clnet.tensor(weights)).sum().backward()
    np.testing.assert_allclose(xs[1].grad.numpy(), xs[0].grad.numpy(), rtol=1e-3, atol=1e-4)
    assert b is None or repr(b[0]) == repr(b[1])


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    make, data = LAYERS[name]
    theirs, ours = make(torch.nn), make(nn)
    assert repr(ours) == repr(theirs)
    theirs(torch.tensor(data))
    ours(clnet.tensor(data))
    ours.load_state_dict({k: clnet.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    compare(data, (theirs, ours), lambda lib, x: (theirs if lib is torch else ours)(x))


@pytest.mark.parametrize("rank, data", [(1, LINES), (2, PLANES), (3, VOLUMES)])
def test_unpooling(rank, data):
    def call(lib, x):
        f = lib.nn.functional
        y, indices = getattr(f, f"max_pool{rank}d")(x, 2, return_indices=True)
        return getattr(f, f"max_unpool{rank}d")(y, indices, 2, output_size=x.shape)
    compare(data, None, call)


@pytest.mark.parametrize("rank, data", [(2, PLANES), (3, VOLUMES)])
def test_fractional_pooling(rank, data):
    draws = RNG.uniform(size=(*data.shape[:2], rank)).astype("float32")

    def call(lib, x):
        pool = getattr(lib.nn.functional, f"fractional_max_pool{rank}d")
        return pool(x, 2, (1, 2, 3)[-rank:], _random_samples=lib.tensor(draws))
    compare(data, None, call)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_gradient_of_the_grid(mode, padding):
    grid = RNG.uniform(-1.4, 1.4, (2, 3, 4, 2)).astype("float32")
    compare(grid, None, lambda lib, g: lib.nn.functional.grid_sample(
        lib.tensor(PLANES), g, mode, padding, align_corners=False))


@pytest.mark.parametrize("call, kind", [
    (lambda f, x: f.pad(x, (1,)), RuntimeError),
    (lambda f, x: f.pad(x, (6, 0), "reflect"), RuntimeError),
    (lambda f, x: f.pad(x, (7, 0), "circular"), RuntimeError),
    (lambda f, x: f.pad(x, (1, 1), "mirror"), NotImplementedError),
    (lambda f, x: f.interpolate(x), ValueError),
    (lambda f, x: f.interpolate(x, (3,)), ValueError),
    (lambda f, x: f.interpolate(x, 0), RuntimeError),
    (lambda f, x: f.interpolate(x, 3, mode="trilinear"), NotImplementedError),
    (lambda f, x: f.interpolate(x, 3, align_corners=True), ValueError),
    (lambda f, x: f.grid_sample(x, x, align_corners=True), RuntimeError),
    (lambda f, x: f.grid_sample(x, x, "cubic"), ValueError),
    (lambda f, x: f.unfold(x, 9), RuntimeError),
    (lambda f, x: f.pixel_shuffle(x, 3), RuntimeError),
    (lambda f, x: f.channel_shuffle(x, 3), RuntimeError)])
def test_errors_are_of_the_same_class(call, kind):
    for lib, f in ((torch, torch.nn.functional), (clnet, F)):
        with pytest.raises(kind):
            call(f, lib.tensor(PLANES))
