"""A file that is replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from grad_engine.errors import GradEngineError

ABANDONED = 3600.0  # seconds after which a draft that nobody writes to was left behind by a process that was killed

_DRAFT = re.compile(r"\.grad_engine-[0-9a-f]{16}\.tmp\Z")


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str], refusal: type[GradEngineError]) -> Iterator[BinaryIO]:
    """A file to write bytes to, which takes the place of the one at `path` when the block ends well, and else is gone.

    Whoever reads `path`, and whatever interrupts the writing, meets the old content or the new, whole. Folders that are
    missing are made; a symbolic link stays, and what it leads to is replaced. A file that was there keeps its mode.
    Drafts that a killed process left in the folder long ago are removed.

    Raises `refusal` when the path leads to a folder or a device or holds a null character, OSError when the file system
    refuses.
    """
    target = real_target(path, refusal)
    with told_of(path), draft_in(target.parent, mode_of(target)) as (file, draft):
        yield file
        file.flush()
        os.fsync(file.fileno())
        os.replace(draft, target)
    settle(target.parent)


@contextlib.contextmanager
def told_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """A context in which an OSError that names no file, or a draft that nobody has heard of, names `path` instead."""
    try:
        yield
    except BrokenPipeError:  # of standard output
        raise
    except OSError as error:
        name = error.filename
        if name is None or (isinstance(name, str) and _DRAFT.match(os.path.basename(name))):
            error.filename = os.fspath(path)
        raise


def real_target(path: str | os.PathLike[str], refusal: type[GradEngineError]) -> Path:
    """The file that writing to `path` replaces, links followed; its folder is there afterwards."""
    if "\0" in os.fsdecode(path):
        raise refusal(f"{os.fsdecode(path)!r}: a path has no null characters; choose another name")
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise refusal(f"{os.fspath(path)}: expected the name of a file to write to, got that of a folder or device")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def mode_of(path: Path) -> int | None:
    """The permissions of a file; None where there is none."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


@contextlib.contextmanager
def draft_in(folder: Path, mode: int | None = None) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file in a folder and its path; removed when the block ends, unless it has been renamed by then.

    `mode` are its permissions from the first moment on; by default those that the umask leaves.
    """
    _remove_abandoned(folder)
    draft = folder / f".grad_engine-{secrets.token_hex(8)}.tmp"

    def private(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666 if mode is None else mode & 0o700)

    try:
        with open(draft, "xb", opener=private) as file:
            if mode is not None:
                os.chmod(draft, mode)
            yield file, draft
    finally:
        with contextlib.suppress(OSError):  # renamed, or the file system cannot be written to
            draft.unlink()


def _remove_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _DRAFT.match(entry.name):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > ABANDONED:
                        os.unlink(entry.path)


def settle(folder: Path) -> None:
    """Ask the file system to keep new names in a folder through a power cut, where it can be asked."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
