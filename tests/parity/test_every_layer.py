"""The layers that no other table here has, and that every layer and loss of clnet.nn is in some table."""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import clnet
from clnet import nn
from tests.parity import test_layers, test_losses, test_sequences, test_spatial

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def _floats(*shape):
    return RNG.normal(size=shape).astype("float32")


LINES, PLANES, VOLUMES = _floats(2, 4, 7), _floats(2, 4, 6, 6), _floats(1, 2, 4, 4, 4)
BY_RANK = {1: LINES, 2: PLANES, 3: VOLUMES}


def _unpooled(lib, layer, x):
    rank = x.ndim - 2
    y, places = getattr(lib.nn, f"MaxPool{rank}d")(2, return_indices=True)(x)
    return layer(y, places, output_size=x.shape)


def _fractional(lib, layer, x):
    rank = x.ndim - 2
    draws = np.random.default_rng(1).uniform(size=(*x.shape[:2], rank)).astype("float32")
    return type(layer)(2, output_size=layer.output_size, _random_samples=lib.tensor(draws))(x)


def _one(lib, layer, *xs):
    return layer(*xs)


def _with_classes(lib, layer, *xs):
    return layer(*xs, lib.tensor(np.array([2, 0, 4])))


# name: (layer, inputs that are differentiated, call, whether it is also compared in training)
CASES = {
    "Bilinear": (lambda n: n.Bilinear(3, 4, 5), (_floats(6, 3), _floats(6, 4)), _one, True),
    "RReLU": (lambda n: n.RReLU(0.1, 0.4), (_floats(3, 4),), _one, False),
    "SyncBatchNorm": (lambda n: n.SyncBatchNorm(4, eps=1e-3), (LINES,), _one, False),
    "NLLLoss2d": (lambda n: n.NLLLoss2d(), (_floats(2, 5, 2, 2),),
                  lambda lib, layer, x: layer(x, lib.tensor(np.array([[[0, 4], [2, 1]]] * 2))), True),
    "LinearCrossEntropyLoss": (lambda n: n.LinearCrossEntropyLoss(4, 5), (_floats(3, 4),), _with_classes, True),
    **{name: (lambda n, name=name: getattr(n, name)(0.3), (PLANES if name.endswith("2d") else LINES,), _one, False)
       for name in ("Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout")},
    "Dropout3d": (lambda n: n.Dropout3d(0.3), (VOLUMES,), _one, False),
    "Dropout/none": (lambda n: n.Dropout(0.0), (LINES,), _one, True),
    **{f"MaxUnpool{r}d": (lambda n, r=r: getattr(n, f"MaxUnpool{r}d")(2), (x,), _unpooled, True)
       for r, x in BY_RANK.items()},
    **{f"FractionalMaxPool{r}d": (lambda n, r=r: getattr(n, f"FractionalMaxPool{r}d")(2, output_size=(2, 1, 2)[-r:]),
                                  (BY_RANK[r],), _fractional, True) for r in (2, 3)},
    "LazyLinear": (lambda n: n.LazyLinear(3), (_floats(5, 4),), _one, True),
    "LazyConv3d": (lambda n: n.LazyConv3d(2, 2), (VOLUMES,), _one, True),
    "LazyConvTranspose1d": (lambda n: n.LazyConvTranspose1d(2, 3), (LINES,), _one, True),
    "LazyConvTranspose3d": (lambda n: n.LazyConvTranspose3d(1, 2), (VOLUMES,), _one, True),
    **{f"LazyBatchNorm{r}d": (lambda n, r=r: getattr(n, f"LazyBatchNorm{r}d")(), (x,), _one, True)
       for r, x in BY_RANK.items()},
    **{f"LazyInstanceNorm{r}d": (lambda n, r=r: getattr(n, f"LazyInstanceNorm{r}d")(affine=True), (x,), _one, True)
       for r, x in BY_RANK.items()},
    "InstanceNorm2d": (lambda n: n.InstanceNorm2d(4, affine=True), (PLANES,), _one, True),
    "decoder": (lambda n: n.TransformerDecoder(n.TransformerDecoderLayer(8, 2, 12, 0.0), 2, n.LayerNorm(8)),
                (_floats(3, 2, 8), _floats(4, 2, 8)), _one, True),
    "encoder": (lambda n: n.TransformerEncoder(n.TransformerEncoderLayer(8, 2, 12, 0.0), 2, n.LayerNorm(8),
                                               enable_nested_tensor=False), (_floats(4, 2, 8),), _one, True),
    "lists": (lambda n: n.ParameterList([n.Parameter(n.init.ones_(n.Linear(2, 3).weight.detach()))]), (_floats(4, 3),),
              lambda lib, layer, x: x @ layer[0], True),
    "dictionaries": (lambda n: n.ModuleDict({"a": n.Linear(3, 2), "b": n.ModuleList([n.Tanh()])}), (_floats(4, 3),),
                     lambda lib, layer, x: layer["b"][0](layer["a"](x)), True),
    "parameters": (lambda n: n.ParameterDict({"w": n.Linear(2, 3).weight}), (_floats(4, 3),),
                   lambda lib, layer, x: x @ layer["w"], True),
}


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    make, data, call, training = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's about lazy and deprecated layers
        ours, theirs = make(nn), make(torch.nn)
        if type(ours).__name__ != "ParameterList" and type(ours).__name__ != "ParameterDict":
            assert repr(ours) == repr(theirs)
        with torch.no_grad():
            call(torch, theirs.train(training), *map(torch.tensor, data))
        ours.load_state_dict({k: clnet.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
        for mode in (True, False) if training else (False,):
            ours.train(mode)
            theirs.train(mode)
            a = [clnet.tensor(x, requires_grad=True) for x in data]
            b = [torch.tensor(x, requires_grad=True) for x in data]
            ours.zero_grad()
            theirs.zero_grad()
            y, z = call(clnet, ours, *a), call(torch, theirs, *b)
            w = np.random.default_rng(2).normal(size=tuple(z.shape)).astype("float32")
            (y * clnet.tensor(w)).sum().backward()
            (z * torch.tensor(w)).sum().backward()
            np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=2e-5, atol=2e-5)
            pairs = [*zip("xyz", a, b), *((k, p, q) for (k, p), q in zip(ours.named_parameters(), theirs.parameters()))]
            for key, p, q in pairs:
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=2e-4, atol=5e-5, err_msg=key)
    assert type(ours).__name__ == type(theirs).__name__
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].tolist(), value.tolist(), rtol=1e-5, atol=1e-6, err_msg=key)


