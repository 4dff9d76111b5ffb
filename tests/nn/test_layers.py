"""Layers compute what they say, and refuse what they can't."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet import nn


def _array(t):
    return np.array(t.tolist())


def test_linear():
    layer = nn.Linear(3, 2)
    x = np.arange(6.0).reshape(2, 3)
    expected = x @ _array(layer.weight).T + _array(layer.bias)
    np.testing.assert_allclose(layer(clnet.tensor(x, dtype=clnet.float32)).tolist(), expected, rtol=1e-5)
    assert list(nn.Linear(3, 2, bias=False).state_dict()) == ["weight"]


def test_convolution_text_and_shape():
    layer = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, bias=False)
    assert repr(layer) == ("Conv2d(2, 4, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), groups=2, "
                           "bias=False)")
    assert layer(clnet.ones(1, 2, 5, 5)).shape == (1, 4, 3, 3) and layer.weight.shape == (4, 1, 3, 3)


def test_transposed_convolution_sizes():
    layer = nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1)
    assert repr(layer) == "ConvTranspose2d(2, 4, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))"
    x = clnet.ones(1, 2, 5, 5)
    assert layer(x).shape == (1, 4, 9, 9) and layer.weight.shape == (2, 4, 3, 3)
    assert layer(x, output_size=(10, 9)).shape == (1, 4, 10, 9)
    with pytest.raises(ValueError, match=r"valid sizes range from \[9, 9\] to \[10, 10\]"):
        layer(x, output_size=(11, 9))


@pytest.mark.parametrize(("make", "error", "text"), [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible by groups"),
    (lambda: nn.Conv2d(2, 3, 3, groups=2), ValueError, "out_channels must be divisible by groups"),
    (lambda: nn.Conv2d(2, 2, 3, padding="all"), ValueError, "Invalid padding string"),
    (lambda: nn.Conv2d(2, 2, 3, 2, padding="same"), ValueError, "not supported for strided"),
    (lambda: nn.Dropout(1.5), ValueError, "dropout probability has to be between 0 and 1"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), AssertionError, "Padding_idx must be within"),
    (lambda: nn.Unflatten(1, 2), TypeError, "unflattened_size must be a tuple of ints"),
    (lambda: nn.BatchNorm2d(3)(clnet.ones(2, 3)), ValueError, "expected 4D input (got 2D input)"),
    (lambda: nn.BatchNorm1d(3)(clnet.ones(3)), ValueError, "expected 2D or 3D input (got 1D input)"),
    (lambda: nn.Linear(3, 2).register_backward_hook(print), NotImplementedError, "register_full_backward"),
])
def test_mistakes_are_named(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert text in caught.value.args[0]


def test_batch_norm_tracks_statistics():
    layer = nn.BatchNorm1d(2, momentum=0.5)
    x = np.array([[1.0, 2.0], [3.0, 6.0]])
    y = layer(clnet.tensor(x, dtype=clnet.float32))
    np.testing.assert_allclose(y.tolist(), (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), rtol=1e-4)
    np.testing.assert_allclose(layer.running_mean.tolist(), [1.0, 2.0], rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.tolist(), 0.5 + 0.5 * x.var(0, ddof=1), rtol=1e-6)
    assert layer.num_batches_tracked.item() == 1
    layer.eval()
    expected = (x - [1, 2]) / np.sqrt(_array(layer.running_var) + 1e-5)
    np.testing.assert_allclose(layer(clnet.tensor(x, dtype=clnet.float32)).tolist(), expected, rtol=1e-5)
    layer.reset_running_stats()
    assert layer.running_var.tolist() == [1, 1] and layer.num_batches_tracked.item() == 0


def test_batch_norm_loads_states_without_a_count():
    layer = nn.BatchNorm1d(2)
    state = layer.state_dict()
    del state["num_batches_tracked"]
    state._metadata[""]["version"] = 1
    layer.load_state_dict(state)
    state._metadata[""]["version"] = 2
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        layer.load_state_dict(state)


def test_dropout():
    clnet.manual_seed(0)
    layer = nn.Dropout(0.25)
    y = _array(layer(clnet.ones(20000)))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs((y > 0).mean() - 0.75) < 0.02
    x = clnet.ones(3)
    assert layer.eval()(x).tolist() == [1, 1, 1] and repr(layer) == "Dropout(p=0.25, inplace=False)"
    channels = _array(nn.Dropout2d(0.5)(clnet.ones(8, 16, 3, 3)))
    assert all(len(np.unique(c)) == 1 for c in channels.reshape(-1, 9))


def test_losses_reduce():
    a, b = clnet.tensor([1.0, 2.0]), clnet.tensor([3.0, 5.0])
    assert nn.MSELoss()(a, b).item() == 6.5 and nn.MSELoss(reduction="sum")(a, b).item() == 13
    assert nn.L1Loss(reduction="none")(a, b).tolist() == [2, 3]
    assert nn.L1Loss(size_average=False).reduction == "sum" and nn.L1Loss(reduce=False).reduction == "none"
    scores = clnet.tensor([[2.0, 0.0], [0.0, 1.0]])
    expected = (np.log(1 + np.exp(-2)) + np.log(1 + np.exp(1))) / 2
    assert nn.CrossEntropyLoss()(scores, clnet.tensor([0, 0])).item() == pytest.approx(expected, rel=1e-5)


def test_a_network_learns():
    clnet.manual_seed(1)
    x = clnet.randn(64, 2)
    y = (x[:, 0] * x[:, 1] > 0).to(clnet.int64)
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = clnet.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(100):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (net(x).argmax(1) == y).to(clnet.float32).mean().item() > 0.9


def test_rrelu_and_hardtanh():
    x = clnet.tensor([-4.0, 2.0])
    layer = nn.RReLU(0.25, 0.5)
    assert -2 <= layer(x)[0].item() <= -1 and layer.eval()(x).tolist() == [-1.5, 2.0]
    assert repr(layer) == "RReLU(lower=0.25, upper=0.5)"
    with pytest.warns(FutureWarning, match="min_value"):
        assert nn.Hardtanh(min_value=-2.0)(x).tolist() == [-2.0, 1.0]


def test_to_empty_and_compile():
    layer = nn.Linear(2, 3)
    with pytest.warns(UserWarning, match="changes nothing"):
        layer.compile()
    assert layer.to_empty(device=layer.weight.device).weight.shape == (3, 2)
