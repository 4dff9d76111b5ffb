"""``assert_close``."""
from __future__ import annotations

import pytest

import clnet
from clnet.testing import assert_close


def test_what_is_close():
    t = clnet.tensor([1.0, 2.0])
    assert_close(t, t + 1e-6)
    assert_close({"a": [t, 1]}, {"a": [t, 1]})
    assert_close(clnet.tensor([float("nan")]), clnet.tensor([float("nan")]), equal_nan=True)
    assert_close(t, t + 0.1, rtol=0, atol=0.2)
    assert_close(clnet.tensor(True), clnet.tensor(True))
    assert_close(1.0, 1.0 + 1e-9)
    assert_close(clnet.zeros(0), clnet.zeros(0))


@pytest.mark.parametrize("a, b, said", [
    ([1.0, 2.0], [1.0, 2.1], "Mismatched elements: 1 / 2"), ([1.0], [1.0, 2.0], "'shape'"), ([1], [1.0], "'dtype'"),
    ([1], [2], "not close"), ([float("nan")], [float("nan")], "not close"), ([True], [False], "not close")])
def test_what_is_not(a, b, said):
    with pytest.raises(AssertionError, match=said):
        assert_close(clnet.tensor(a), clnet.tensor(b))


def test_containers_and_messages():
    with pytest.raises(AssertionError, match="of item 'a' of item 1"):
        assert_close({"a": [1, 2]}, {"a": [1, 3]})
    with pytest.raises(AssertionError, match="length"):
        assert_close([1], [1, 2])
    with pytest.raises(AssertionError, match="^mine: Scalars"):
        assert_close(1, 2, msg=lambda said: f"mine: {said}")
    with pytest.raises(ValueError, match="both"):
        assert_close(1, 1, rtol=1.0)
