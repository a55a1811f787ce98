"""A record is saved whole or not at all, and loaded with every fault told in one sentence."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from grad_engine.errors import MissingRecordError, RecordError
from grad_engine.record import (
    GraphRecord,
    load_graph,
    save_graph,
    to_json,
)
from tests.records import (
    chain,
    everything,
    neuron,
    square,
)

ROOT = Path(__file__).parents[2]
GOOD = to_json(square())


def test_save_and_load(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folders" / "graph.json"
    assert save_graph(everything(), path) == path
    assert load_graph(path) == load_graph(str(path)) == everything()
    assert path.read_text(encoding="utf-8") == to_json(everything())
    save_graph(square(), str(path))
    assert load_graph(path) == square()
    assert [each.name for each in path.parent.iterdir()] == ["graph.json"]


def test_save_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert save_graph(square(), "graph.json") == Path("graph.json")
    assert load_graph("graph.json") == square()


def test_nothing_else_in_the_folder_is_touched(tmp_path: Path) -> None:
    others = ["notes.txt", "graph_acyclic.json.bak", ".grad_engine-0.tmp", "video.mp4"]
    for name in others:
        (tmp_path / name).write_text(name)
    save_graph(square(), tmp_path / "graph_acyclic.json")
    assert {each.name for each in tmp_path.iterdir()} == {*others, "graph_acyclic.json"}
    assert all((tmp_path / name).read_text() == name for name in others)


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    path = save_graph(square(), tmp_path / "graph.json")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if failing == "write":
        real = open
        monkeypatch.setattr(
            "builtins.open", lambda path, mode="r", **how: Full(path) if "x" in mode else real(path, mode, **how)
        )
    else:
        monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        save_graph(everything(), path)
    monkeypatch.undo()
    assert load_graph(path) == square()
    assert list(tmp_path.iterdir()) == [path]


class Full:
    """A file on a full disk."""

    def __init__(self, path: Path) -> None:
        Path(path).touch()

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, _: bytes) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
def test_mode_is_as_the_umask_says(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        path = save_graph(square(), tmp_path / "graph.json")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
def test_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.json"
    link = tmp_path / "graph.json"
    link.symlink_to(target)  # its folder is not there yet
    for record in (square(), neuron()):
        assert save_graph(record, link) == link
        assert link.is_symlink()
        assert load_graph(target) == load_graph(link) == record
    assert list(target.parent.iterdir()) == [target]


def test_read_only_file_system_is_told_by_the_name_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fspath(path))

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError, match="Read-only") as told:
        save_graph(square(), tmp_path / "graph.json")
    assert told.value.filename == str(tmp_path / "graph.json")


def test_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="the name of a file to write to"):
        save_graph(square(), tmp_path)
    if os.name == "posix":
        with pytest.raises(RecordError, match="the name of a file to write to"):
            save_graph(square(), os.devnull)
    assert not list(tmp_path.iterdir())


def test_record_that_no_reader_would_take_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grad_engine.record.files.MAX_NODES", 5)
    with pytest.raises(RecordError, match="at most 5 nodes, this one 6: export a part"):
        save_graph(chain(6), tmp_path / "graph.json")
    monkeypatch.setattr("grad_engine.record.files.MAX_BYTES", 500)
    with pytest.raises(RecordError, match="at most 500 bytes"):
        save_graph(chain(5), tmp_path / "graph.json")
    assert not list(tmp_path.iterdir())


WRITER = """
import sys
from tests.records import chain
from grad_engine.record import save_graph
records = [chain(int(size)) for size in sys.argv[2:]]
print("ready", flush=True)
while True:
    for record in records:
        save_graph(record, sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    dice = random.Random(0)
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(path), "3", "300"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            while not path.exists():
                time.sleep(0.005)
            time.sleep(dice.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
        assert len(load_graph(path).nodes) in (3, 300)


def test_eight_writers_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    records = [chain(size) for size in (1, 50, 100, 150, 200, 250, 300, 350)]
    save_graph(records[0], path)
    sizes = {len(record.nodes) for record in records}

    def write(record: GraphRecord) -> None:
        for _ in range(6):
            save_graph(record, path)

    writers = [threading.Thread(target=write, args=(record,)) for record in records]
    for writer in writers:
        writer.start()
    seen = {len(load_graph(path).nodes)}
    while any(writer.is_alive() for writer in writers):
        seen.add(len(load_graph(path).nodes))
    for writer in writers:
        writer.join()
    assert seen <= sizes
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    for kind in (RecordError, FileNotFoundError, MissingRecordError):
        with pytest.raises(kind, match=r"graph\.json: there is no such file; export_graph\(z\) writes a record"):
            load_graph(tmp_path / "graph.json")


def test_fault_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(GOOD.replace('"age":0', '"age":-3'))
    with pytest.raises(RecordError) as fault:
        load_graph(path)
    expected = f"{path}: $.nodes[0].age: expected a whole number, 0 or more, got -3; export_graph(z) writes a record"
    assert str(fault.value).startswith(expected)


def test_file_beyond_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    with open(path, "wb") as file:
        file.truncate(50 * 2**30)  # takes no room on disk, and would take 50 GB to read
    with pytest.raises(RecordError, match=r"at most 1,000 bytes"):
        load_graph(path, max_bytes=1000)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, os.devnull])
def test_odd_paths_are_record_errors(path: str) -> None:
    with pytest.raises(RecordError):
        load_graph(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordError, match="expected a file"):
        load_graph(tmp_path / "pipe")
