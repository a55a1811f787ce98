"""GraphRecord <-> file: written whole or not at all, read with every fault told in one sentence."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from grad_engine.errors import ArgumentError, MissingRecordError, RecordError
from grad_engine.record.atomic_write import ABANDONED, draft_in, mode_of, real_target, replaced, settle, told_of
from grad_engine.record.npz import DAMAGE, Archive, regular_file, write_arrays
from grad_engine.record.parts import FORMAT, FileRecord, GraphRecord, TensorRecord
from grad_engine.record.read import from_json
from grad_engine.record.rust_layout import FOLDERS, PAIRS, graph_from_parts
from grad_engine.record.strict import MAX_BYTES, MAX_DEPTH, MAX_NODES
from grad_engine.record.write import to_json

DEFAULT_PATH = Path("output") / "graph_acyclic.json"  # of the last export
MOST_DATA = 4 * 2**30  # bytes of a file of full data that are read
HASHED = 16  # first digits of its hash in the name of a file of full data
PATIENCE = 10.0  # seconds to wait for another writer in the same folder
REMEDY = "export_graph(z) writes a record, and so does python -m examples.large --export"


def save_graph(
    record: GraphRecord, path: str | os.PathLike[str], *, arrays: Mapping[str, np.ndarray] | None = None
) -> Path:
    """The path of the file that now holds the record as JSON; folders that are missing are made.

    The file is replaced in one step: whoever reads it, and whatever interrupts the writing, meets the old record or
    the new one, whole. A symbolic link stays, and what it leads to is replaced.

    `arrays` are the full data of tensors, by tensor id. They go to an `.npz` beside the record that is named by its
    hash: written before the record, so that a record on disk never lacks its data. When the record is in its place, the
    `.npz` of the record that it replaced is removed, unless another record in the folder names it.

    Raises:
        RecordError: the record is larger than a reader would accept, or the path leads to a folder or a device.
        OSError: the file system refuses.
    """
    if not isinstance(record, GraphRecord):
        raise ArgumentError(
            f"save_graph() writes a GraphRecord, got {type(record).__name__}: export_graph(z, path) writes that "
            "of a tensor"
        )
    if len(record.nodes) > MAX_NODES:
        raise RecordError(f"a record holds at most {MAX_NODES:,} nodes, this one {len(record.nodes):,}: export a part")
    target = real_target(path, RecordError)
    if arrays and target.suffix == ".npz":
        raise ArgumentError(f"{path} is to hold the record, and its full data goes to an .npz beside it; call it .json")
    data = b"" if arrays else _bytes_of(record)
    with _alone_in(target.parent) as alone:
        if arrays:
            record, data = _with_data(record, arrays, target)
        before = _data_files_of(target)
        with replaced(path, RecordError) as file:
            file.write(data)
        if alone:
            named = {each.data.file.name for each in record.tensors if each.data is not None and each.data.file}
            _remove_unnamed(target, before - named)
    return Path(path)


def _bytes_of(record: GraphRecord) -> bytes:
    data = to_json(record).encode()
    if len(data) > MAX_BYTES:
        raise RecordError(
            f"a record takes at most {MAX_BYTES:,} bytes, this one {len(data):,}: export a part, or fewer values"
        )
    return data


def _with_data(record: GraphRecord, arrays: Mapping[str, np.ndarray], target: Path) -> tuple[GraphRecord, bytes]:
    """The record with the name of the file that now holds its full data, and its bytes."""
    with told_of(target), draft_in(target.parent, mode_of(target)) as (file, draft):
        write_arrays(file, arrays)
        file.flush()
        os.fsync(file.fileno())
        digest = _digest(draft)
        name = f"{_stem(target)}-{digest[:HASHED]}.npz"
        tensors = tuple(
            replace(tensor, data=replace(tensor.data, file=FileRecord(name, tensor.id, digest)))
            if tensor.id in arrays and tensor.data is not None
            else tensor
            for tensor in record.tensors
        )
        record = replace(record, tensors=tensors)
        data = _bytes_of(record)  # refused before anything is in its place
        os.replace(draft, target.parent / name)
    settle(target.parent)
    return record, data


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[bool]:
    """Whether no other writer of ours is at work in a folder until the block ends; waited for, but not for ever.

    Where a folder cannot be locked (Windows, some network drives), the answer is False and nothing is removed.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield False
        return
    try:
        alone = False
        end = time.monotonic() + PATIENCE
        while not alone and time.monotonic() < end:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                alone = True
            except BlockingIOError:
                time.sleep(0.002)
            except OSError:
                break
        yield alone
    finally:
        os.close(handle)


# Only files that are named by their own hash are ever removed, and only when the name is true.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}-[0-9a-f]{16}\.npz"
_NAMED = re.compile(f'"name":"({_NAME})"'.encode())
_OURS = re.compile(f"{_NAME}\\Z")


