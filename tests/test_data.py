"""Files of numbers and how they fail, generated numbers, batches, and the bar beside a training loop."""

from __future__ import annotations

import gzip
import io
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import data, progress
from grad_engine.errors import ArgumentError, GradEngineError, MissingTensorFileError, ShapeError, TensorFileError
from tests.support import KINDS, idx, image_files

# --- IDX --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (5,), (), (0, 3)])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_idx_files_are_read(dtype: type, shape: tuple[int, ...], packed: bool, tmp_path: Path) -> None:
    array = np.asarray(np.random.default_rng(0).integers(0, 100, shape)).astype(dtype)
    path = tmp_path / "array"  # whether it is packed is seen from its bytes
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    read = data.read_idx(path)
    assert read.dtype == dtype and read.dtype.isnative and read.flags.writeable
    np.testing.assert_array_equal(read, array)


GOOD = idx(np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "got nothing"),
        (b"\x89PNG\r\n", "89 50 4e 47"),
        (b"\0\0\x07\x01" + GOOD[4:], "a kind from 8 to 14"),
        (GOOD[:6], "ends within the sizes of its 2 axes"),
        (GOOD[:-1], r"promises 6 bytes for shape \(2, 3\), holds only 5"),
        (GOOD + b"\0", "holds more"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, "holds only 0"),
        (gzip.compress(GOOD, mtime=0)[:-9], "cannot be read to its end"),
        (gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8, "cannot be read to its end"),
    ],
    ids=["empty", "png", "kind", "axes", "short", "long", "huge", "gz-cut", "gz-checksum"],
)
def test_damaged_idx_files_say_what_is_wrong(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(TensorFileError, match=complaint) as caught:
        data.read_idx(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_folder_of_images(packed: bool, tmp_path: Path) -> None:
    images = data.read_images(image_files(tmp_path, packed=packed))
    assert [array.shape for array in images] == [(20, 5, 5), (20,), (8, 5, 5), (8,)]
    assert (images.train_images.reshape(20, -1).argmax(1) == images.train_labels).all()


def test_a_folder_that_lacks_something_says_what(tmp_path: Path) -> None:
    image_files(tmp_path)
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(idx(np.zeros(7, np.uint8)))
    with pytest.raises(TensorFileError, match="holds 7 labels for 8 images"):
        data.read_images(tmp_path)
    labels.write_bytes(idx(np.zeros((8, 1), np.uint8)))
    with pytest.raises(TensorFileError, match="expected 1 axes"):
        data.read_images(tmp_path)
    labels.unlink()
    with pytest.raises(MissingTensorFileError, match="t10k-labels"):
        data.read_images(tmp_path)
    with pytest.raises(MissingTensorFileError, match="no such file"):
        data.read_idx(labels)


# --- CSV --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names", "values"),
    [
        ("a,b\n1,2\n3.5,-4e2\n", ("a", "b"), [[1, 2], [3.5, -400]]),
        ("\ufeff x , y \r\n\r\n# a remark\r\n 1 , nan \r\n", ("x", "y"), [[1, math.nan]]),
        ("1,2\n3,4", ("0", "1"), [[1, 2], [3, 4]]),
        ('"first, and only"\n7\n', ("first, and only",), [[7]]),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_csv_tables_are_read(text: str, names: tuple[str, ...], values: Any, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    table = data.read_csv(path)
    assert table.names == names
    np.testing.assert_array_equal(table.values, values)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a,b\n1,2\n3\n", "line 3: expected 2 cells, got 1"),
        (b"a,b\n1,2,3\n", "line 2: expected 2 cells, got 3"),
        (b"a,b\n1,2\n3,many\n", "line 3, column 'b': expected a number, got 'many'; .* categorical='b'"),
        (b"1,2\n3,\n", "line 2, column 2: expected a number, got ''; .* skip_missing=True"),
        (b"a,a\n1,2\n", "two columns are called 'a'; rename one"),
        (b"1,b\n3,4\n", "line 1, column 2"),
        (b"a,b\n", "no row"),
        (b"", "no row"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_bad_csv_tables_say_where(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TensorFileError, match=complaint) as caught:
        data.read_csv(path)
    assert str(caught.value).startswith(str(path))


ROOMS = "size,city,price\n20,Oslo,3\n,Rome,2\n30,Rome,NA\n25,Rome,4\n"


def test_gaps_are_left_out_and_texts_become_columns(tmp_path: Path) -> None:
    path = tmp_path / "rooms.csv"
    path.write_text(ROOMS, encoding="utf-8")
    table = data.read_csv(path, skip_missing=True, categorical="city")
    names, values = table
    assert table.left_out == 2 and names is table.names and values is table.values
    assert table.names == ("size", "city=Oslo", "city=Rome", "price")
    assert table.values.tolist() == [[20, 1, 0, 3], [25, 0, 1, 4]] and table.values.flags.c_contiguous
    path.write_text("1,2019\n3,x\n", encoding="utf-8")
    assert data.read_csv(path, categorical=["2019"]).names == ("1", "2019=x"), "a chosen name makes a line of titles"
    with pytest.raises(TensorFileError, match="categorical names 'town', which is none of its columns: 0, 1"):
        data.read_csv(path, categorical=["town"])
    path.write_text("a\n\nNA\n?\n", encoding="utf-8")
    with pytest.raises(TensorFileError, match="no row"):
        data.read_csv(path, skip_missing=True)


def test_another_delimiter_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a;b\n1;2\n", encoding="utf-8")
    assert data.read_csv(tmp_path / "t", delimiter=";").values.tolist() == [[1, 2]]
    with pytest.raises(MissingTensorFileError):
        data.read_csv(tmp_path / "nothing")


# --- generated numbers and what is done to them -----------------------------------------------------------------------


def test_moons_lie_on_their_half_circles() -> None:
    x, y = data.moons(400, noise=0, seed=0)
    assert np.bincount(y).tolist() == [200, 200]
    np.testing.assert_allclose(np.hypot(*x[y == 0].T), 1)
    np.testing.assert_allclose(np.hypot(*(x[y == 1] - [1, 0.5]).T), 1)
    assert (x[y == 0][:, 1] >= 0).all() and (x[y == 1][:, 1] <= 0.5).all()
    assert 0.15 < np.std(data.moons(400, noise=0.2, seed=0)[0] - x) < 0.25
    assert (data.moons(9, seed=1)[0] == data.moons(9, seed=1)[0]).all()


def test_the_generated_table_can_be_learnt_from() -> None:
    table = data.regression_table(seed=0)
    assert table.values.shape == (506, 14) and table.names[-1] == "target"
    x, y = data.standardized(table.values[:, :-1]), table.values[:, -1]
    assert 0.4 < y.std() < 2
    explained = np.linalg.lstsq(np.column_stack([x, np.ones(506)]), y, rcond=None)[0]
    residual = y - np.column_stack([x, np.ones(506)]) @ explained
    assert 0.2 < residual.std() / y.std() < 0.9, "some of it, but not all of it, is linear"
    assert (table.values == data.regression_table(seed=0).values).all()


def test_standardized_looks_at_the_training_rows_only() -> None:
    train, test = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[5.0, 6.0]])
    assert data.standardized(train).tolist() == [[-1, 0], [1, 0]]
    assert data.standardized(test, by=train).tolist() == [[3, 1]]


def test_split_cuts_all_alike() -> None:
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    (x_train, x_test), (y_train, y_test) = data.split(x, y, held_out=0.3, seed=0)
    assert len(x_train) == 7 and len(x_test) == 3
    np.testing.assert_array_equal(x_train[:, 0] // 2, y_train)
    np.testing.assert_array_equal(x_test[:, 0] // 2, y_test)
    assert sorted([*y_train, *y_test]) == [*range(10)] and y_train.tolist() != sorted(y_train)


# --- batches ----------------------------------------------------------------------------------------------------------


def test_every_row_comes_once_an_epoch_in_an_order_that_the_seed_fixes() -> None:
    x, y = np.arange(10.0), np.arange(10)
    loader, twin = (data.DataLoader(x, y, batch_size=4, seed=3) for _ in range(2))
    assert len(loader) == 3
    epochs = [list(loader) for _ in range(2)]
    for epoch in epochs:
        assert [b.shape for b, _ in epoch] == [(4,), (4,), (2,)]
        assert sorted(v for b, _ in epoch for v in b.tolist()) == x.tolist()
        assert all((b.data == c.data).all() and c.dtype == y.dtype and not b.requires_grad for b, c in epoch)
    twin.epoch = 1
    again = [b.tolist() for b, _ in twin]
    assert again == [b.tolist() for b, _ in epochs[1]] != [b.tolist() for b, _ in epochs[0]]


def test_as_many_batches_as_are_asked_for() -> None:
    loader = data.DataLoader(np.arange(10), batch_size=4, seed=3)
    batches = list(loader.repeated(7))
    assert [len(b) for (b,) in batches] == [4, 4, 2, 4, 4, 2, 4] and loader.epoch == 3
    assert sorted(v for (b,) in batches[:3] for v in b.tolist()) == [*range(10)]
    with pytest.raises(ShapeError, match="no batch"):
        data.DataLoader(np.zeros(0)).repeated(1)


def test_batches_in_order_and_of_one_size() -> None:
    loader = data.DataLoader(ge.arange(5), batch_size=2, shuffle=False, drop_last=True)
    assert len(loader) == 2 and [b.tolist() for (b,) in loader] == [[0, 1], [2, 3]]
    assert len(data.DataLoader(np.zeros((0, 2)))) == 0
    orders = {tuple(b.tolist()) for _ in range(2) for (b,) in data.DataLoader(np.arange(30), batch_size=30)}
    assert len(orders) == 2, "without a seed the order is new each time"


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: data.DataLoader(), "got shapes none"),
        (lambda: data.DataLoader(np.zeros(3), np.zeros(4)), r"\(3,\), \(4,\)"),
        (lambda: data.DataLoader(1.0), r"shapes \(\)"),
        (lambda: data.DataLoader(np.zeros(3), batch_size=0), "batch_size"),
        (lambda: data.split(np.zeros(3), held_out=2), "held_out"),
        (lambda: data.standardized(np.zeros((3, 2)), by=np.zeros((3, 1))), r"\(3, 2\) and \(3, 1\)"),
        (lambda: data.standardized(np.zeros((0, 2))), "rows"),
    ],
)
def test_misuse_is_refused(call: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(GradEngineError, match=complaint) as caught:
        call()
    assert isinstance(caught.value, ArgumentError | ShapeError)


# --- progress ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_shows_numbers_and_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    seen = []
    for k in (bar := progress.track(range(5), "epoch 1")):
        seen.append(k)
        bar.show(loss=1 / (k + 1), accuracy=k / 4)
    last = screen.getvalue().split("epoch 1")[-1]
    assert seen == [0, 1, 2, 3, 4]
    assert "5/5" in last and "loss 0.2" in last and "accuracy 100.0 %" in last and "/s" in last


def test_the_bar_ends_well_when_the_loop_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    items = iter(progress.track(range(5)))
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert screen.getvalue().endswith("\x1b[?25h"), "the cursor is back"


def test_no_terminal_no_bar_and_no_rich() -> None:
    program = (
        "import sys; from grad_engine.progress import track; "
        "t = track(iter('abc')); print([x for x in t], t.show(loss=1), 'rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[1], env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    assert done.stdout == "['a', 'b', 'c'] None False\n" and done.stderr == ""


def test_sparklines() -> None:
    assert progress.sparkline(range(8)) == progress.LEVELS
    assert progress.sparkline([1, 1, 0, 0, 1, 1], width=3) == "█▁█"
    assert progress.sparkline([0, math.nan, 1, math.inf]) == "▁ █ "
    assert progress.sparkline([2, 2]) == "▁▁" and progress.sparkline([]) == ""
    assert len(progress.sparkline(range(1000), width=40)) == 40


def test_a_table_parted_by_semicolons_is_told_how_to_be_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("a;b\n1,5;2\n", encoding="utf-8")
    with pytest.raises(TensorFileError, match="pass delimiter=';'"):
        data.read_csv(path)
