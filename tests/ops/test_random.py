"""Random numbers: the words of Philox, distributions, state, dropout."""

import numpy as np
import pytest

import clnet
from clnet.core.generator import Generator
from clnet.kernels.random import philox, words
from clnet.nn import functional as F

COUNTS = (1, 5, 63, 64, 65, 1000, 5000)


def values(t):
    return t.detach().numpy()


@pytest.fixture(autouse=True)
def _seeded():
    clnet.manual_seed(1234)


def last_words(count, bits):
    """The words of the latest call."""
    seed, call = clnet.default_generator.snapshot()
    return words(seed, call - 1, count, bits)


def test_philox_known_answers():
    # From the known-answer file of Random123, philox4x32-10.
    assert [f"{w:08x}" for w in philox(0, 0, 1)[0]] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


@pytest.mark.parametrize("count", COUNTS)
def test_uniform_numbers_are_the_words(count):
    got = values(clnet.rand(count))
    np.testing.assert_array_equal(got, (last_words(count, 32) >> 8).astype("float32") * np.float32(2 ** -24))


@pytest.mark.parametrize("count", COUNTS)
def test_integers_are_the_words(count):
    got = values(clnet.randint(-5, 100, (count,)))
    scaled = (last_words(count, 32).astype("uint64") * np.uint64(105)) >> np.uint64(32)
    np.testing.assert_array_equal(got, scaled.astype("int64") - 5)


