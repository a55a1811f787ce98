"""GraphRecord <-> file: written whole or not at all, read with every fault told in one sentence."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from pathlib import Path

import numpy as np

from grad_engine.errors import ArgumentError, MissingRecordError, RecordError
from grad_engine.record.atomic_write import replaced
from grad_engine.record.parts import GraphRecord, TensorRecord
from grad_engine.record.read import from_json
from grad_engine.record.rust_layout import graph_from_parts
from grad_engine.record.strict import MAX_BYTES, MAX_DEPTH, MAX_NODES
from grad_engine.record.write import to_json

DEFAULT_PATH = Path("output") / "graph_acyclic.json"  # of the last export
REMEDY = "export_graph(z) writes a record, and so does python -m examples.large --export"


def save_graph(record: GraphRecord, path: str | os.PathLike[str]) -> Path:
    """The path of the file that now holds the record as JSON; folders that are missing are made.

    The file is replaced in one step: whoever reads it, and whatever interrupts the writing, meets the old record or
    the new one, whole. A symbolic link stays, and what it leads to is replaced.

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
    data = to_json(record).encode()
    if len(data) > MAX_BYTES:
        raise RecordError(
            f"a record takes at most {MAX_BYTES:,} bytes, this one {len(data):,}: export a part, or fewer values"
        )
    with replaced(path, RecordError) as file:
        file.write(data)
    return Path(path)


def tensor_data(tensor: TensorRecord, beside: str | os.PathLike[str]) -> np.ndarray:
    """Every element of a recorded tensor, in its shape and dtype; large ones from the `.npz` beside the record's file.

    Raises RecordError when the values were not recorded in full, or the `.npz` is missing, changed or damaged.
    """
    data = tensor.data
    if data is not None and data.values is not None:
        return np.array(data.values, dtype=tensor.dtype).reshape(tensor.shape)
    if data is None or data.file is None:
        raise RecordError(f"{tensor.id} is not recorded in full; export with full_data=True, or a larger max_elements")
    path = Path(beside).with_name(data.file.name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"{path}: the full data of {tensor.id} should be here: {error.strerror}; export again"
        ) from None
    if hashlib.sha256(content).hexdigest() != data.file.sha256:
        raise RecordError(f"{path}: not the file that the record was written with; export again")
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)[data.file.key]
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise RecordError(f"{path}: no array {data.file.key!r} can be read from it: {error}") from None
    if array.shape != tensor.shape or array.dtype.name != tensor.dtype:
        raise RecordError(
            f"{path}: expected {data.file.key!r} of shape {tensor.shape} and dtype {tensor.dtype}, "
            f"got {array.shape} and {array.dtype.name}"
        )
    return array


def load_graph(
    path: str | os.PathLike[str],
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> GraphRecord:
    """The record in a file, checked in every part; or what a folder in the older layout of the Rust engine amounts to.

    Raises:
        MissingRecordError: there is no such file (also a FileNotFoundError).
        RecordError: the file cannot be read or does not keep the format; the message starts with the path of the file
            and the JSON path of the first fault in it.
    """
    name = os.fspath(path)
    try:
        if not os.path.isdir(path):
            content = _content(path, max_bytes)
            return from_json(content, max_bytes=max_bytes, max_depth=max_depth, max_nodes=max_nodes)

        def read(part: str) -> bytes:
            return _content(os.path.join(path, part), max_bytes)

        return graph_from_parts(read, max_bytes=max_bytes, max_depth=max_depth, max_nodes=max_nodes)
    except FileNotFoundError as error:
        missing = error.filename if os.path.isdir(path) else name
        raise MissingRecordError(f"{missing}: there is no such file; {REMEDY}") from None
    except RecordError as error:
        raise RecordError(f"{name}: {error}; {REMEDY}") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise RecordError(f"{name!r}: expected a file that can be read, got {error}; {REMEDY}") from None


def _content(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for its other end
        raise RecordError("expected a file, got a folder or a device")
    with open(path, "rb") as file:
        return file.read(max_bytes + 1)
