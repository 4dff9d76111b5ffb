"""The gradient of CTC after log_softmax, where PyTorch's convention for it does not matter."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F

double = pytest.mark.skipif(not clnet.current_device().caps.fp64, reason="the device computes no float64")


@double
def test_gradient_equals_differences():
    x = np.random.default_rng(0).normal(size=(6, 2, 4))
    targets = clnet.tensor([[1, 1], [3, 2]])

    def loss(scores):
        return F.ctc_loss(F.log_softmax(scores, 2), targets, (6, 4), (2, 2), reduction="sum")

    scores = clnet.tensor(x, requires_grad=True)
    loss(scores).backward()
    for place in ((0, 0, 1), (2, 1, 3), (3, 0, 0), (5, 1, 2)):
        step = np.zeros_like(x)
        step[place] = 1e-5
        slope = (float(loss(clnet.tensor(x + step))) - float(loss(clnet.tensor(x - step)))) / 2e-5
        assert float(scores.grad[place]) == pytest.approx(slope, abs=1e-7)


def test_labels_outside_the_classes_are_named():
    y = F.ctc_loss(clnet.zeros(3, 1, 4), clnet.tensor([[7]]), (3,), (1,))
    with pytest.raises(IndexError, match="ctc_loss"):
        y.item()


def test_it_has_no_second_derivative():
    x = clnet.zeros(3, 1, 4, requires_grad=True)
    [g] = clnet.autograd.grad(F.ctc_loss(x, clnet.tensor([[1]]), (3,), (1,)), x, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        g.sum().backward()
