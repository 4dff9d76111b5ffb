"""Losses and the layers around them beside PyTorch's: values, gradients, text, errors."""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import clnet
from clnet import nn

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def _floats(*shape):
    return RNG.normal(size=shape).astype("float32")


def _positive(*shape):
    return RNG.uniform(0.1, 0.9, shape).astype("float32")


def _signs(*shape):
    return np.where(RNG.random(shape) < 0.5, -1, 1).astype("float32")


CLASSES = np.array([2, 0, 4, 1, 3])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.1, 3.0], "float32")
# name: (layer, options with arrays for tensors, inputs; the first ones, floats, are differentiated)
CASES = {
    "CrossEntropyLoss": ({"weight": WEIGHT, "label_smoothing": 0.1, "ignore_index": 1}, (_floats(5, 5), CLASSES)),
    "CrossEntropyLoss/probabilities": ({"weight": WEIGHT, "label_smoothing": 0.1}, (_floats(5, 5), _positive(5, 5))),
    "CrossEntropyLoss/images": ({}, (_floats(2, 5, 3, 2), RNG.integers(0, 5, (2, 3, 2)))),
    "NLLLoss": ({"weight": WEIGHT}, (_floats(5, 5), CLASSES)),
    "NLLLoss/images": ({"ignore_index": 2}, (_floats(2, 5, 3, 2), RNG.integers(0, 5, (2, 3, 2)))),
    "MSELoss": ({}, (_floats(3, 4), _floats(3, 4))),
    "L1Loss": ({}, (_floats(3, 4), _floats(3, 4))),
    "SmoothL1Loss": ({"beta": 0.5}, (_floats(3, 4), _floats(3, 4))),
    "HuberLoss": ({"delta": 0.5}, (_floats(3, 4), _floats(3, 4))),
    "BCELoss": ({"weight": WEIGHT}, (_positive(3, 5), _positive(3, 5))),
    "BCEWithLogitsLoss": ({"weight": WEIGHT, "pos_weight": WEIGHT}, (_floats(3, 5), _positive(3, 5))),
    "KLDivLoss": ({}, (_floats(3, 5), _positive(3, 5))),
    "KLDivLoss/logarithms": ({"log_target": True}, (_floats(3, 5), _floats(3, 5))),
    "PoissonNLLLoss": ({"full": True}, (_floats(3, 5), _positive(3, 5) * 4)),
    "PoissonNLLLoss/rates": ({"log_input": False}, (_positive(3, 5), _positive(3, 5))),
    "GaussianNLLLoss": ({"full": True}, (_floats(3, 5), _floats(3, 5), _positive(3, 5))),
    "GaussianNLLLoss/one": ({}, (_floats(3, 5), _floats(3, 5), _positive(3, 1) * 1e-6)),
    "CosineEmbeddingLoss": ({"margin": 0.1}, (_floats(6, 5), _floats(6, 5), _signs(6))),
    "MarginRankingLoss": ({"margin": 0.1}, (_floats(6), _floats(6), _signs(6))),
    "HingeEmbeddingLoss": ({"margin": 0.7}, (_floats(3, 4), _signs(3, 4))),
    "MultiMarginLoss": ({"weight": WEIGHT, "p": 2, "margin": 0.7}, (_floats(5, 5), CLASSES)),
    "MultiLabelMarginLoss": ({}, (_floats(2, 4), np.array([[3, 0, -1, 1], [1, 2, 3, 0]]))),
    "MultiLabelSoftMarginLoss": ({"weight": WEIGHT}, (_floats(3, 5), _positive(3, 5))),
    "SoftMarginLoss": ({}, (_floats(3, 4), _signs(3, 4))),
    "TripletMarginLoss": ({"swap": True, "p": 2.0}, (_floats(4, 3), _floats(4, 3), _floats(4, 3))),
    "TripletMarginWithDistanceLoss": ({"margin": 0.5}, (_floats(4, 3), _floats(4, 3), _floats(4, 3))),
    "CosineSimilarity": ({"dim": 0}, (_floats(4, 3), _floats(4, 3))),
    "PairwiseDistance": ({"p": 3.0, "keepdim": True}, (_floats(4, 3), _floats(4, 3))),
}


def _run(library, name, options, inputs):
    layer = getattr(library.nn, name.split("/")[0])
    made = {k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    tensors = [library.tensor(x) for x in inputs]
    for t in tensors:
        if t.is_floating_point():
            t.requires_grad_()
    if name.split("/")[0] in ("BCELoss", "MultiLabelSoftMarginLoss", "KLDivLoss", "HingeEmbeddingLoss",
                              "SoftMarginLoss", "CosineEmbeddingLoss", "MarginRankingLoss"):
        tensors[-1].requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = layer(**made)(*tensors)
    (y * y).sum().backward()
    return y.detach().numpy(), [t.grad.numpy() for t in tensors if t.requires_grad]


@pytest.mark.parametrize("name", CASES)
def test_loss(name):
    options, inputs = CASES[name]
    if name not in ("CosineSimilarity", "PairwiseDistance"):  # one reduction each, in turn
        options = {**options, "reduction": ("mean", "none", "sum")[list(CASES).index(name) % 3]}
    ours, theirs = (_run(library, name, options, inputs) for library in (clnet, torch))
    assert ours[0].shape == theirs[0].shape
    np.testing.assert_allclose(ours[0], theirs[0], rtol=2e-5, atol=2e-6)
    assert len(ours[1]) == len(theirs[1])
    for a, b in zip(ours[1], theirs[1]):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("reduction", "padded", "zero_infinity"), [
    ("mean", True, False), ("sum", False, True), ("none", True, True)])
