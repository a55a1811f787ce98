"""Full data never parts from its record: killed, twice at once or by turns, what is on disk belongs together."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import RecordError
from grad_engine.record import load_graph, save_graph, tensor_data, to_json
from grad_engine.record.atomic_write import ABANDONED
from tests.records import square
from tests.support import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and locks as POSIX has them")


def export(path: Path, value: float, full: bool = True) -> Path:
    """A record whose leaf `x` is 100 times `value`."""
    x = ge.tensor(np.full((10, 10), value), requires_grad=True, name="x")
    return ge.export_graph((x * 2.0).sum(), path, full_data=full, names={}, explain=False)


def value_in(path: Path) -> float:
    """What a reader finds: the leaf of the record, in full."""
    record = load_graph(path)
    leaf = next(tensor for tensor in record.tensors if tensor.name == "x")
    data = tensor_data(leaf, path)
    assert data.shape == (10, 10) and len(set(data.ravel().tolist())) == 1
    return float(data[0, 0])


def side_files(folder: Path) -> set[str]:
    return {each.name for each in folder.glob("*.npz")}


def test_the_file_is_named_by_its_hash_and_replaced_with_its_record(tmp_path: Path) -> None:
    path = export(tmp_path / "g.json", 1.0)
    (first,) = side_files(tmp_path)
    assert re.fullmatch(r"g-[0-9a-f]{16}\.npz", first)
    export(path, 2.0)
    (second,) = side_files(tmp_path)
    assert second != first
    assert value_in(path) == 2.0
    export(path, 2.0)
    assert side_files(tmp_path) == {second}
    export(path, 3.0, full=False)
    assert side_files(tmp_path) == set()


def test_the_file_that_another_record_names_stays(tmp_path: Path) -> None:
    path = export(tmp_path / "g.json", 1.0)
    other = tmp_path / "copy.of.it"
    other.write_bytes(path.read_bytes())
    export(path, 2.0)
    assert value_in(other) == 1.0
    assert value_in(path) == 2.0
    assert len(side_files(tmp_path)) == 2


def test_only_files_whose_name_is_their_hash_are_removed(tmp_path: Path) -> None:
    path = export(tmp_path / "g.json", 1.0)
    (name,) = side_files(tmp_path)
    mine = tmp_path / "g-0123456789abcdef.npz"
    np.savez(mine, precious=np.arange(3))
    path.write_text(path.read_text().replace(name, mine.name))
    export(path, 2.0)
    assert mine.exists()
    assert (tmp_path / name).exists()  # young: perhaps another writer is about to name it


def test_what_a_killed_export_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    path = export(tmp_path / "g.json", 1.0)
    (left,) = side_files(tmp_path)
    path.unlink()
    other = export(tmp_path / "h.json", 4.0)
    old = time.time() - ABANDONED - 60
    for name in side_files(tmp_path):
        os.utime(tmp_path / name, (old, old))
    export(path, 2.0)
    assert left not in side_files(tmp_path)
    assert value_in(other) == 4.0
    assert value_in(path) == 2.0


@posix
def test_the_file_has_the_mode_of_the_record_that_is_replaced(tmp_path: Path) -> None:
    path = export(tmp_path / "g.json", 1.0)
    path.chmod(0o600)
    export(path, 2.0)
    modes = {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert modes == {0o600}


def test_a_record_of_any_name_has_a_file_that_a_reader_accepts(tmp_path: Path) -> None:
    for name in ("a b.json", "名前.json", ".hidden", "-x.json", "x" * 150):
        path = export(tmp_path / name, 5.0)
        assert value_in(path) == 5.0
    with pytest.raises(ge.ArgumentError, match=r"call it \.json"):
        export(tmp_path / "g.npz", 1.0)


def test_a_record_too_large_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grad_engine.record.files.MAX_BYTES", 500)
    with pytest.raises(RecordError, match="at most 500 bytes"):
        export(tmp_path / "g.json", 1.0)
    assert not list(tmp_path.iterdir())


def test_other_records_and_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps(["g-0123456789abcdef.npz"]))
    (tmp_path / "square.json").write_text(to_json(square()))
    (tmp_path / "weights.npz").write_bytes(b"mine")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    path = export(tmp_path / "g.json", 1.0)
    save_graph(square(), path)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir() if each != path} == before


WRITER = """
import sys
import numpy as np
import grad_engine as ge
print("ready", flush=True)
k = 0
while True:
    k += 1
    x = ge.tensor(np.full((10, 10), float(k % 7 + 1)), requires_grad=True, name="x")
    ge.export_graph((x * 2.0).sum(), sys.argv[1], full_data=True, names={}, explain=False)
"""


@posix
@pytest.mark.slow
def test_killed_writers_leave_a_record_with_its_data(tmp_path: Path) -> None:
    path, dice = tmp_path / "g.json", random.Random(0)
    for _ in range(20):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
            before = path.stat().st_ino if path.exists() else None
            while not path.exists() or path.stat().st_ino == before:
                time.sleep(0.001)
            time.sleep(dice.uniform(0, 0.05))
            writer.send_signal(signal.SIGKILL)
        assert 1 <= value_in(path) <= 7


@posix
@pytest.mark.slow
def test_two_writers_never_show_a_reader_a_mismatch(tmp_path: Path) -> None:
    path = export(tmp_path / "g.json", 1.0)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        end, seen, refusals = time.monotonic() + 8, 0, list[str]()
        while time.monotonic() < end:
            try:
                assert 1 <= value_in(path) <= 7
                seen += 1
            except RecordError as error:  # the record was replaced between the two reads: never another record's data
                refusals.append(str(error))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            assert writer.stdout is not None
            writer.stdout.close()
    assert seen > len(refusals)
    assert all("should be here" in each for each in refusals)
    assert 1 <= value_in(path) <= 7


def test_threads_that_export_by_turns_leave_one_pair(tmp_path: Path) -> None:
    path = tmp_path / "g.json"

    def write(value: float) -> None:
        for _ in range(5):
            export(path, value)

    writers = [threading.Thread(target=write, args=(float(k),)) for k in range(1, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert 1 <= value_in(path) <= 4
    if os.name == "posix":
        assert len(side_files(tmp_path)) == 1