def _stem(target: Path) -> str:
    """What the names of a record's files of full data begin with: its own, in letters that a record may hold."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", target.stem)[:100].lstrip(".-") or "graph"


def _data_files_of(path: Path) -> set[str]:
    """The names of the files of full data that the record at a path speaks of, as this module names them."""
    try:
        with regular_file(path) as file:
            head = file.read(64)
            if f'"format":{json.dumps(FORMAT)}'.encode() not in head:
                return set()
            return {name.decode() for name in _NAMED.findall(head + file.read(MAX_BYTES))}
    except OSError:
        return set()


def _remove_unnamed(target: Path, names: set[str]) -> None:
    """Remove the files of full data in `names`, and old ones of this record, that no record in the folder speaks of."""
    folder, stem = target.parent, _stem(target)
    with contextlib.suppress(OSError):
        there = os.listdir(folder)
        own = [name for name in there if _OURS.match(name) and name[: -len("-.npz") - HASHED] == stem]
        # What a process left behind that was killed between its two files is old, and has the name of this record.
        old = {name for name in own if time.time() - (folder / name).stat().st_mtime > ABANDONED}
        names = (names | old) & set(there)
        for other in there if names else ():
            if not other.endswith(".npz"):
                names = names - _data_files_of(folder / other)
        for name in names:
            if _digest(folder / name).startswith(name[-len(".npz") - HASHED : -len(".npz")]):
                (folder / name).unlink()


def tensor_data(tensor: TensorRecord, beside: str | os.PathLike[str], *, max_bytes: float = MOST_DATA) -> np.ndarray:
    """Every element of a recorded tensor, in its shape and dtype; large ones from the `.npz` beside the record's file.

    Raises RecordError when the values were not recorded in full, or the `.npz` is missing, changed, damaged, or larger
    than `max_bytes`.
    """
    data = tensor.data
    if data is not None and data.values is not None:
        try:
            return np.array(data.values, dtype=tensor.dtype).reshape(tensor.shape)
        except (TypeError, ValueError, OverflowError) as error:
            raise RecordError(
                f"{tensor.id} has the dtype {tensor.dtype[:40]!r}, which NumPy cannot make of its values: {error}"
            ) from None
    if data is None or data.file is None:
        raise RecordError(f"{tensor.id} is not recorded in full; export with full_data=True, or a larger max_elements")
    path = Path(beside).with_name(data.file.name)
    try:
        with regular_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise RecordError(
                    f"{path}: it has {size:,} bytes, and {int(max_bytes):,} are the most that are read; pass a larger "
                    "max_bytes"
                )
            if hashlib.file_digest(file, "sha256").hexdigest() != data.file.sha256:
                raise RecordError(f"{path}: not the file that the record was written with; export again")
            return Archive(file, RecordError).array(data.file.key, (tensor.shape, tensor.dtype))
    except RecordError as error:
        raise error if str(error).startswith(str(path)) else RecordError(f"{path}: {error}") from None
    except OSError as error:
        reason = error.strerror or error
        raise RecordError(f"{path}: the full data of {tensor.id} should be here: {reason}; export again") from None
    except DAMAGE as error:
        raise RecordError(f"{path}: no array {data.file.key[:80]!r} can be read from it: {error}") from None


def load_graph(
    path: str | os.PathLike[str],
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> GraphRecord:
    """The record in a file, checked in every part.

    The layout of the Rust engine is read as well: a folder, or the list in it beside the folders `nodes` and `tensors`.

    Raises:
        MissingRecordError: there is no such file (also a FileNotFoundError).
        RecordError: the file cannot be read or does not keep the format; the message starts with the path of the file
            and the JSON path of the first fault in it.
    """
    name = os.fsdecode(path)
    try:
        folder, pairs = name, PAIRS
        if not os.path.isdir(path):
            content = _content(path, max_bytes)
            folder, pairs = os.path.split(name)
            if not _is_list_of_pairs(content, folder):
                return from_json(content, max_bytes=max_bytes, max_depth=max_depth, max_nodes=max_nodes)

        def read(part: str) -> bytes:
            return _content(os.path.join(folder, part), max_bytes)

        return graph_from_parts(read, pairs, max_bytes=max_bytes, max_depth=max_depth, max_nodes=max_nodes)
    except FileNotFoundError as error:
        missing = error.filename or name or repr(name)
        raise MissingRecordError(f"{missing}: there is no such file; {REMEDY}") from None
    except RecordError as error:
        raise RecordError(f"{name}: {error}; {REMEDY}") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise RecordError(f"{name!r}: expected a file that can be read, got {error}; {REMEDY}") from None


def _is_list_of_pairs(content: bytes, folder: str) -> bool:
    """Whether a file is that of the Rust engine: a list, beside the folders with its other parts."""
    return content[:64].lstrip()[:1] == b"[" and all(os.path.isdir(os.path.join(folder, part)) for part in FOLDERS)


def _content(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise RecordError("expected a file, got a folder or a device")
    with regular_file(path) as file:
        return file.read(max_bytes + 1)
