"""Data to train on: IDX and CSV files, generated data sets, and mini-batches shuffled by a seed."""

from __future__ import annotations

import csv
import gzip
import math
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice, repeat
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from grad_engine.core.defaults import generator_of
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, MissingTensorFileError, ShapeError, TensorFileError

Path_ = str | os.PathLike[str]
Seed = int | np.random.Generator | None

# The third byte of an IDX file says what it holds.
KINDS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


# --- IDX files, as those of MNIST -------------------------------------------------------------------------------------


class Images(NamedTuple):
    """Images (count, height, width) of bytes with the class of each (count): a training part and a test part."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def read_idx(path: Path_) -> np.ndarray:
    """The array in an IDX file, plain or compressed by gzip, in this machine's byte order.

    Raises MissingTensorFileError when there is no such file, TensorFileError when it is damaged, too short or too long;
    both start with the path.
    """
    try:
        with _opened(path) as file:
            return _idx(file, os.fspath(path))
    except FileNotFoundError:
        raise MissingTensorFileError(
            f"{os.fspath(path)}: there is no such file; look for a spelling with .gz"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise TensorFileError(f"{os.fspath(path)}: cannot be read to its end: {error}; fetch it again") from None


def read_images(folder: Path_) -> Images:
    """The four files of MNIST or of a set in its format, by their usual names, plain or .gz, from `folder`.

    Raises MissingTensorFileError for a file that is not there, TensorFileError for one that is damaged and where there
    are not as many labels as images.
    """
    found: list[np.ndarray] = []
    for part in ("train", "t10k"):
        images, labels = (_one_of(folder, part, kind) for kind in ("images-idx3", "labels-idx1"))
        pair = read_idx(images), read_idx(labels)
        for path, array, axes in ((images, pair[0], 3), (labels, pair[1], 1)):
            if array.ndim != axes:
                raise TensorFileError(f"{path}: expected {axes} axes, got shape {array.shape}; is it another file?")
        if len(pair[0]) != len(pair[1]):
            raise TensorFileError(f"{labels}: holds {len(pair[1])} labels for {len(pair[0])} images; fetch both again")
        found += pair
    return Images(*found)


def _one_of(folder: Path_, part: str, kind: str) -> Path:
    names = [f"{part}-{kind}-ubyte", f"{part}-{kind.replace('-', '.')}-ubyte"]  # some unpackers turn - into a dot
    for name in (each + end for each in names for end in ("", ".gz")):
        if (path := Path(folder) / name).is_file():
            return path
    raise MissingTensorFileError(
        f"{os.fspath(folder)}: holds no {names[0]} or {names[0]}.gz; name the folder that does"
    )


@contextmanager
def _opened(path: Path_) -> Iterator[IO[bytes]]:
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        if not packed:
            yield file
            return
        with gzip.open(file) as unpacked:
            yield unpacked  # type: ignore[misc]


def _idx(file: IO[bytes], shown: str) -> np.ndarray:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in KINDS:
        raise TensorFileError(
            f"{shown}: expected an IDX file, which begins with 0 0, a kind from 8 to 14 and the number of axes, got "
            f"{head.hex(' ') or 'nothing'}; is it another file?"
        )
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise TensorFileError(f"{shown}: ends within the sizes of its {head[3]} axes; fetch it again")
    shape = struct.unpack(f">{head[3]}I", sizes)
    dtype = np.dtype(KINDS[head[2]])
    promised = math.prod(shape) * dtype.itemsize
    parts, held = [], 0
    while held <= promised and (part := file.read(min(1 << 24, promised + 1 - held))):  # a header can promise any size
        parts.append(part)
        held += len(part)
    if held != promised:
        got = f"only {held}" if held < promised else "more"
        raise TensorFileError(f"{shown}: promises {promised} bytes for shape {shape}, holds {got}; fetch it again")
    return np.frombuffer(b"".join(parts), dtype).reshape(shape).astype(dtype.newbyteorder("="))


# --- CSV files --------------------------------------------------------------------------------------------------------


class _Columns(NamedTuple):
    names: tuple[str, ...]
    values: np.ndarray


class Table(_Columns):
    """Numbers (rows, columns) of float64, and the name of each column."""

    left_out: int = 0  # rows of the file that skip_missing left out


MISSING = ("", "?", "na", "n/a", "nan", "null", "none")  # how tables write that there is no number, in any case


def read_csv(
    path: Path_, delimiter: str = ",", *, skip_missing: bool = False, categorical: str | Sequence[str] = ()
) -> Table:
    """The numbers in a CSV file, plain or compressed by gzip; the first line may name the columns.

    Columns without names are called "0", "1", ... Empty lines and what follows a # at the start of a line are skipped.

    skip_missing: leave out rows with a cell that is empty or says NA, nan, null, none or ?; `left_out` counts them.
    categorical: names of columns of text. In the place of each come columns of 0 and 1, one for each of its texts, in
        alphabetical order: "city=Oslo", "city=Rome".

    Raises MissingTensorFileError when there is no such file, TensorFileError, with the line, for a row that is longer
    or shorter than the first, for what is not a number, for a name that no column has, and for a file without rows.
    """
    shown = os.fspath(path)
    chosen = (categorical,) if isinstance(categorical, str) else tuple(categorical)
    names, rows = _cells(shown, delimiter, chosen)
    found_rows = len(rows)
    if skip_missing:
        rows = [(line, cells) for line, cells in rows if not any(cell.strip().lower() in MISSING for cell in cells)]
    if not rows:
        raise TensorFileError(f"{shown}: holds no row of numbers; name a CSV file that does")
    if strangers := set(chosen) - set(names):
        known = ", ".join(names)[:200]
        raise TensorFileError(f"{shown}: categorical names {min(strangers)!r}, which is none of its columns: {known}")
    found: dict[str, Any] = {}
    for column, name in enumerate(names):
        if name in chosen:
            texts = [cells[column].strip() for _, cells in rows]
            found |= {f"{name}={text}": [each == text for each in texts] for text in sorted(set(texts))}
        else:
            found[name] = [_number(shown, line, name, cells[column]) for line, cells in rows]
    table = Table(tuple(found), np.array(list(found.values()), float).T.copy())
    table.left_out = found_rows - len(rows)
    return table


def _cells(shown: str, delimiter: str, chosen: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    """The names of the columns, and each row as the number of its line and its cells."""
    try:
        with _opened(shown) as file:
            text = file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise MissingTensorFileError(f"{shown}: there is no such file; name a CSV file of numbers") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise TensorFileError(f"{shown}: cannot be read as text: {error}; save it as CSV in UTF-8") from None
    names: tuple[str, ...] = ()
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    for cells in reader:
        if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
            continue
        if not names:
            titles = tuple(cell.strip() for cell in cells)
            named = all(_parsed(cell) is None for cell in cells) or (bool(chosen) and set(chosen) <= set(titles))
            names = titles if named else tuple(map(str, range(len(cells))))
            if named:
                if len(set(names)) < len(names):
                    twice = next(name for name in names if names.count(name) > 1)
                    raise TensorFileError(f"{shown}: two columns are called {twice!r}; rename one")
                continue
        if len(cells) != len(names):
            first = text.partition("\n")[0]
            others = [each for each in ";\t|," if each != delimiter and each in first]
            way = f"pass delimiter={others[0]!r}" if others else "mend it"
            raise TensorFileError(
                f"{shown}, line {reader.line_num}: expected {len(names)} cells, got {len(cells)}; {way}"
            )
        rows.append((reader.line_num, cells))
    return names, rows


def _number(shown: str, line: int, name: str, cell: str) -> float:
    number = _parsed(cell)
    if number is None:
        place = f"column {int(name) + 1}" if name.isdecimal() else f"column {name!r}"
        way = (
            "fill it in, or leave out such rows with skip_missing=True (--skip-missing)"
            if cell.strip().lower() in MISSING
            else f"mend it, or take each text of the column as a category with categorical={name!r} (--categorical)"
        )
        raise TensorFileError(f"{shown}, line {line}, {place}: expected a number, got {cell[:40]!r}; {way}")
    return number


def _parsed(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


# --- generated --------------------------------------------------------------------------------------------------------


def moons(count: int, noise: float = 0.1, seed: Seed = None) -> tuple[np.ndarray, np.ndarray]:
    """Points (count, 2) on two half circles that reach into each other, and which one, 0 or 1, each is on (count).

    noise: the standard deviation by which each point is off its circle of radius 1.
    """
    rng = generator_of(seed)
    labels = np.arange(count) % 2
    angle = rng.uniform(0, math.pi, count)
    upper, lower = np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    return np.where(labels[:, None] == 0, upper, lower) + rng.normal(0, noise, (count, 2)), labels


def regression_table(rows: int = 506, columns: int = 13, noise: float = 0.1, seed: Seed = None) -> Table:
    """Random numbers in `columns` columns, and a last one, "target", that follows from them by a smooth bent rule.

    noise: the standard deviation of what does not follow from them; the rest of the target has about 1.
    """
    rng = generator_of(seed)
    x = rng.standard_normal((rows, columns)) * rng.uniform(0.5, 20, columns) + rng.uniform(-50, 50, columns)
    z = standardized(x) @ rng.standard_normal((columns, 3)) / math.sqrt(columns)
    target = np.tanh(2 * z[:, 0]) + 0.5 * z[:, 1] + 0.5 * np.abs(z[:, 2]) + rng.normal(0, noise, rows)
    return Table((*(f"x{k + 1}" for k in range(columns)), "target"), np.column_stack([x, target]))


# --- on the way to a model --------------------------------------------------------------------------------------------


def standardized(x: Any, by: Any = None) -> np.ndarray:
    """x (rows, ...) minus the mean over the rows of `by`, divided by their standard deviation; `by` is x by default.

    Pass the rows trained on as `by` for the others, which must not be looked at. Where all of `by` is equal, the
    difference is left as it is.
    """
    x = np.asarray(x, float)
    by = x if by is None else np.asarray(by, float)
    if not len(by) or by.shape[1:] != x.shape[1:]:
        raise ShapeError(f"standardized() takes rows alike in x and by, got shapes {x.shape} and {by.shape}")
    spread = by.std(axis=0)
    return (x - by.mean(axis=0)) / np.where(spread > 0, spread, 1)


def split(*arrays: Any, held_out: float = 0.2, seed: Seed = None) -> list[tuple[Any, Any]]:
    """(training part, held-out part) of each array; the rows of all arrays are shuffled and split in the same way."""
    count = _rows(arrays)
    if not 0 <= held_out <= 1:
        raise ArgumentError(f"held_out is the part of the rows to hold out, from 0 to 1, got {held_out!r}")
    order = generator_of(seed).permutation(count)
    cut = count - round(count * held_out)
    return [(np.asarray(array)[order[:cut]], np.asarray(array)[order[cut:]]) for array in arrays]


class TensorDataset:
    """Arrays or tensors of equal length whose rows belong together: item i is the i-th row of each."""

    def __init__(self, *tensors: Any) -> None:
        self.rows = _rows(tensors)
        self.tensors = tuple(each if type(each) is Tensor else wrap(np.asarray(each), None) for each in tensors)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(each[index] for each in self.tensors)


class DataLoader:
    """Mini-batches of one or several arrays of equal length: `for x, y in DataLoader(images, labels, batch_size=32)`.

    A TensorDataset may stand in their place. Unlike in PyTorch, the order is shuffled unless shuffle=False.

    Each time it is iterated over, it gives every row once, as tensors that need no gradient. shuffle: in an order that
    follows from the seed and the number of times before; `epoch` is that number, and can be set to go on from there.
    drop_last: leave out a last batch that would be smaller than the others.
    """

    def __init__(
        self, *arrays: Any, batch_size: int = 32, shuffle: bool | None = None, seed: int | None = None,
        drop_last: bool = False,
    ) -> None:  # fmt: skip
        if len(arrays) == 1 and isinstance(arrays[0], TensorDataset):
            if shuffle is None:
                warn_of_spelling(
                    "DataLoader() without shuffle= shuffles, where PyTorch keeps the order: write shuffle=True or False"
                )
            arrays = arrays[0].tensors
        shuffle = shuffle is not False
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ArgumentError(f"batch_size is a whole number from 1 up, got {batch_size!r}")
        self.rows = _rows(arrays)
        self.dataset = TensorDataset(*arrays)
        self.arrays = tuple(array.data if type(array) is Tensor else np.asarray(array) for array in arrays)
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self.seed = int(generator_of().integers(2**63)) if seed is None else seed
        self.epoch = 0

    def __len__(self) -> int:
        """How many batches there are."""
        return self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows) if self.shuffle else None
        self.epoch += 1
        return (self._batch(number * self.batch_size, order) for number in range(len(self)))

    def repeated(self, steps: int) -> Iterator[tuple[Tensor, ...]]:
        """So many batches, from as many epochs as it takes."""
        if steps and not len(self):
            raise ShapeError(f"there is no batch of {self.batch_size} in {self.rows} rows; give it more rows")
        return islice(chain.from_iterable(repeat(self)), steps)

    def _batch(self, start: int, order: np.ndarray | None) -> tuple[Tensor, ...]:
        rows: Any = slice(start, start + self.batch_size)
        if order is not None:
            rows = order[rows]
        return tuple(wrap(array[rows], None) for array in self.arrays)


def _rows(arrays: tuple[Any, ...]) -> int:
    counts = [len(array) if np.ndim(array) else None for array in arrays]
    if not counts or None in counts or len({*counts}) > 1:
        shapes = ", ".join(str(np.shape(array)) for array in arrays) or "none"
        raise ShapeError(f"arrays with as many rows in each are needed, got shapes {shapes}; cut them to one length")
    return counts[0] or 0
