"""Losses over classes: faults, ignored targets, empty batches, shapes."""

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F

SCORES = np.random.default_rng(0).standard_normal((4, 5))


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("target", [5, -1, 1 << 40])
def test_a_target_out_of_bounds_is_reported(loss, target):
    with pytest.raises(IndexError, match=f"Target {target} is out of bounds"):
        loss(clnet.tensor(SCORES), clnet.tensor([0, 1, target, 2])).item()


def test_ignored_targets_count_for_nothing():
    x = clnet.tensor(SCORES, requires_grad=True)
    loss = F.cross_entropy(x, clnet.tensor([1, -100, 2, -100]))
    loss.backward()
    same = F.cross_entropy(clnet.tensor(SCORES[::2].copy()), clnet.tensor([1, 2]))
    np.testing.assert_allclose(loss.item(), same.item())
    assert not x.grad.numpy()[1::2].any() and x.grad.numpy()[::2].any()


def test_nothing_left_is_nan():
    assert np.isnan(F.cross_entropy(clnet.tensor(SCORES), clnet.full((4,), -100)).item())
    assert np.isnan(F.cross_entropy(clnet.ones(0, 5), clnet.zeros(0, dtype=clnet.int64)).item())


def test_large_scores_do_not_overflow():
    x = clnet.tensor([[1000.0, 0.0], [0.0, 1000.0]])
    np.testing.assert_array_equal(
        F.cross_entropy(x, clnet.tensor([0, 0]), reduction="none").numpy(), [0, 1000])


def test_half_precision_accumulates_in_single():
    x = np.random.default_rng(1).standard_normal((8, 5000)).astype("float16")
    target = clnet.arange(8)
    got = F.cross_entropy(clnet.tensor(x), target, reduction="none").float().numpy()
    want = F.cross_entropy(clnet.tensor(x.astype("float64")), target, reduction="none").numpy()
    np.testing.assert_allclose(got, want, rtol=2e-3)


@pytest.mark.parametrize(("target", "error"), [
    (np.array([0, 1, 2]), ValueError), (np.zeros((4, 4), "int64"), RuntimeError),
    (np.array([0.0, 1, 2, 3]), RuntimeError), (np.array([0, 1, 2, 3], "int32"), RuntimeError)])
def test_targets_that_do_not_fit(target, error):
    with pytest.raises(error):
        F.cross_entropy(clnet.tensor(SCORES), clnet.tensor(target))


def test_other_arguments_that_do_not_fit():
    target = clnet.tensor([0, 1, 2, 3])
    with pytest.raises(RuntimeError, match="weight tensor"):
        F.cross_entropy(clnet.tensor(SCORES), target, clnet.ones(3))
    with pytest.raises(ValueError, match="reduction"):
        F.cross_entropy(clnet.tensor(SCORES), target, reduction="average")
    with pytest.raises(RuntimeError, match="label_smoothing"):
        F.cross_entropy(clnet.tensor(SCORES), target, label_smoothing=1.5)
    with pytest.raises(ValueError, match="target size"):
        F.binary_cross_entropy(clnet.ones(3), clnet.ones(4))
