"""Sums at indices and counts give the same bits in every run: work-items meet in a fixed order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import clnet
from clnet.nn import functional as F
from clnet.tensor import interchange

COUNT, PLACES = 20_000, 61


def _data() -> tuple[clnet.Tensor, clnet.Tensor]:
    """Numbers whose sum depends on the order, and places that most of them share."""
    rng = np.random.default_rng(3)
    values = rng.standard_normal(COUNT) * 10.0 ** rng.integers(-4, 5, COUNT)
    return clnet.tensor(values.astype("float32")), clnet.tensor(rng.integers(0, PLACES, COUNT))


def _embedding(values: clnet.Tensor, places: clnet.Tensor) -> clnet.Tensor:
    weight = clnet.zeros(PLACES, 3, requires_grad=True)
    F.embedding(places, weight).backward(values.unsqueeze(1).expand(COUNT, 3).contiguous())
    return weight.grad


def _gather(values: clnet.Tensor, places: clnet.Tensor) -> clnet.Tensor:
    x = clnet.zeros(PLACES, requires_grad=True)
    x.gather(0, places).backward(values)
    return x.grad


def _indexed(values: clnet.Tensor, places: clnet.Tensor) -> clnet.Tensor:
    x = clnet.zeros(PLACES, requires_grad=True)
    x[places].backward(values)
    return x.grad


RUNS: dict[str, Callable[[clnet.Tensor, clnet.Tensor], clnet.Tensor]] = {
    "index_add": lambda v, i: clnet.zeros(PLACES).index_add(0, i, v),
    "scatter_add": lambda v, i: clnet.zeros(PLACES).scatter_add(0, i, v),
    **{f"scatter_reduce {how}": lambda v, i, how=how: clnet.ones(PLACES).scatter_reduce(0, i, v, how)
       for how in ("sum", "mean", "prod", "amax", "amin")},
    "index_reduce": lambda v, i: clnet.ones(PLACES).index_reduce(0, i, v, "mean"),
    "index_put": lambda v, i: clnet.zeros(PLACES).index_put((i,), v, accumulate=True),
    "put": lambda v, i: clnet.zeros(PLACES).put(i, v, accumulate=True),
    "bincount": lambda v, i: clnet.bincount(i, v),
    "histc": lambda v, i: clnet.histc(v, 50, -10, 10),
    "embedding": _embedding,
    "gather": _gather,
    "indexing": _indexed,
}


@pytest.mark.parametrize("name", RUNS)
def test_two_runs_agree_bitwise(name, device):
    with device:
        values, places = _data()
        first, *others = [interchange.bits(RUNS[name](values, places)).copy() for _ in range(4)]
    assert first.any()
    for again in others:
        assert np.array_equal(first.view("uint8"), again.view("uint8"))