def test_ctc(reduction, padded, zero_infinity):
    x, counts, times = _floats(12, 4, 6), [3, 0, 2, 4], [12, 5, 3, 4]
    labels = RNG.integers(1, 6, (4, 4))
    targets = labels if padded else np.concatenate([row[:n] for row, n in zip(labels, counts)])
    results = []
    for library in (clnet, torch):
        scores = library.tensor(x, requires_grad=True)
        layer = library.nn.CTCLoss(reduction=reduction, zero_infinity=zero_infinity)
        y = layer(library.nn.functional.log_softmax(scores, 2), library.tensor(targets),
                  library.tensor(times), library.tensor(counts))
        y.sum().backward()
        results.append((y.detach().numpy(), scores.grad.numpy()))
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


BAGS = {
    "mean": ({}, np.array([[1, 2, 4], [4, 0, 3]]), None),
    "padding": ({"mode": "sum", "padding_idx": 4}, np.array([1, 2, 4, 4, 0]), np.array([0, 2, 4])),
    "frequency": ({"scale_grad_by_freq": True}, np.array([1, 1, 4, 4, 0]), np.array([0, 2, 2])),
    "largest": ({"mode": "max"}, np.array([1, 1, 4, 4, 0]), np.array([0, 3, 3, 5])),
    "last": ({"mode": "sum", "include_last_offset": True}, np.array([1, 2, 4, 3, 0]), np.array([0, 2, 5])),
    "limited": ({"mode": "sum", "max_norm": 0.8}, np.array([1, 2, 4, 4, 1]), np.array([0, 2, 4])),
}


@pytest.mark.parametrize("name", BAGS)
def test_embedding_bag(name):
    options, indices, offsets = BAGS[name]
    table = _floats(5, 3)
    results = []
    for library in (clnet, torch):
        layer = library.nn.EmbeddingBag(5, 3, _weight=library.tensor(table), **options)
        y = layer(library.tensor(indices), None if offsets is None else library.tensor(offsets))
        (y * y).sum().backward()
        results.append((y.detach().numpy(), layer.weight.grad.numpy(), layer.weight.detach().numpy()))
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{"max_norm": 0.8}, {"scale_grad_by_freq": True}, {"padding_idx": 1}])
def test_embedding(options):
    table, indices = _floats(5, 3), np.array([[1, 2], [1, 4]])
    results = []
    for library in (clnet, torch):
        layer = library.nn.Embedding(5, 3, _weight=library.tensor(table), **options)
        y = layer(library.tensor(indices))
        (y * y).sum().backward()
        results.append((y.detach().numpy(), layer.weight.grad.numpy(), layer.weight.detach().numpy()))
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_adaptive_softmax():
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2.0)
    ours = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2.0)
    ours.load_state_dict({k: clnet.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    x, t = _floats(6, 8), np.array([0, 19, 7, 4, 5, 12])
    got, want = ours(clnet.tensor(x), clnet.tensor(t)), theirs(torch.tensor(x), torch.tensor(t))
    np.testing.assert_allclose(got.output.tolist(), want.output.tolist(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(got.loss.tolist(), want.loss.tolist(), rtol=1e-4)
    assert ours.predict(clnet.tensor(x)).tolist() == theirs.predict(torch.tensor(x)).tolist()


ERRORS = {
    "margin": lambda n, f, t: n.TripletMarginLoss(margin=0.0),
    "power": lambda n, f, t: f.multi_margin_loss(t([[1.0, 2.0]]), t([0]), p=3),
    "classes": lambda n, f, t: f.multi_margin_loss(t([[1.0, 2.0]]), t([0, 1])),
    "labels": lambda n, f, t: f.multilabel_margin_loss(t([[1.0, 2.0]]), t([0, 1])),
    "variance": lambda n, f, t: f.gaussian_nll_loss(t([1.0]), t([1.0]), t([-1.0])),
    "variances": lambda n, f, t: f.gaussian_nll_loss(t([[1.0, 2.0]]), t([[1.0, 2.0]]), t([1.0, 1.0, 1.0])),
    "cosine": lambda n, f, t: f.cosine_embedding_loss(t([1.0]), t([1.0]), t([1.0])),
    "ranking": lambda n, f, t: f.margin_ranking_loss(t([1.0]), t([1.0]), t(1.0)),
    "mode": lambda n, f, t: f.embedding_bag(t([[0]]), t([[1.0]]), mode="min"),
    "offsets": lambda n, f, t: f.embedding_bag(t([0]), t([[1.0]]), t([1])),
    "ranks": lambda n, f, t: f.local_response_norm(t([[1.0]]), 2),
    "groups": lambda n, f, t: n.GroupNorm(3, 4),
    "integers": lambda n, f, t: f.cosine_similarity(t([[1]]), t([[1]])),
    "rows": lambda n, f, t: f.pdist(t([1.0])),
    "bilinear": lambda n, f, t: f.bilinear(t([[1.0]]), t([[1.0, 2.0]]), t([[[1.0]]])),
    "times": lambda n, f, t: f.ctc_loss(t([[[0.0, 0.0]]]), t([[1]]), (2,), (1,)),
    "blank": lambda n, f, t: f.ctc_loss(t([[[0.0, 0.0]]]), t([[1]]), (1,), (1,), blank=2),
    "whole numbers": lambda n, f, t: f.mse_loss(t([1]), t([2])),
    "whole logits": lambda n, f, t: f.binary_cross_entropy_with_logits(t([1]), t([1])),
    "one value": lambda n, f, t: f.batch_norm(t([[1.0]]), None, None, training=True),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    with pytest.raises(Exception) as ours:  # noqa: PT011  (the class is compared)
        ERRORS[name](clnet.nn, clnet.nn.functional, clnet.tensor)
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        ERRORS[name](torch.nn, torch.nn.functional, torch.tensor)
    assert ours.type is theirs.type
