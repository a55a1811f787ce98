"""PyTorch's `torch.utils.data`, with PyTorch's own meaning and defaults: data sets item by item, and their loaders.

`grad_engine.data` is the shorter way where all of the data are arrays.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grad_engine.core.defaults import generator_of
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.torch_words import missing
from grad_engine.data import TensorDataset
from grad_engine.errors import ArgumentError
from grad_engine.ops.joining import stack

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset", "RandomSampler",
    "Sampler", "SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler", "TensorDataset",
    "WeightedRandomSampler", "default_collate", "default_convert", "get_worker_info", "random_split",
]  # fmt: skip


class Dataset:
    """Base class of data sets: a subclass has `__len__`, and `__getitem__` for one item by its number."""

    def __getitem__(self, index: Any) -> Any:
        raise ArgumentError(f"{type(self).__name__} has no items; define __getitem__(self, index)")

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Base class of data sets without numbers for their items, such as a stream: a subclass has `__iter__`."""

    def __iter__(self) -> Iterator[Any]:
        raise ArgumentError(f"{type(self).__name__} gives no items; define __iter__(self)")

    def __getitem__(self, index: Any) -> Any:
        raise ArgumentError(f"{type(self).__name__} has no items by number; iterate over it")

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


class ChainDataset(IterableDataset):
    """The items of several data sets without numbers, one data set after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        return (item for dataset in self.datasets for item in dataset)

    def __len__(self) -> int:
        return sum(map(len, self.datasets))


class StackDataset(Dataset):
    """Items of several data sets side by side: a tuple, or a dict where they were given by name."""

    def __init__(self, *datasets: Any, **named: Any) -> None:
        if bool(datasets) == bool(named):
            raise ArgumentError("StackDataset() takes data sets either by place or by name")
        self.datasets: Any = named or datasets
        lengths = {len(each) for each in (named.values() if named else datasets)}
        if len(lengths) > 1:
            raise ArgumentError(f"StackDataset() takes data sets of one length, got {sorted(lengths)}")
        self.length = lengths.pop()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: each[index] for name, each in self.datasets.items()}
        return tuple(each[index] for each in self.datasets)


def get_worker_info() -> None:
    """None: batches are made in this process."""


class Subset(Dataset):
    """The items of another data set at these numbers."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[self.indices[index]]


class ConcatDataset(Dataset):
    """The items of several data sets, one data set after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        for each in self.datasets:
            if isinstance(each, IterableDataset):
                raise ArgumentError(f"{type(each).__name__} has no items by number; write ChainDataset() to join such")
        self.ends: list[int] = np.cumsum([len(each) for each in self.datasets]).tolist()

    @property
    def cumulative_sizes(self) -> list[int]:
        """Where each data set ends, under PyTorch's name."""
        return self.ends

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, index: int) -> Any:
        place = range(len(self))[index]
        which = int(np.searchsorted(self.ends, place, side="right"))
        return self.datasets[which][place - (self.ends[which - 1] if which else 0)]


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset]:
    """Parts of these lengths, or of these fractions, which are 1 in all; what is in which is drawn."""
    count = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9:
        sizes = [math.floor(count * part) for part in lengths]
        for place in range(count - sum(sizes)):
            sizes[place % len(sizes)] += 1
    else:
        sizes = [int(length) for length in lengths]
    if sum(sizes) != count:
        raise ArgumentError(f"random_split() takes lengths whose sum is {count}, that of the data set, got {lengths}")
    order = generator_of(generator).permutation(count).tolist()
    ends = np.cumsum(sizes).tolist()
    return [Subset(dataset, order[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


# --- samplers: in which order -----------------------------------------------------------------------------------------


class Sampler:
    """Base class of what says in which order items come: a subclass has `__iter__`, and `__len__` where it is known."""

    def __init__(self, data_source: Any = None) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[Any]:
        raise ArgumentError(f"{type(self).__name__} gives no numbers; define __iter__(self)")


class SequentialSampler(Sampler):
    """The numbers of all items in order."""

    def __len__(self) -> int:
        return len(self.data_source)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))


class RandomSampler(SequentialSampler):
    """The numbers of all items, drawn anew each time; or `num_samples` of them, with replacement or without."""

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None, generator: Any = None
    ) -> None:
        super().__init__(data_source)
        self.replacement, self.generator = replacement, generator
        self.num_samples = len(data_source) if num_samples is None else num_samples

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        rng, count = generator_of(self.generator), len(self.data_source)
        if self.replacement:
            return iter(rng.integers(0, count, self.num_samples).tolist())
        rounds = [rng.permutation(count) for _ in range(math.ceil(self.num_samples / max(count, 1)))]
        return iter(np.concatenate([*rounds, np.empty(0, int)])[: self.num_samples].tolist())


