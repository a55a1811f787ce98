"""torch.utils.data with PyTorch's meaning: order, batches, how items become a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError
from grad_engine.utils import data
from grad_engine.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)
from tests.support import normal


class Squares(Dataset):
    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: Any) -> Any:
        return {"x": ge.tensor([float(index)]), "y": index**2, "name": str(index), "pair": (index, 0.5 * index)}


def test_batches_are_in_order_and_the_last_may_be_short() -> None:
    x, y = normal(7, 2), np.arange(7)
    loader = DataLoader(TensorDataset(x, y), batch_size=3)
    batches = list(loader)
    assert len(loader) == 3 and [b.tolist() for _, b in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    np.testing.assert_array_equal(batches[1][0].data, x[3:6])
    assert len(DataLoader(TensorDataset(x, y), 3, drop_last=True)) == 2
    assert [tuple(b.shape) for b, _ in DataLoader(TensorDataset(x, y))] == [(1, 2)] * 7


def test_items_become_a_batch_part_by_part() -> None:
    (batch, *_) = DataLoader(Squares(), batch_size=3)
    assert batch["x"].shape == (3, 1) and batch["y"].tolist() == [0, 1, 4] and batch["name"] == ["0", "1", "2"]
    assert batch["pair"][0].dtype == np.int64 and batch["pair"][1].tolist() == [0, 0.5, 1]
    (own, *_) = DataLoader(Squares(), batch_size=2, collate_fn=lambda items: [item["name"] for item in items])
    assert own == ["0", "1"]


def test_shuffled_batches_hold_every_item_once_and_follow_the_seed() -> None:
    def order() -> list[int]:
        ge.manual_seed(3)
        loader = DataLoader(TensorDataset(np.arange(20)), 4, shuffle=True)
        return [n for _ in range(2) for (batch,) in loader for n in batch.tolist()]

    first = order()
    assert first == order() and sorted(first[:20]) == sorted(first[20:]) == list(range(20)) and first[:20] != first[20:]


def test_samplers_and_splits() -> None:
    ge.manual_seed(0)
    rows = TensorDataset(np.arange(10))
    parts = random_split(rows, [0.7, 0.3])
    assert [len(part) for part in parts] == [7, 3]
    assert sorted(int(part[k][0]) for part in parts for k in range(len(part))) == list(range(10))
    both = ConcatDataset(parts)
    assert len(both) == 10 and int(both[7][0]) == int(parts[1][0][0])
    assert sorted(SubsetRandomSampler([2, 5, 9])) == [2, 5, 9]
    assert {*WeightedRandomSampler([0, 1, 0], 5)} == {1}
    assert len([*RandomSampler(rows, num_samples=13)]) == 13
    with pytest.raises(ge.ArgumentError, match="lengths whose sum is 10"):
        random_split(rows, [3, 3])


def test_what_has_no_meaning_here_is_said() -> None:
    rows = TensorDataset(np.arange(4))
    with pytest.warns(ge.SpellingWarning, match="write num_workers=0"):
        assert len(list(DataLoader(rows, 2, num_workers=2))) == 2
    with pytest.raises(ge.ArgumentError, match="or a sampler, got both"):
        DataLoader(rows, shuffle=True, sampler=[0])
    with pytest.raises(ge.ArgumentError, match="batch_size is a whole number"):
        DataLoader(rows, batch_size=0)


class Countdown(data.IterableDataset):
    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Any:
        assert data.get_worker_info() is None
        return iter(range(self.start, 0, -1))


def test_a_stream_comes_in_batches_as_it_is() -> None:
    assert [batch.tolist() for batch in data.DataLoader(Countdown(5), batch_size=2)] == [[5, 4], [3, 2], [1]]
    assert [batch.tolist() for batch in data.DataLoader(Countdown(5), 2, drop_last=True)] == [[5, 4], [3, 2]]
    assert [*data.DataLoader(Countdown(2), batch_size=None)] == [2, 1]
    both = Countdown(2) + Countdown(1)
    assert [batch.tolist() for batch in data.DataLoader(both, batch_size=4)] == [[2, 1, 1]]
    assert [*data.DataLoader(Countdown(3), 2, collate_fn=sum)] == [5, 1]
    with pytest.raises(ArgumentError, match="leave shuffle"):
        data.DataLoader(Countdown(2), shuffle=True)
    with pytest.raises(ArgumentError, match="by number"):
        Countdown(2)[0]
    with pytest.raises(ArgumentError, match="ChainDataset"):
        data.ConcatDataset([Countdown(2)])


def test_data_sets_side_by_side() -> None:
    by_place, by_name = data.StackDataset([1, 2], [3.0, 4.0]), data.StackDataset(x=[1, 2], y=[3.0, 4.0])
    assert by_place[1] == (2, 4.0) and by_name[0] == {"x": 1, "y": 3.0} and len(by_name) == 2
    with pytest.raises(ArgumentError, match="one length"):
        data.StackDataset([1], [2, 3])


def test_an_order_of_ones_own() -> None:
    class Backward(data.Sampler):
        def __iter__(self) -> Any:
            return iter(range(len(self.data_source) - 1, -1, -1))

        def __len__(self) -> int:
            return len(self.data_source)

    items = [10, 20, 30]
    assert [batch.tolist() for batch in data.DataLoader(items, 2, sampler=Backward(items))] == [[30, 20], [10]]
    batches = data.BatchSampler(Backward(items), 2, drop_last=True)
    assert [batch.tolist() for batch in data.DataLoader(items, batch_sampler=batches)] == [[30, 20]]
    with pytest.raises(ArgumentError, match="says what is in each batch"):
        data.DataLoader(items, batch_size=3, batch_sampler=batches)
