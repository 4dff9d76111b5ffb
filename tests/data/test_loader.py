"""DataLoader and the samplers behind it."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.core.events import HUB
from clnet.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)


def _dataset(n=10):
    return TensorDataset(clnet.arange(2 * n).reshape(n, 2), clnet.arange(n))


def _order(loader):
    return [i for _, labels in loader for i in labels.tolist()]


def test_batches_in_order():
    loader = DataLoader(_dataset(), batch_size=4, pin_memory=True)
    batches = list(loader)
    assert len(loader) == 3 == len(batches) and [len(y) for _, y in batches] == [4, 4, 2]
    assert isinstance(batches[0], list) and batches[2][0].tolist() == [[16, 17], [18, 19]]
    assert _order(loader) == list(range(10))
    dropped = DataLoader(_dataset(), batch_size=4, drop_last=True)
    assert len(dropped) == 2 and _order(dropped) == list(range(8))


def test_shuffles_come_from_the_generator():
    generator = clnet.Generator().manual_seed(3)
    loader = DataLoader(_dataset(), batch_size=3, shuffle=True, generator=generator)
    first, second = _order(loader), _order(loader)
    assert sorted(first) == list(range(10)) and first != second
    generator.manual_seed(3)
    assert [_order(loader), _order(loader)] == [first, second]
    clnet.manual_seed(5)
    unseeded = _order(DataLoader(_dataset(), shuffle=True))
    clnet.manual_seed(5)
    assert _order(DataLoader(_dataset(), shuffle=True)) == unseeded
    for x, y in loader:
        assert x[:, 0].tolist() == (y * 2).tolist()


def test_a_batch_of_tensors_is_one_gather_each():
    loader = DataLoader(Subset(_dataset(64), range(1, 64)), batch_size=32)
    list(loader)
    launches = []
    stop = HUB.subscribe(launch=launches.append)
    [x, y] = next(iter(loader))
    stop()
    assert y.tolist() == list(range(1, 33)) and len(launches) <= 2


def test_own_ways_to_index_are_respected():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return super().__getitem__(index)[1] * 2

    class Squares(Dataset):
        def __getitem__(self, i):
            return np.float32(i) ** 2, i

        def __len__(self):
            return 5

    assert next(iter(DataLoader(Doubled(*_dataset().tensors), batch_size=3))).tolist() == [0, 2, 4]
    assert [b[0].tolist() for b in DataLoader(Squares(), batch_size=3)] == [[0, 1, 4], [9, 16]]
    assert [b.tolist() for b in DataLoader(range(4), batch_size=2)] == [[0, 1], [2, 3]]


def test_collate_and_samplers_of_ones_own():
    assert list(DataLoader(range(5), batch_size=2, collate_fn=sum)) == [1, 5, 4]
    assert list(DataLoader("abc", batch_size=None)) == ["a", "b", "c"]
    assert list(DataLoader(range(9), sampler=[5, 1, 3], batch_size=2, collate_fn=list)) == [[5, 1], [3]]
    assert list(DataLoader(range(9), batch_sampler=[[1], [2, 3]], collate_fn=list)) == [[1], [2, 3]]


def test_iterable_datasets():
    class Count(IterableDataset):
        def __iter__(self):
            return iter(range(5))

    assert [b.tolist() for b in DataLoader(Count(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Count(), batch_size=2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Count(), batch_size=None)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Count(), shuffle=True)


def test_samplers():
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    many = list(RandomSampler(range(4), num_samples=10))
    assert len(many) == 10 and sorted(many[:4]) == [0, 1, 2, 3] == sorted(many[4:8])
    drawn = list(RandomSampler(range(4), replacement=True, num_samples=50))
    assert len(drawn) == 50 and set(drawn) == {0, 1, 2, 3}
    assert sorted(SubsetRandomSampler([7, 8, 9])) == [7, 8, 9]
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, True)) == 2 and len(BatchSampler(range(5), 2, False)) == 3


@pytest.mark.parametrize(("options", "error", "text"), [
    ({"num_workers": -1}, ValueError, "num_workers option should be non-negative"),
    ({"shuffle": True, "sampler": [1]}, ValueError, "sampler option is mutually exclusive with shuffle"),
    ({"batch_sampler": [[1]], "batch_size": 3}, ValueError, "batch_sampler option is mutually exclusive"),
    ({"batch_size": None, "drop_last": True}, ValueError, "mutually exclusive with drop_last"),
    ({"batch_size": 0}, ValueError, "batch_size should be a positive integer"),
    ({"timeout": -1}, ValueError, "timeout option should be non-negative"),
    ({"prefetch_factor": 2}, ValueError, "prefetch_factor"),
])
def test_mistakes_are_named(options, error, text):
    with pytest.raises(error) as caught:
        DataLoader(range(3), **options)
    assert text in str(caught.value)


def test_weights_and_stacks():
    clnet.manual_seed(1)
    drawn = list(WeightedRandomSampler([0.0, 1.0, 3.0], 400))
    assert len(drawn) == 400 and set(drawn) == {1, 2} and 250 < drawn.count(2) < 350
    assert sorted(WeightedRandomSampler([1.0, 1.0, 1.0], 3, replacement=False)) == [0, 1, 2]
    with pytest.raises(ValueError, match="num_samples"):
        WeightedRandomSampler([1.0], 0)
    assert StackDataset([1, 2], "ab")[1] == (2, "b") and StackDataset(x=[1, 2], y="ab")[0] == {"x": 1, "y": "a"}
    with pytest.raises(ValueError, match="Size mismatch"):
        StackDataset([1], [1, 2])
