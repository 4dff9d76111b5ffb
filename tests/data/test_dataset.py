"""Datasets and random splits."""
from __future__ import annotations

import pytest

import clnet
from clnet.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    DistributedSampler,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)


def test_tensor_dataset():
    x, y = clnet.arange(6).reshape(3, 2), clnet.arange(3)
    dataset = TensorDataset(x, y)
    assert len(dataset) == 3 and [t.tolist() for t in dataset[1]] == [[2, 3], 1]
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(x, clnet.arange(4))


def test_subset_and_concat():
    data = list("abcdef")
    subset = Subset(data, [5, 0, 2])
    assert len(subset) == 3 and subset[0] == "f"
    both = ConcatDataset([subset, data])
    assert len(both) == 9 and [both[i] for i in (0, 2, 3, -1)] == ["f", "c", "a", "f"]
    with pytest.raises(ValueError, match="exceed dataset length"):
        both[-10]
    with pytest.raises(AssertionError, match="empty"):
        ConcatDataset([])

    class Letters(Dataset):
        def __getitem__(self, i):
            return data[i]

        def __len__(self):
            return 6

    assert len(Letters() + Letters()) == 12
    with pytest.raises(NotImplementedError):
        Dataset()[0]


def test_chain():
    class Count(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    assert list(ChainDataset([Count(), Count()])) == [0, 1, 2, 0, 1, 2] == list(Count() + Count())


def test_random_split():
    parts = random_split(range(10), [7, 3], clnet.Generator().manual_seed(1))
    assert [len(p) for p in parts] == [7, 3]
    assert sorted(i for p in parts for i in p) == list(range(10))
    again = random_split(range(10), [0.75, 0.25], clnet.Generator().manual_seed(1))
    assert [len(p) for p in again] == [8, 2]
    assert list(again[0])[:7] == list(parts[0])
    assert list(random_split(range(10), [7, 3], clnet.Generator().manual_seed(2))[0]) != list(parts[0])
    with pytest.raises(ValueError, match="does not equal the length"):
        random_split(range(10), [7, 4])
    with pytest.raises(ValueError, match="Fraction at index 0"):
        random_split(range(10), [-0.5, 1.5])


def test_distributed_sampler_shares_the_indices_out():
    parts = [list(DistributedSampler(range(10), 4, rank, shuffle=False)) for rank in range(4)]
    assert parts == [[0, 4, 8], [1, 5, 9], [2, 6, 0], [3, 7, 1]]
    assert [len(DistributedSampler(range(10), 4, r, drop_last=True)) for r in range(4)] == [2] * 4
    sampler = DistributedSampler(range(10), 2, 0, seed=1)
    first = list(sampler)
    sampler.set_epoch(1)
    assert first != list(sampler) and len(first) == len(sampler) == 5
    with pytest.raises(ValueError, match="Invalid rank"):
        DistributedSampler(range(3), 2, 2)
    with pytest.raises(RuntimeError, match="num_replicas"):
        DistributedSampler(range(3))
