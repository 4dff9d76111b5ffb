"""DataParallel equals one device with the whole batch."""
from __future__ import annotations

import copy

import numpy as np
import pytest

import clnet
from clnet import nn
from clnet.device import Device, current_device, devices
from clnet.nn import functional as F


def _model():
    clnet.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5))


class _GPT(nn.Module):
    def __init__(self):
        super().__init__()
        clnet.manual_seed(0)
        self.words, self.places = nn.Embedding(11, 8), nn.Parameter(clnet.randn(6, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, norm_first=True, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8), enable_nested_tensor=False)

    def forward(self, x, y):
        mask = nn.Transformer.generate_square_subsequent_mask(6, device=x.device)
        scores = self.layers(self.words(x) + self.places, mask, is_causal=True) @ self.words.weight.T
        return F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none").reshape(y.shape)


def _train_gpt(model, steps):
    # With Adam the rounding of gradients that are zero, as of the keys' bias, would decide steps.
    optimizer = clnet.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(steps):
        text = clnet.tensor(np.cumsum(rng.integers(0, 3, (9, 7)), 1) % 11)
        optimizer.zero_grad()
        loss = model(text[:, :-1].contiguous(), text[:, 1:].contiguous()).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _train(model, steps, batch=10):
    optimizer = clnet.optim.AdamW(model.parameters(), lr=1e-2)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(steps):
        x = clnet.tensor(rng.standard_normal((batch, 1, 8, 8)).astype("float32"))
        y = clnet.tensor(rng.integers(0, 5, batch))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _pairs():
    here = current_device()
    found = [("another platform", [here, other]) for other in devices() if other is not here][:1]
    if here.caps.device_type == "cpu" and here.caps.units >= 2:
        found.append(("halves", here.split(2)))
    return found


@pytest.mark.parametrize(("make", "train"), [(_model, _train), (_GPT, _train_gpt)], ids=["network", "gpt"])
@pytest.mark.parametrize("kind", ["another platform", "halves"])
def test_equals_one_device(kind, make, train):
    pair = dict(_pairs()).get(kind)
    if pair is None:
        pytest.skip(f"there is no {kind} here")
    single = make()
    model = copy.deepcopy(single).to(pair[0])
    with pair[0]:
        parallel = train(nn.DataParallel(model, pair, shares=[2, 1]), 50)
    np.testing.assert_allclose(parallel, train(single, 50), rtol=1e-5, atol=1e-5)
    for p, q in zip(model.parameters(), single.parameters()):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=1e-5)


def test_shares_follow_the_speeds():
    pair = next(iter(_pairs()))[1]
    with pair[0]:
        model = nn.DataParallel(_model(), pair)
        assert model.shares == [0.5, 0.5]
        for _ in range(3):
            model(clnet.rand(16, 1, 8, 8))
        assert sum(model.shares) == pytest.approx(1) and model.shares != [0.5, 0.5]
        assert model(clnet.rand(7, 1, 8, 8)).shape == (7, 5)
        assert model(clnet.rand(1, 1, 8, 8)).shape == (1, 5)
        assert set(model.state_dict()) == {f"module.{k}" for k in model.module.state_dict()}


def test_mistakes_are_named():
    pair = next(iter(_pairs()))[1]
    with pair[0]:
        with pytest.raises(ValueError, match="shares"):
            nn.DataParallel(_model(), pair, shares=[1])
        with pytest.raises(RuntimeError, match="device_ids.0."):
            nn.DataParallel(_model(), pair[::-1])
        with pytest.raises(ValueError, match="sizes along dimension 0 differ"):
            nn.DataParallel(nn.Bilinear(2, 2, 2), pair)(clnet.rand(3, 2), clnet.rand(4, 2))
        with pytest.raises(RuntimeError, match=f"replica on {pair[1]} .*failed"):
            nn.DataParallel(_model(), pair)(clnet.rand(4, 2, 8, 8))
    assert isinstance(nn.DataParallel(_model()).devices[0], Device)


@pytest.mark.parametrize("detach", [False, True])
def test_the_parts_of_data_parallelism(detach):
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    x, here = clnet.randn(5, 3), current_device()
    copies = nn.parallel.replicate(net, [here, here], detach)
    parts = nn.parallel.scatter((x, {"again": x, "name": "a"}), [here, here])
    assert [(len(p[0]), len(p[1]["again"]), p[1]["name"]) for p in parts] == [(3, 3, "a"), (2, 2, "a")]
    results = nn.parallel.parallel_apply([copy[0] for copy in copies], [part[0] for part in parts])
    joined = nn.parallel.gather(results, here)
    assert clnet.allclose(joined, net[0](x), atol=1e-6) and joined.requires_grad != detach
    if not detach:
        joined.sum().backward()
        assert clnet.allclose(net[0].weight.grad, x.sum(0).expand(4, 3), atol=1e-5)
    assert list(copies[1].state_dict()) == list(net.state_dict())
    with pytest.raises(AssertionError, match="not equal"):
        nn.parallel.parallel_apply(copies, parts[:1])


class _Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(clnet.tensor([1.0, 2.0])), nn.Parameter(clnet.tensor([3.0, 4.0]))

    def forward(self, x):
        return (x * (self.a + self.b)) ** 2


@pytest.mark.parametrize("shares", [[0, 1], [1, 1]])
def test_gradients_of_gradients_and_in_place(shares):
    here, other = next(iter(_pairs()))[1]
    with here:
        single, model = _Twice(), _Twice()
        parallel = nn.DataParallel(model, [here, other], shares=shares)
        x = clnet.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
        for create in (False, True):
            got = clnet.autograd.grad(parallel(x).sum(), [x, model.a, model.b], create_graph=create)
            expected = clnet.autograd.grad(single(x).sum(), [x, single.a, single.b], create_graph=create)
            assert all(clnet.allclose(g, e) for g, e in zip(got, expected))
        (second,) = clnet.autograd.grad(got[1].sum(), [x])
        assert clnet.allclose(second, clnet.autograd.grad(expected[1].sum(), [x])[0])
        parallel(x).sum().backward()
        model.a.grad.zero_()
        assert clnet.allclose(model.b.grad, expected[2])
