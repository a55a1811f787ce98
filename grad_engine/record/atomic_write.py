"""A file that is replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from grad_engine.errors import GradEngineError


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str], refusal: type[GradEngineError]) -> Iterator[BinaryIO]:
    """A file to write bytes to, which takes the place of the one at `path` when the block ends well, and else is gone.

    Whoever reads `path`, and whatever interrupts the writing, meets the old content or the new, whole. Folders that are
    missing are made; a symbolic link stays, and what it leads to is replaced.

    Raises `refusal` when the path leads to a folder or a device, OSError when the file system refuses.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise refusal(f"{os.fspath(path)}: expected the name of a file to write to, got that of a folder or device")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".grad_engine-{secrets.token_hex(8)}.tmp")
    try:
        with open(draft, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException as error:
        with contextlib.suppress(OSError):  # a file system that cannot be written to refuses this as well
            draft.unlink()
        if isinstance(error, OSError) and error.filename == os.fspath(draft):
            error.filename = os.fspath(path)  # nobody has heard of the draft
        raise
    _settle(target.parent)


def _settle(folder: Path) -> None:
    """Ask the file system to keep the new name through a power cut, where it can be asked."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
