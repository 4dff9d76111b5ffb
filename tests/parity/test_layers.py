"""Layers beside PyTorch's, with its weights: text, outputs, gradients, state."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet import nn

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def _floats(*shape):
    return RNG.normal(size=shape).astype("float32")


CASES = {
    "Linear": (lambda n: n.Linear(3, 4), _floats(5, 3)),
    "Linear3d": (lambda n: n.Linear(3, 4, bias=False), _floats(2, 5, 3)),
    "Conv1d": (lambda n: n.Conv1d(2, 4, 3, padding=1, groups=2), _floats(2, 2, 7)),
    "Conv2d": (lambda n: n.Conv2d(2, 4, 3, stride=2, padding=(1, 0), dilation=(1, 2), bias=False),
               _floats(2, 2, 7, 9)),
    "Conv2dSame": (lambda n: n.Conv2d(2, 4, (3, 5), padding="same"), _floats(2, 2, 5, 6)),
    "Conv3d": (lambda n: n.Conv3d(1, 2, (1, 2, 3)), _floats(1, 1, 3, 4, 5)),
    "ConvTranspose1d": (lambda n: n.ConvTranspose1d(4, 2, 3, groups=2), _floats(2, 4, 5)),
    "ConvTranspose2d": (lambda n: n.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=(1, 0)),
                        _floats(2, 2, 4, 5)),
    "ConvTranspose3d": (lambda n: n.ConvTranspose3d(1, 2, 2, stride=2, bias=False), _floats(1, 1, 2, 3, 2)),
    "MaxPool1d": (lambda n: n.MaxPool1d(2), _floats(2, 3, 7)),
    "MaxPool2d": (lambda n: n.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), _floats(2, 2, 7, 8)),
    "MaxPool3d": (lambda n: n.MaxPool3d(2), _floats(1, 2, 4, 4, 5)),
    "AvgPool1d": (lambda n: n.AvgPool1d(2), _floats(2, 3, 7)),
    "AvgPool2d": (lambda n: n.AvgPool2d(3, 2, 1, count_include_pad=False), _floats(2, 2, 7, 8)),
    "AvgPool3d": (lambda n: n.AvgPool3d(2), _floats(1, 2, 4, 4, 5)),
    "AdaptiveAvgPool1d": (lambda n: n.AdaptiveAvgPool1d(3), _floats(2, 3, 7)),
    "AdaptiveAvgPool2d": (lambda n: n.AdaptiveAvgPool2d((2, None)), _floats(2, 3, 5, 7)),
    "AdaptiveAvgPool3d": (lambda n: n.AdaptiveAvgPool3d(2), _floats(1, 2, 3, 4, 5)),
    "AdaptiveMaxPool1d": (lambda n: n.AdaptiveMaxPool1d(2), _floats(1, 2, 5)),
    "AdaptiveMaxPool2d": (lambda n: n.AdaptiveMaxPool2d(2), _floats(1, 2, 5, 4)),
    "BatchNorm1d": (lambda n: n.BatchNorm1d(3), _floats(6, 3)),
    "BatchNorm1dSequence": (lambda n: n.BatchNorm1d(3, affine=False), _floats(4, 3, 5)),
    "BatchNorm2d": (lambda n: n.BatchNorm2d(3, eps=1e-3, momentum=0.3), _floats(4, 3, 5, 2)),
    "BatchNorm2dAverage": (lambda n: n.BatchNorm2d(3, momentum=None), _floats(4, 3, 5, 2)),
    "BatchNorm2dStateless": (lambda n: n.BatchNorm2d(3, track_running_stats=False), _floats(4, 3, 5, 2)),
    "BatchNorm2dNoBias": (lambda n: n.BatchNorm2d(3, bias=False), _floats(4, 3, 5, 2)),
    "BatchNorm3d": (lambda n: n.BatchNorm3d(2), _floats(2, 2, 3, 2, 2)),
    "LayerNorm": (lambda n: n.LayerNorm((3, 4)), _floats(5, 3, 4)),
    "LayerNormNoBias": (lambda n: n.LayerNorm(4, bias=False), _floats(5, 4)),
    "GroupNorm": (lambda n: n.GroupNorm(2, 4), _floats(3, 4, 5)),
    "GroupNormNoBias": (lambda n: n.GroupNorm(2, 4, bias=False), _floats(3, 4, 2, 2)),
    "InstanceNorm1d": (lambda n: n.InstanceNorm1d(3), _floats(2, 3, 5)),
    "InstanceNorm2dRunning": (lambda n: n.InstanceNorm2d(3, affine=True, track_running_stats=True),
                              _floats(2, 3, 4, 2)),
    "InstanceNorm3dUnbatched": (lambda n: n.InstanceNorm3d(3, affine=True), _floats(3, 2, 2, 4)),
    "RMSNorm": (lambda n: n.RMSNorm((3, 4)), _floats(5, 3, 4)),
    "LocalResponseNorm": (lambda n: n.LocalResponseNorm(3, alpha=0.5), _floats(2, 5, 4)),
    "LocalResponseNormEven": (lambda n: n.LocalResponseNorm(4, alpha=0.5, k=2.0), _floats(2, 5, 2, 2)),
    "Flatten": (lambda n: n.Flatten(), _floats(2, 3, 4)),
    "Unflatten": (lambda n: n.Unflatten(1, (2, 3)), _floats(2, 6)),
    "Identity": (lambda n: n.Identity(7), _floats(2, 6)),
    "PReLU": (lambda n: n.PReLU(3), _floats(2, 3, 4)),
    "Softmax": (lambda n: n.Softmax(dim=1), _floats(2, 3, 4)),
    "Softmax2d": (lambda n: n.Softmax2d(), _floats(2, 3, 4, 5)),
    "Softmin": (lambda n: n.Softmin(dim=-1), _floats(2, 3, 4)),
    "LogSoftmax": (lambda n: n.LogSoftmax(dim=-1), _floats(2, 3)),
    "GELUTanh": (lambda n: n.GELU("tanh"), _floats(2, 3)),
    "LeakyReLU": (lambda n: n.LeakyReLU(0.2), _floats(2, 3)),
    "Threshold": (lambda n: n.Threshold(0.1, 0.5), _floats(2, 3)),
    "GLU": (lambda n: n.GLU(1), _floats(2, 4)),
    "Sequential": (lambda n: n.Sequential(n.Conv2d(1, 2, 3), n.BatchNorm2d(2), n.ReLU(), n.Flatten(),
                                          n.Linear(18, 3)), _floats(4, 1, 5, 5)),
    **{name: (lambda n, name=name: getattr(n, name)(), _floats(3, 4)) for name in (
        "ReLU", "ReLU6", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Sigmoid", "Tanh", "LogSigmoid",
        "Softplus", "Softsign", "Tanhshrink", "Hardtanh", "Hardsigmoid", "Hardswish", "Hardshrink",
        "Softshrink")},
}


def _copy_state(source, target):
    state = {k: clnet.tensor(v.numpy()) for k, v in source.state_dict().items()}
    assert list(target.state_dict()) == list(state)
    target.load_state_dict(state)


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    make, data = CASES[name]
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    _copy_state(theirs, ours)
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        a, b = clnet.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        ours.zero_grad()
        theirs.zero_grad()
        y, z = ours(a), theirs(b)
        weights = RNG.normal(size=tuple(z.shape)).astype("float32")
        (y * clnet.tensor(weights)).sum().backward()
        (z * torch.tensor(weights)).sum().backward()
        np.testing.assert_allclose(y.tolist(), z.tolist(), rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(a.grad.tolist(), b.grad.tolist(), rtol=2e-4, atol=2e-5)
        for (key, p), q in zip(ours.named_parameters(), theirs.parameters()):
            np.testing.assert_allclose(p.grad.tolist(), q.grad.tolist(), rtol=2e-4, atol=5e-5, err_msg=key)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].tolist(), value.tolist(), rtol=1e-5, atol=1e-6)


def test_embedding():
    ours, theirs = nn.Embedding(5, 3, padding_idx=1), torch.nn.Embedding(5, 3, padding_idx=1)
    assert repr(ours) == repr(theirs)
    assert ours.weight[1].tolist() == [0, 0, 0]
    _copy_state(theirs, ours)
    rows = [[0, 1], [4, 0]]
    (ours(clnet.tensor(rows)) ** 2).sum().backward()
    (theirs(torch.tensor(rows)) ** 2).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.tolist(), theirs.weight.grad.tolist(), rtol=1e-6)


PROBABILITIES = 1 / (1 + np.exp(-_floats(4, 3)))
CLASSES = np.array([0, 2, 1, 2])
LOSSES = {
    "CrossEntropyLoss": ({}, _floats(4, 3), CLASSES),
    "CrossEntropySmooth": ({"label_smoothing": 0.1, "ignore_index": 2}, _floats(4, 3), CLASSES),
    "CrossEntropyProbabilities": ({}, _floats(4, 3), PROBABILITIES),
    "NLLLoss": ({"reduction": "sum"}, _floats(4, 3), CLASSES),
    "MSELoss": ({}, _floats(4, 3), _floats(4, 3)),
    "L1Loss": ({"reduction": "none"}, _floats(4, 3), _floats(4, 3)),
    "BCELoss": ({}, PROBABILITIES, 1 - PROBABILITIES),
    "BCEWithLogitsLoss": ({}, _floats(4, 3), PROBABILITIES),
    "SmoothL1Loss": ({"beta": 0.5}, _floats(4, 3), _floats(4, 3)),
    "HuberLoss": ({"delta": 0.7}, _floats(4, 3), _floats(4, 3)),
    "KLDivLoss": ({"reduction": "batchmean"}, _floats(4, 3), PROBABILITIES),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name):
    options, data, target = LOSSES[name]
    cls = "CrossEntropyLoss" if name.startswith("CrossEntropy") else name
    ours, theirs = getattr(nn, cls)(**options), getattr(torch.nn, cls)(**options)
    assert repr(ours) == repr(theirs)
    a, b = clnet.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, z = ours(a, clnet.tensor(target)), theirs(b, torch.tensor(target))
    np.testing.assert_allclose(y.tolist(), z.tolist(), rtol=1e-5, atol=1e-6)
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(a.grad.tolist(), b.grad.tolist(), rtol=1e-5, atol=1e-6)


def test_weighted_losses():
    weight = np.array([0.2, 1.0, 3.0], "float32")
    data = _floats(4, 3)
    for cls, target in (("CrossEntropyLoss", CLASSES), ("NLLLoss", CLASSES),
                        ("BCEWithLogitsLoss", PROBABILITIES)):
        ours = getattr(nn, cls)(weight=clnet.tensor(weight))
        theirs = getattr(torch.nn, cls)(weight=torch.tensor(weight))
        assert list(ours.state_dict()) == list(theirs.state_dict())
        got = ours(clnet.tensor(data), clnet.tensor(target))
        expected = theirs(torch.tensor(data), torch.tensor(target))
        np.testing.assert_allclose(float(got), float(expected), rtol=1e-5)