class SubsetRandomSampler(Sampler):
    """These numbers in an order that is drawn anew each time."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices, self.generator = indices, generator

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        return (self.indices[place] for place in generator_of(self.generator).permutation(len(self.indices)).tolist())


class WeightedRandomSampler(Sampler):
    """`num_samples` numbers, each item drawn in proportion to its weight."""

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Any = None) -> None:
        self.weights, self.num_samples = np.asarray(weights, float), num_samples
        self.replacement, self.generator = replacement, generator

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        shares = self.weights / self.weights.sum()
        rng = generator_of(self.generator)
        return iter(rng.choice(len(shares), self.num_samples, self.replacement, shares).tolist())


class BatchSampler(Sampler):
    """Lists of `batch_size` numbers each of a sampler; the last one may be shorter unless drop_last."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool = False) -> None:
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for number in self.sampler:
            batch.append(number)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch


# --- loaders ----------------------------------------------------------------------------------------------------------


def default_collate(batch: Sequence[Any]) -> Any:
    """The items of a batch as one: tensors and arrays stacked, numbers as a tensor, lists and dicts part by part."""
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, np.ndarray | np.generic):
        return wrap(np.stack([np.asarray(each) for each in batch]), None)
    if isinstance(first, bool | int | float):
        return wrap(np.array(batch), None)
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([each[key] for each in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(column) for column in zip(*batch, strict=True)))
    if isinstance(first, tuple | list):
        return [default_collate(column) for column in zip(*batch, strict=True)]
    raise ArgumentError(
        f"a batch is made of tensors, arrays, numbers, text, lists and dicts, got {type(first).__name__}; pass "
        "collate_fn="
    )


def default_convert(data: Any) -> Any:
    """An item as a loader without batches gives it: arrays as tensors, lists and dicts part by part."""
    if isinstance(data, np.ndarray | np.generic) and np.asarray(data).dtype.kind in "biuf":
        return wrap(np.asarray(data), None)
    if isinstance(data, Mapping):
        return {key: default_convert(each) for key, each in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    return [*map(default_convert, data)] if isinstance(data, tuple | list) else data


class DataLoader:
    """Batches of a data set, in order unless shuffle=True or a sampler says otherwise; PyTorch's DataLoader.

    dataset: what has `len()` and items by number, or an IterableDataset, whose items come as it gives them. collate_fn:
    makes a batch of a list of items. batch_size=None gives the items themselves. Batches are made in this process, one
    after the other; pin_memory changes nothing.
    """

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
        batch_sampler: Any = None, num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0, worker_init_fn: Any = None,
        multiprocessing_context: Any = None, generator: Any = None, **ignored: Any,
    ) -> None:  # fmt: skip
        if sampler is not None and shuffle:
            raise ArgumentError("DataLoader() takes shuffle=True or a sampler, got both; leave shuffle out")
        if batch_size is not None and (isinstance(batch_size, bool) or batch_size != int(batch_size) or batch_size < 1):
            raise ArgumentError(f"batch_size is a whole number from 1 up, or None, got {batch_size!r}")
        streams = isinstance(dataset, IterableDataset)
        if not streams and not hasattr(dataset, "__len__"):
            raise ArgumentError(
                f"DataLoader() takes a data set that has a length, got {type(dataset).__name__}; subclass "
                "IterableDataset for one that has none"
            )
        if streams and (shuffle or sampler is not None or batch_sampler is not None):
            raise ArgumentError(
                f"{type(dataset).__name__} gives its items in an order of its own; leave shuffle, sampler and "
                "batch_sampler out"
            )
        if batch_sampler is not None and (batch_size not in (1, None) or shuffle or sampler is not None or drop_last):
            raise ArgumentError(
                "a batch_sampler says what is in each batch; leave batch_size, shuffle, sampler and drop_last out"
            )
        if num_workers:
            warn_of_spelling(
                f"DataLoader(num_workers={num_workers}) makes the same batches in this process: write num_workers=0"
            )
        self.dataset, self.batch_size, self.drop_last, self.generator = dataset, batch_size, drop_last, generator
        self.sampler = sampler
        if sampler is None and not streams:
            self.sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.batch_sampler, self.collate_fn, self.num_workers = batch_sampler, collate_fn, num_workers

    def __len__(self) -> int:
        """How many batches there are."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)
        count = len(self.dataset if self.sampler is None else self.sampler)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is not None:
            return (self._batch([*numbers]) for numbers in self.batch_sampler)
        if self.sampler is None:
            return self._batches_of_stream()
        order = [*self.sampler]
        if (size := self.batch_size) is None:
            convert = default_convert if self.collate_fn is None else self.collate_fn
            return (convert(self.dataset[number]) for number in order)
        return (self._batch(order[start : start + size]) for start in range(0, len(self) * size, size))

    def _batches_of_stream(self) -> Iterator[Any]:
        items = iter(self.dataset)
        if self.batch_size is None:
            yield from map(default_convert if self.collate_fn is None else self.collate_fn, items)
            return
        collate = default_collate if self.collate_fn is None else self.collate_fn
        while batch := [*itertools.islice(items, self.batch_size)]:
            if len(batch) == self.batch_size or not self.drop_last:
                yield collate(batch)

    def _batch(self, numbers: list[int]) -> Any:
        if type(self.dataset) is TensorDataset and self.collate_fn is None:
            return list(self.dataset[numbers])  # all rows at once
        items = [self.dataset[number] for number in numbers]
        return default_collate(items) if self.collate_fn is None else self.collate_fn(items)


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.utils.data", name, __all__))