@pytest.mark.parametrize("count", COUNTS)
def test_normal_numbers_are_within_four_ulp(count):
    got = values(clnet.randn(count))
    drawn = last_words(-(-count // 64) * 64, 32).reshape(-1, 4, 16)
    radius = np.sqrt(-2 * np.log(((drawn[:, 0::2] >> 8).astype("float64") + 1) * 2.0 ** -24))
    angle = (drawn[:, 1::2] >> 8) * (2.0 ** -23 * np.pi)
    want = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2).reshape(-1)[:count]
    assert np.all(np.abs(got - want) <= 4 * np.spacing(np.abs(want.astype("float32"))) + 1e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_moments_and_range(dtype):
    kind = getattr(clnet, dtype)
    u = values(clnet.rand(20000, dtype=kind).float())
    assert 0 <= u.min() and u.max() < 1
    assert abs(u.mean() - 0.5) < 0.01 and abs(u.std() - 12 ** -0.5) < 0.01
    z = values(clnet.randn(20000, dtype=kind).float())
    assert abs(z.mean()) < 0.03 and abs(z.std() - 1) < 0.03


def test_in_place_draws_fill_strided_tensors():
    x = clnet.empty(300, 50).t()
    assert abs(values(x.uniform_(2, 3)).mean() - 2.5) < 0.02
    assert abs(values(x.exponential_(2.0)).mean() - 0.5) < 0.02
    assert abs(values(x.bernoulli_(0.3)).mean() - 0.3) < 0.02
    assert abs(values(x.geometric_(0.25)).mean() - 4) < 0.2
    assert set(np.unique(values(x.random_(5, 8)))) == {5, 6, 7}
    z = values(x.normal_(1, 2))
    assert abs(z.mean() - 1) < 0.06 and abs(z.std() - 2) < 0.06


def test_the_same_seed_gives_the_same_numbers():
    clnet.manual_seed(7)
    first = values(clnet.rand(4)), values(clnet.randn(4)), values(clnet.randperm(9))
    clnet.manual_seed(7)
    for a, b in zip(first, (clnet.rand(4), clnet.randn(4), clnet.randperm(9))):
        np.testing.assert_array_equal(a, values(b))


def test_a_permutation_holds_every_number_once():
    np.testing.assert_array_equal(np.sort(values(clnet.randperm(1000))), np.arange(1000))


def test_state_can_be_kept_and_restored():
    state = clnet.get_rng_state()
    assert state.dtype is clnet.uint8
    first = values(clnet.rand(4))
    clnet.set_rng_state(state)
    with clnet.random.fork_rng():
        np.testing.assert_array_equal(first, values(clnet.rand(4)))
    np.testing.assert_array_equal(first, values(clnet.rand(4)))
    with pytest.raises(TypeError):
        clnet.set_rng_state(clnet.zeros(16))
    with pytest.raises(RuntimeError):
        clnet.set_rng_state(clnet.zeros(3, dtype=clnet.uint8))


def test_generators_are_independent():
    a, b = Generator().manual_seed(3), Generator().manual_seed(3)
    values(clnet.rand(5))
    np.testing.assert_array_equal(values(clnet.rand(5, generator=a)), values(clnet.rand(5, generator=b)))
    assert a.get_offset() == 1


def test_another_call_plans_nothing_new():
    device = clnet.rand(77).device
    before = len(device.plans)
    clnet.rand(77)
    assert len(device.plans) == before


def test_bernoulli_checks_probabilities():
    with pytest.raises(RuntimeError, match="p_in"):
        values(clnet.bernoulli(clnet.tensor([0.5, 1.5])))
    with pytest.raises(RuntimeError):
        clnet.empty(3).bernoulli_(-0.1)


def test_multinomial_frequencies_and_errors():
    weights = clnet.tensor([1.0, 0.0, 3.0, 0.0, 6.0])
    share = np.bincount(values(clnet.multinomial(weights, 20000, True)), minlength=5) / 20000
    np.testing.assert_allclose(share, [0.1, 0, 0.3, 0, 0.6], atol=0.02)
    assert set(values(clnet.multinomial(weights, 3))) == {0, 2, 4}
    for bad in ([1.0, -1.0], [0.0, 0.0], [1.0, np.nan]):
        with pytest.raises(RuntimeError):
            values(clnet.multinomial(clnet.tensor(bad), 1))
    with pytest.raises(RuntimeError, match="without replacement"):
        clnet.multinomial(weights, 6)


def test_dropout_scales_what_it_keeps_and_differentiates():
    x = clnet.randn(100, 50, requires_grad=True)
    y = F.dropout(x, 0.25)
    kept = values(y) != 0
    assert abs(kept.mean() - 0.75) < 0.03
    np.testing.assert_allclose(values(y)[kept], values(x)[kept] / 0.75, rtol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(values(x.grad), kept / 0.75, rtol=1e-6)


def test_dropout_limits():
    x = clnet.ones(5)
    assert F.dropout(x, 0.5, False) is x and F.dropout(x, 0.0) is x
    assert not values(F.dropout(x, 1.0)).any()
    with pytest.raises(ValueError):
        F.dropout(x, 1.1)


def test_feature_dropout_zeroes_whole_channels():
    y = values(F.dropout2d(clnet.ones(8, 16, 4, 4), 0.5)).reshape(128, 16)
    assert (y == y[:, :1]).all() and 0.2 < (y == 0).mean() < 0.8


def test_a_draw_in_place_ends_the_gradient():
    x = clnet.ones(3, requires_grad=True)
    y = x * 2
    y.uniform_()
    ((y * y).sum() + x.sum()).backward()
    np.testing.assert_array_equal(values(x.grad), [1, 1, 1])


def test_bad_arguments():
    with pytest.raises(RuntimeError):
        clnet.randint(3, 3, (2,))
    with pytest.raises(RuntimeError):
        clnet.empty(3).uniform_(2, 1)
    with pytest.raises(RuntimeError):
        clnet.empty(3).normal_(0, -1)
    with pytest.raises(NotImplementedError):
        clnet.rand(2, dtype=clnet.int64)


def test_draws_without_replacement_are_distinct_and_in_proportion():
    weights = clnet.tensor([[1.0, 2.0, 3.0, 4.0]]).expand(4000, 4)
    chosen = values(clnet.multinomial(weights, 2))
    assert (chosen[:, 0] != chosen[:, 1]).all()
    np.testing.assert_allclose(np.bincount(chosen[:, 0], minlength=4) / 4000, [0.1, 0.2, 0.3, 0.4], atol=0.04)
    with pytest.raises(RuntimeError, match="sum of probabilities"):
        clnet.multinomial(clnet.zeros(3), 2)


def test_a_permutation_is_the_same_on_the_host():
    clnet.manual_seed(5)
    here = values(clnet.randperm(100))
    clnet.manual_seed(5)
    np.testing.assert_array_equal(values(clnet.randperm(100, device="host")), here)
