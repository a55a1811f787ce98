"""A file is replaced whole or not at all, keeps its mode, and nothing else in its folder is touched."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from grad_engine.errors import RecordError
from grad_engine.record.atomic_write import ABANDONED, replaced

posix = pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")


def put(path: Path, content: bytes) -> None:
    with replaced(path, RecordError) as file:
        file.write(content)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "g.json"
    put(path, b"old")
    path.chmod(mode)
    put(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_the_draft_of_a_private_file_is_private_from_the_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    put(path, b"old")
    path.chmod(0o600)
    with replaced(path, RecordError) as file:
        (draft,) = tmp_path.glob(".grad_engine-*.tmp")
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        file.write(b"new")


def test_drafts_of_killed_processes_are_removed_when_they_are_old(tmp_path: Path) -> None:
    names = [".grad_engine-0123456789abcdef.tmp", ".grad_engine-fedcba9876543210.tmp"]
    others = [".grad_engine-0.tmp", "grad_engine-0123456789abcdef.tmp", ".grad_engine-0123456789abcdef.tmp.txt"]
    for name in (*names, *others):
        (tmp_path / name).write_bytes(b"left behind")
    old = time.time() - ABANDONED - 60
    for name in (names[0], *others):
        os.utime(tmp_path / name, (old, old))
    put(tmp_path / "g.json", b"new")
    assert {each.name for each in tmp_path.iterdir()} == {names[1], *others, "g.json"}


def test_an_interrupt_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    put(path, b"old")

    def write() -> None:
        with replaced(path, RecordError) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", ["a\0b", "\0"])
def test_a_path_with_a_null_character_is_refused(path: str) -> None:
    with pytest.raises(RecordError, match="null characters"), replaced(path, RecordError):
        pytest.fail("nothing is written")


@pytest.mark.parametrize("filename", [None, ".grad_engine-0123456789abcdef.tmp"])
def test_a_full_disk_names_the_file_that_was_asked_for(filename: str | None, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, replaced(tmp_path / "a.json", RecordError):
        raise OSError(errno.ENOSPC, "No space left on device", *([filename] if filename else []))
    assert caught.value.filename == str(tmp_path / "a.json")
    with pytest.raises(BrokenPipeError) as broken, replaced(tmp_path / "a.json", RecordError):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    assert broken.value.filename is None, "that of standard output"
    assert list(tmp_path.iterdir()) == []