def test_normalization_across_maps():
    # Of two channels: with more, PyTorch's sums keep the first in every window. Its gradient differs from its output's
    # slope.
    ours, theirs = (lib.nn.CrossMapLRN2d(3, 0.5, 0.75, 2.0) for lib in (clnet, torch))
    assert repr(ours) == repr(theirs)
    x = PLANES[:, :2]
    np.testing.assert_allclose(ours(clnet.tensor(x)).numpy(), theirs(torch.tensor(x)).numpy(), rtol=1e-5)


class _Asked:
    """clnet.nn, and which of its names were asked for."""

    def __init__(self):
        self.names = set()

    def __getattr__(self, name):
        self.names.add(name)
        return getattr(nn, name)


# Compared by tests of their own, or the bases of others.
ELSEWHERE = {"Module", "RNNBase", "RNNCellBase", "DataParallel", "Embedding", "EmbeddingBag", "CTCLoss",
             "AdaptiveLogSoftmaxWithLoss", "CrossMapLRN2d"}


def test_every_layer_and_loss_is_compared():
    asked = _Asked()
    tables = (test_layers.CASES, test_spatial.LAYERS, test_sequences.CASES, CASES)
    for case in (case for table in tables for case in table.values()):
        made = case[0](asked)
        asked.names |= {type(m).__name__ for m in made.modules()}
    losses = {name.split("/")[0] for name in (*test_losses.CASES, *test_layers.LOSSES)}
    assert _modules(clnet) - asked.names - losses - ELSEWHERE == set()


def _modules(lib):
    return {name for name, value in vars(lib.nn).items()
            if isinstance(value, type) and issubclass(value, lib.nn.Module) and not name.startswith("_")}


def test_every_layer_of_pytorch_is_there():
    assert _modules(torch) - _modules(clnet) <= {"Container"}  # deprecated since PyTorch 0.2
